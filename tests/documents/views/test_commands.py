import io
import zipfile

import pytest
from django.core.management import CommandError, call_command

from documents.models import Collection, Document, State, Task
from tests.support.factories import FILES, make_indexed
from tests.support.web_site import answer

pytestmark = pytest.mark.django_db(transaction=True)


def run(*args, **options):
    out = io.StringIO()
    call_command(*args, stdout=out, **options)
    return out.getvalue()


def run_in_vain(*args, **options):
    """A script that calls it sees by its exit code that something failed."""
    out = io.StringIO()
    with pytest.raises(CommandError, match="failed") as error:
        call_command(*args, stdout=out, **options)
    assert error.value.returncode == 1
    return out.getvalue()


def test_ingest_adds_files_and_folders_and_names_what_it_could_not(operator, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "rain.md").write_text("# Rain\n\nIt rains in Bergen.")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 20)
    (tmp_path / ".hidden.txt").write_text("not me")
    said = run_in_vain("ingest", str(tmp_path), str(FILES / "handbook.pdf"), no_wait=True)

    assert set(Document.objects.values_list("title", flat=True)) == {"rain", "handbook"}
    assert Document.objects.first().collection == Collection.objects.private_to(operator)
    assert "picture.png" in said
    assert "1 failed" in said


def test_ingest_says_what_is_there_already(operator, tmp_path):
    path = tmp_path / "rain.txt"
    path.write_text("It rains in Bergen.")
    run("ingest", str(path), no_wait=True)

    assert "already added as" in run("ingest", str(path), no_wait=True)
    assert Document.objects.count() == 1


def test_ingest_unpacks_archives_and_takes_addresses(operator, own_site, work, tmp_path):
    with zipfile.ZipFile(tmp_path / "papers.zip", "w") as writer:
        writer.writestr("a/rain.txt", "It rains in Bergen.")
        writer.writestr("__MACOSX/a/._rain.txt", "x")
        writer.writestr("a/pixel.png", b"\x89PNG\r\n\x1a\n" + bytes(9))
    own_site.pages["/snow.txt"] = answer("It snows.")
    said = run_in_vain(
        "ingest",
        str(tmp_path / "papers.zip"),
        f"{own_site.url}/snow.txt",
        "http://me:word@x.org/",
        no_wait=True,
    )
    work()

    assert {document.state for document in Document.objects.all()} == {State.READY}
    assert Document.objects.count() == 2
    assert "2 failed, 2 waiting" in said
    assert "papers.zip: a/pixel.png" in said
    assert "contains a username" in said


def test_ingest_tells_tokens_and_price_before_paid_work(operator, fake_openai, tmp_path):
    (tmp_path / "rain.txt").write_text("It rains in Bergen. " * 500)
    said = run("ingest", str(tmp_path), no_wait=True)

    assert "tokens for text-embedding-3-small: about $0.0" in said


def test_ingest_needs_an_account_and_a_file_that_exists(db, tmp_path):
    with pytest.raises(CommandError, match="No operator exists yet"):
        run("ingest", str(tmp_path))


def test_ingest_refuses_a_collection_the_person_may_not_add_to(operator, alice, tmp_path):
    (tmp_path / "rain.txt").write_text("It rains.")
    shelf = Collection.objects.private_to(alice)
    shelf.name = "Alice's own"
    shelf.save()

    with pytest.raises(CommandError, match="may not add"):
        run("ingest", str(tmp_path), collection="Alice's own")


def test_reindex_puts_documents_on_the_queue_again(operator, queue, work):
    make_indexed(operator)
    work()
    run("reindex", start_at="extract")

    assert len(queue) == 1
    work()
    assert Document.objects.get().state == State.READY


def test_reindex_of_one_document_leaves_the_others(operator, work):
    first, _second = make_indexed(operator), make_indexed(operator, "It snows.", name="snow.txt")
    work()
    run("reindex", document=first.pk)

    assert [task.document for task in Task.objects.open()] == [first]
    with pytest.raises(CommandError, match="No such document"):
        run("reindex", document=12345)


def test_the_sample_comes_only_to_a_site_that_nobody_has_used(db, work):
    run("load_sample")
    run("load_sample")
    sample = Document.objects.get()
    assert sample.is_sample
    assert sample.collection.everyone_reads

    work()
    sample.refresh_from_db()
    assert sample.state == State.READY


def test_a_sample_that_was_removed_does_not_come_back(operator):
    run("load_sample")

    assert not Document.objects.exists()


def test_ask_prints_the_answer_its_sources_and_who_wrote_it(operator):
    make_indexed(operator, "It rains in Bergen on 240 days a year. Oslo is drier.")
    said = run("ask", "How many days does it rain in Bergen?")

    assert "240 days" in said
    assert "[1] weather, page 1" in said
    assert "No AI wrote this" in said
