import zipfile

from documents.extraction import extract_pages, sniff
from documents.extraction.registry import PPTX
from tests.support.made.files import A, pptx, relations, shape


def read(tmp_path, *slides, **options):
    path = pptx(tmp_path / "a.pptx", *slides, **options)
    assert sniff(path.read_bytes(), "a.pptx") == PPTX
    return extract_pages(path, media_type=PPTX).pages


def test_a_slide_is_a_page_with_its_title_first_and_its_points_as_a_list(tmp_path):
    points = shape("Boats", (1, "old ones"), "Rafts", kind="body")
    first, second = read(
        tmp_path, points + shape("Our fleet", kind="title"), shape("A box") + shape("Another")
    )
    assert first.text == "Our fleet\n\n- Boats\n  - old ones\n- Rafts"
    assert (first.label, first.headings[0].title, first.headings[0].offset) == ("Our fleet", "Our fleet", 0)
    assert (second.label, second.text, second.headings) == ("2", "A box\n\nAnother", [])


def test_what_runs_along_the_slides_is_left_out_and_speakers_notes_are_read(tmp_path):
    slide = shape("Plan", kind="ctrTitle") + shape("ACME Ltd", kind="ftr") + shape("3", kind="sldNum")
    page = read(tmp_path, slide, notes={0: "Mention the fees."})[0]
    assert page.text == "Plan\n\nNotes: Mention the fees."


def test_a_hidden_slide_keeps_its_number_without_its_text(tmp_path):
    pages = read(tmp_path, shape("One"), shape("Secret plan", kind="title"), shape("Three"), hidden=(1,))
    assert [page.text for page in pages] == ["One", "", "Three"]
    assert (pages[1].label, pages[1].report["hidden_slide"], pages[1].report["left_out"]) == ("2", True, 11)


def test_equations_are_read_from_the_shape_that_has_them(tmp_path):
    maths = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    equation = f'<p:sp><p:txBody><a:p><a:r><a:t>So </a:t></a:r><m:oMath xmlns:m="{maths}"><m:r><m:t>E=m</m:t></m:r></m:oMath></a:p></p:txBody></p:sp>'
    assert read(tmp_path, equation)[0].text == "So E=m"


def test_tables_are_rows(tmp_path):
    cells = [["Ticket", "Price"], ["Adult", "9"]]
    rows = "".join(
        "<a:tr>"
        + "".join(
            f"<a:tc><a:txBody><a:p><a:r><a:t>{cell}</a:t></a:r></a:p></a:txBody></a:tc>" for cell in row
        )
        + "</a:tr>"
        for row in cells
    )
    frame = f"<p:graphicFrame><a:graphic><a:graphicData><a:tbl>{rows}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
    assert read(tmp_path, shape("Fees", kind="title") + frame)[0].text == "Fees\n\nTicket | Price\nAdult | 9"


def test_the_figures_of_a_chart_are_read_as_its_table(tmp_path):
    path = pptx(tmp_path / "a.pptx", shape("Sales", kind="title"))

    def points(axis, *values):
        written = "".join(f'<c:pt idx="{n}"><c:v>{value}</c:v></c:pt>' for n, value in enumerate(values))
        return f"<c:{axis}>{written}</c:{axis}>"

    chart = (
        f'<c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" {A}>'
        "<c:title><a:p><a:r><a:t>In thousands</a:t></a:r></a:p></c:title>"
        f"<c:ser>{points('tx', '2023')}{points('cat', 'East', 'West')}{points('val', '19.199999999999999', '21')}</c:ser>"
        f"<c:ser>{points('tx', '2024')}{points('cat', 'East', 'West')}{points('val', '20')}</c:ser></c:chartSpace>"
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("ppt/slides/_rels/slide1.xml.rels", relations(chart="../charts/chart1.xml"))
        archive.writestr("ppt/charts/chart1.xml", chart)
    text = extract_pages(path, media_type=PPTX).pages[0].text
    assert text == "Sales\n\nIn thousands\n\n | 2023 | 2024\nEast | 19.2 | 20\nWest | 21"


def test_words_in_diagrams_are_read(tmp_path):
    path = pptx(tmp_path / "a.pptx", shape("Steps", kind="title"))
    diagram = f"<dgm:dataModel xmlns:dgm='http://schemas.openxmlformats.org/drawingml/2006/diagram' {A}><dgm:t><a:p><a:r><a:t>Moor</a:t></a:r></a:p></dgm:t></dgm:dataModel>"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("ppt/slides/_rels/slide1.xml.rels", relations(diagramData="../diagrams/data1.xml"))
        archive.writestr("ppt/diagrams/data1.xml", diagram)
    assert extract_pages(path, media_type=PPTX).pages[0].text == "Steps\n\nMoor"
