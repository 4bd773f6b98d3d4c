from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from documents.models import Task
from documents.models.task import STUBBORN_AFTER, Kind
from documents.work import runner
from documents.work.provider_probe import EVERY_SECONDS, ProviderProbe
from tests.support.factories import make_document

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def provider_probe():
    """One that may ask again at once, and whose answer is waited for."""

    class Patient(ProviderProbe):
        def probe_if_needed(self):
            self.probed_at -= EVERY_SECONDS
            super().probe_if_needed()
            if self.thread:
                self.thread.join(20)

    return Patient()


def fail_at(document, fake_openai, **fault):
    """One try that goes wrong; gives the task, whose next try is then hours away."""
    task = Task.objects.get(document=document, kind=Kind.INDEX)
    fake_openai.fault("status", **{"status": 500, "times": 1, "on": "embeddings", **fault})
    with pytest.raises(Exception):  # noqa: B017 - of whatever type
        runner.run(task)
    Task.objects.filter(pk=task.pk).update(next_try_at=timezone.now() + timedelta(hours=9))
    task.refresh_from_db()
    return task


def test_the_end_of_an_outage_brings_everything_forward_however_often_it_failed(
    alice, fake_openai, provider_probe
):
    task = fail_at(make_document(alice), fake_openai)
    Task.objects.filter(pk=task.pk).update(tries=STUBBORN_AFTER + 3)
    fake_openai.fault("status", status=503, times=1, on="embeddings")

    provider_probe.probe_if_needed()
    task.refresh_from_db()
    assert not task.is_due
    provider_probe.probe_if_needed()
    task.refresh_from_db()
    assert task.is_due


def test_a_document_that_fails_alone_keeps_its_growing_delay(alice, fake_openai, provider_probe):
    task = fail_at(make_document(alice), fake_openai)

    for _ in range(3):
        provider_probe.probe_if_needed()
    task.refresh_from_db()
    assert not task.is_due


def test_nobody_is_asked_while_nothing_waits(alice, fake_openai, provider_probe):
    make_document(alice)

    provider_probe.probe_if_needed()
    assert fake_openai.embeddings == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_provider_that_named_a_time_is_left_alone_until_then(
    alice, work, fake_openai, provider_probe, status
):
    task = fail_at(make_document(alice), fake_openai, status=status, retry_after=300)
    before = len(fake_openai.embeddings)

    provider_probe.probe_if_needed()
    assert len(fake_openai.embeddings) == before
    make_document(alice, "It snows in Tromsø.", name="snow.txt")
    work()
    task.refresh_from_db()
    assert not task.is_due


def test_a_provider_that_comes_and_goes_does_not_use_the_tries_up(alice, fake_openai, provider_probe):
    task = fail_at(make_document(alice), fake_openai)
    for _ in range(8):
        fake_openai.fault("status", status=503, times=1, on="embeddings")
        provider_probe.probe_if_needed()
        provider_probe.probe_if_needed()
        task.refresh_from_db()
        assert task.is_due
        fail_at(task.document, fake_openai)
    task.refresh_from_db()
    assert task.tries <= 2


def test_a_summary_that_waits_for_the_chat_model_is_brought_forward_too(
    alice, fake_openai, settings, provider_probe
):
    settings.CHAT_MODEL = "gpt-4.1-mini"
    document = make_document(alice)
    document.index()
    task = Task.objects.get(document=document, kind=Kind.SUMMARISE)
    waits = {"error_kind": "unavailable", "tries": 8, "next_try_at": timezone.now() + timedelta(hours=9)}
    Task.objects.filter(pk=task.pk).update(**waits)
    fake_openai.fault("status", status=503, times=1, on="chat")

    provider_probe.probe_if_needed()
    provider_probe.probe_if_needed()
    task.refresh_from_db()
    assert task.is_due


def test_a_failed_probe_does_not_forget_the_earlier_ones(alice, fake_openai, provider_probe, monkeypatch):
    task = fail_at(make_document(alice), fake_openai)
    provider_probe.saw_outage = True

    def fails(*args, **kwargs):
        raise OperationalError("secret words of a row")

    with monkeypatch.context() as patch:
        patch.setattr(Task.objects, "retry_now", fails)
        provider_probe.probe_if_needed()
    provider_probe.probe_if_needed()
    task.refresh_from_db()
    assert task.is_due


def test_another_documents_success_leaves_what_failed_often_to_its_schedule(alice, work, fake_openai):
    task = fail_at(make_document(alice), fake_openai)
    Task.objects.filter(pk=task.pk).update(tries=STUBBORN_AFTER)
    make_document(alice, "It snows in Tromsø.", name="snow.txt")
    work()

    task.refresh_from_db()
    assert task.next_try_at > timezone.now() + timedelta(hours=8)
