"""Suggested questions are those of the newest document as it is now, although its outline is kept in the process."""

from django.core.files.base import ContentFile

from documents.models import Collection, Page
from qa.suggestions import suggestions
from tests.support.factories import make_indexed

GUIDE = "# {0}\n\nIn {0} it rains nearly every day of the year.\n\n# Snow\n\nIn Tromsø it snows until the end of May.\n"


def texts(user, document=None):
    return " ".join(suggestion.text for suggestion in suggestions(user, document))


def test_a_new_version_brings_its_own_suggestions(alice):
    document = make_indexed(alice, GUIDE.format("Bergen"), name="weather.md")
    assert "Bergen" in texts(alice)
    document.replace(ContentFile(GUIDE.format("Ålesund").encode(), name="weather.md"))
    document.index()

    assert "Ålesund" in texts(alice)
    assert "Bergen" not in texts(alice)


def test_text_that_was_read_again_brings_new_suggestions(alice):
    document = make_indexed(alice, GUIDE.format("Bergen"), name="weather.md")
    assert "Bergen" in texts(alice)
    for page in Page.objects.filter(version=document.serving):
        page.text = page.text.replace("Bergen", "Narvik")
        page.headings = [[at, level, title.replace("Bergen", "Narvik")] for at, level, title in page.headings]
        page.save()
    Collection.objects.get(pk=document.collection_id).change_stamp()  # as indexing does

    assert "Narvik" in texts(alice)


def test_a_new_title_is_shown_at_once(alice):
    document = make_indexed(alice, GUIDE.format("Bergen"), name="weather.md")
    texts(alice)
    document.rename("Rain and snow")

    assert "Rain and snow" in texts(alice)


def test_nobody_is_offered_questions_about_a_document_of_somebody_else(alice, bob):
    document = make_indexed(alice, GUIDE.format("Bergen"), name="weather.md")
    assert texts(alice)

    assert suggestions(bob) == []
    assert suggestions(bob, document) == []
