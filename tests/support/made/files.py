"""Office and other files, written by hand: minimal, or hostile as a test needs."""

import io
import struct
import zipfile

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def archive(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as written:
        for name, content in members.items():
            written.writestr(name, content)
    return path


def made_zip(members):
    return archive(io.BytesIO(), members).getvalue()


def made_ole(*names):
    """An old Office file's header, allocation table and directory, with entries of these names and nothing behind them."""
    entries = [
        name.encode("utf-16-le").ljust(64, b"\0") + struct.pack("<H", 2 * len(name) + 2) + bytes(62)
        for name in names
    ]
    sectors = [b"".join(entries[at : at + 4]).ljust(512, b"\0") for at in range(0, len(entries), 4)]
    # The directory's sectors lie behind the table's, in an order of their own.
    chain = list(range(1, len(sectors) + 1))
    table = [0xFFFFFFFD, *[at + 1 for at in chain[:-1]], 0xFFFFFFFE]
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<H", header, 30, 9)
    struct.pack_into("<L", header, 48, 1)
    struct.pack_into("<109L", header, 76, 0, *[0xFFFFFFFF] * 108)
    return (
        bytes(header) + struct.pack("<128L", *table, *[0xFFFFFFFF] * (128 - len(table))) + b"".join(sectors)
    )


def relations(**targets):
    """`kind_n="target"`: relations of that kind, with rId-kind_n as their ids."""
    entries = "".join(
        f'<Relationship Id="rId-{key}" Type="{REL}/{key.split("_")[0]}" Target="{target}"/>'
        for key, target in targets.items()
    )
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{entries}</Relationships>'


def package(path, main, members):
    roots = relations(officeDocument=main)
    return archive(path, {"[Content_Types].xml": TYPES, "_rels/.rels": roots, **members})


def paragraph(text, style="", properties=""):
    style = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f'<w:p><w:pPr>{style}{properties}</w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def table(*rows, properties=""):
    written = "".join(
        "<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) + "</w:tr>" for row in rows
    )
    return f"<w:tbl><w:tblPr>{properties}</w:tblPr>{written}</w:tbl>"


STYLES = f"""<w:styles {W}>
<w:style w:type="paragraph" w:styleId="Ttl"><w:name w:val="Title"/></w:style>
<w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="H2"><w:name w:val="heading 2"/></w:style>
<w:style w:type="paragraph" w:styleId="Mine"><w:name w:val="Chapter of ours"/><w:basedOn w:val="H1"/></w:style>
<w:style w:type="paragraph" w:styleId="Toc"><w:name w:val="toc 1"/></w:style>
<w:style w:type="character" w:styleId="Gone"><w:name w:val="Gone"/><w:rPr><w:vanish/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Bullets"><w:name w:val="List Bullet"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>
</w:styles>"""
NUMBERING = f"""<w:numbering {W}>
<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="o"/></w:lvl></w:abstractNum>
<w:abstractNum w:abstractNumId="1">
<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl></w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>
<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>
</w:numbering>"""


def docx(path, body, members=(), links=None):
    """A Word document with this body; `members` are further parts, `links` what the main part points to."""
    main = f'<?xml version="1.0"?><w:document {W} xmlns:r="{REL}"><w:body>{body}</w:body></w:document>'
    parts = {
        "word/document.xml": main,
        "word/_rels/document.xml.rels": relations(
            styles="styles.xml", numbering="numbering.xml", **(links or {})
        ),
        "word/styles.xml": STYLES,
        "word/numbering.xml": NUMBERING,
        **dict(members),
    }
    return package(path, "word/document.xml", parts)


def xlsx(path, *sheets, states=None, formats=(), compression=None):
    """A workbook: each sheet a name and rows of values, or of (value, style), or its XML."""
    names = "".join(
        f'<sheet name="{name}" sheetId="{n}" state="{(states or {}).get(n - 1, "visible")}" r:id="rId-worksheet_{n}"/>'
        for n, (name, _rows) in enumerate(sheets, 1)
    )
    shared: list[str] = []
    parts = {
        f"xl/worksheets/sheet{n}.xml": f"<worksheet {S}><sheetData>{_rows(rows, shared)}</sheetData></worksheet>"
        for n, (_name, rows) in enumerate(sheets, 1)
    }
    used = "".join(f'<xf numFmtId="{200 + n}"/>' for n in range(len(formats)))
    codes = "".join(
        f'<numFmt numFmtId="{200 + n}" formatCode="{code.replace(chr(34), "&quot;")}"/>'
        for n, code in enumerate(formats)
    )
    members = {
        "xl/workbook.xml": f'<workbook {S} xmlns:r="{REL}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations(
            styles="styles.xml",
            sharedStrings="sharedStrings.xml",
            **{f"worksheet_{n}": f"worksheets/sheet{n}.xml" for n in range(1, len(sheets) + 1)},
        ),
        "xl/styles.xml": f"<styleSheet {S}><numFmts>{codes}</numFmts><cellXfs>{used}</cellXfs></styleSheet>",
        "xl/sharedStrings.xml": f"<sst {S}>{''.join(f'<si><r><t>{text}</t></r></si>' for text in shared)}</sst>",
        **parts,
    }
    return package(path, "xl/workbook.xml", members)


