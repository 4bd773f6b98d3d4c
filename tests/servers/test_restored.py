"""After a restore, primary keys are assigned again while Redis still holds keys of the earlier rows."""

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from documents import page_images
from documents.ingestion import passwords
from documents.models import Collection, Document, Index, Task, Version
from documents.work.runner import run_task
from qa.answering import save
from qa.answering.cache import answer_key
from qa.answering.draft import load_draft
from qa.models import Question
from tests.qa.conftest import browser  # noqa: F401 (a fixture)
from tests.support.factories import make_document, make_indexed, make_question

ASKED = "What does a student membership cost?"


def next_number(model, number):
    """As the restored sequence gives it: the number of a row that is no longer there."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select setval(pg_get_serial_sequence('{model._meta.db_table}', 'id'), %s, false)", [number]
        )


@pytest.mark.django_db(transaction=True)
async def test_a_question_with_the_number_of_an_earlier_one_replays_nothing_of_it(browser, alice, bob):  # noqa: F811
    await sync_to_async(make_indexed)(alice, "Students pay 21 euros.")
    hers = await (await browser(alice)).asked(ASKED)
    assert "21 euros" in hers.followed.final
    await Question.objects.filter(pk=hers.pk).adelete()
    await sync_to_async(next_number)(Question, hers.pk)

    his = await (await browser(bob)).asked(ASKED)

    assert his.pk == hers.pk
    assert "21 euros" not in "".join(event.body for event in his.followed.events)


@pytest.mark.django_db(transaction=True)
async def test_an_answer_that_ends_after_the_restore_is_not_saved_in_another_question(alice, bob):
    @sync_to_async
    def end_late():
        draft = load_draft(make_question(alice, ASKED).pk)
        draft.question.answer, draft.question.state, draft.question.kind = "21 euros", "complete", "quoted"
        Question.objects.filter(pk=draft.question.pk).delete()
        next_number(Question, draft.question.pk)
        his = make_question(bob, "Something else?")
        assert his.pk == draft.question.pk
        save.finish(draft)
        his.refresh_from_db()
        return his

    assert (await end_late()).answer == ""


def key_of(user):
    index = Index.objects.live()
    return answer_key(ASKED, [], collections=Collection.objects.visible_to(user), index=index)


def test_a_collection_that_changes_again_after_the_restore_finds_no_answer_of_before(alice):
    make_indexed(alice, "It rains.")
    shelf = Collection.objects.private_to(alice)
    at_the_dump = Collection.objects.filter(pk=shelf.pk).values().get()
    lost = make_indexed(alice, "Students pay 21 euros.", name="lost.txt")
    before, number = key_of(alice), lost.pk
    lost.delete()
    Collection.objects.filter(pk=shelf.pk).update(**at_the_dump)
    next_number(Document, number)

    other = make_indexed(alice, "Students pay 25 euros.", name="other.txt")

    assert other.pk == number
    assert key_of(alice) != before


def test_a_new_collection_or_index_with_a_number_of_before_finds_no_answer_either(alice):
    make_indexed(alice, "It rains.")
    keys = [key_of(alice)]
    Collection.objects.private_to(alice).change_stamp()
    keys.append(key_of(alice))
    index = Index.objects.live()
    Index.objects.filter(pk=index.pk).update(created_at=index.created_at.replace(year=2020))
    keys.append(key_of(alice))
    assert len(set(keys)) == 3


def test_a_password_for_a_file_of_before_opens_no_other(alice):
    before = make_document(alice, "It rains.").newest
    passwords.store(before, "open sesame")
    number = before.pk
    Version.objects.filter(pk=number).update(created_at=before.created_at.replace(year=2020))

    assert passwords.get(Version.objects.get(pk=number)) == ""
    assert passwords.get(before) == "open sesame"


def test_an_image_cached_before_a_restore_is_not_shown_for_another_page(alice):
    version = make_document(alice, "It rains.").newest
    page_images._store(page_images._name(version, 1, 800), "x")
    other = Version.objects.get(pk=version.pk)
    other.created_at = version.created_at.replace(year=2020)
    assert page_images._cached(page_images._name(version, 1, 800)) == "x"
    assert page_images._cached(page_images._name(other, 1, 800)) is None


def test_a_job_of_before_is_not_taken_for_a_tasks_own(alice, work, queue):
    task = make_document(alice, "It rains.").task
    before = Task.objects.get(pk=task.pk)
    before.created_at = task.created_at.replace(year=2020)
    assert before.job_id != task.job_id
    assert not task.has_job(before.job_id)

    queue.enqueue(run_task, task.pk, job_id=before.job_id)
    work()

    task.refresh_from_db()
    assert (task.state, task.attempts.count()) == ("open", 0)
    assert queue.get_job_ids() == []