S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def _rows(rows, shared):
    if isinstance(rows, str):
        return rows
    return "".join(f"<row>{''.join(_cell(value, shared) for value in row)}</row>" for row in rows)


def _cell(value, shared):
    value, style = value if isinstance(value, tuple) else (value, "")
    style = f' s="{style}"' if style != "" else ""
    if isinstance(value, bool):
        return f'<c t="b"{style}><v>{int(value)}</v></c>'
    if isinstance(value, str):
        shared.append(value)
        return f'<c t="s"{style}><v>{len(shared) - 1}</v></c>'
    return f"<c{style}><v>{value!r}</v></c>"


A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
P = f'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:r="{REL}" {A}'


def shape(*paragraphs, kind=None):
    """A shape of a slide; with `kind` it is the placeholder of that kind. A paragraph is a text, or (level, text)."""
    written = "".join(
        f'<a:p><a:pPr lvl="{level}"/><a:r><a:t>{text}</a:t></a:r></a:p>'
        for level, text in (each if isinstance(each, tuple) else (0, each) for each in paragraphs)
    )
    holder = "" if kind is None else f'<p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>'
    return f"<p:sp>{holder}<p:txBody>{written}</p:txBody></p:sp>"


def pptx(path, *slides, notes=None, hidden=()):
    """A presentation: each slide its shapes; `notes` are texts by the slide's number from 0."""
    count = len(slides)
    # The order of the parts is not that of the slides.
    order = "".join(f'<p:sldId id="{n}" r:id="rId-slide_{n}"/>' for n in range(count))
    members = {
        "ppt/presentation.xml": f"<p:presentation {P}><p:sldIdLst>{order}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(
            **{f"slide_{n}": f"slides/slide{count - n}.xml" for n in range(count)}
        ),
    }
    for n, shapes in enumerate(slides):
        show = ' show="0"' if n in hidden else ""
        members[f"ppt/slides/slide{count - n}.xml"] = (
            f"<p:sld {P}{show}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
        )
        if text := (notes or {}).get(n):
            members[f"ppt/slides/_rels/slide{count - n}.xml.rels"] = relations(
                notesSlide=f"../notesSlides/n{n}.xml"
            )
            members[f"ppt/notesSlides/n{n}.xml"] = (
                f"<p:notes {P}><p:cSld><p:spTree>{shape('7', kind='sldNum')}{shape(text, kind='body')}"
                "</p:spTree></p:cSld></p:notes>"
            )
    return package(path, "ppt/presentation.xml", members)


ODF = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        *((each, each) for each in ("office", "text", "table", "style", "presentation", "manifest", "meta")),
        ("draw", "drawing"),
    )
)


def opendocument(path, body, kind="text", styles="", master="", manifest=""):
    """An OpenDocument file; `styles` are automatic ones, `master` is what stands in its master page."""
    members = {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": f"<office:document-content {ODF}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>",
        "styles.xml": f"<office:document-styles {ODF}><office:master-styles><style:master-page>{master}"
        "</style:master-page></office:master-styles></office:document-styles>",
        "META-INF/manifest.xml": f"<manifest:manifest {ODF}>{manifest}</manifest:manifest>",
    }
    return archive(path, members)


def epub(path, *chapters, contents="", members=()):
    """An e-book: each chapter its HTML; `contents` is the page of links of EPUB 3."""
    items = "".join(
        f'<item id="c{n}" href="text/c{n}%20x.xhtml" media-type="application/xhtml+xml"/>'
        for n in range(len(chapters))
    )
    spine = '<itemref idref="nav"/>' + "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    return archive(
        path,
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
            "OEBPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
            "<dc:title>The Harbour</dc:title><dc:creator>A. Writer</dc:creator></metadata><manifest>"
            f'<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>{items}</manifest>'
            f"<spine>{spine}</spine></package>",
            "OEBPS/nav.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{contents}</body></html>',
            **{f"OEBPS/text/c{n} x.xhtml": chapter for n, chapter in enumerate(chapters)},
            **dict(members),
        },
    )
