import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.urls import reverse

from documents.models import Chunk, Document, State
from documents.work.queue import queue_connection
from tests.support.factories import make_indexed, make_pdf, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def everything(operator, work):
    document = make_indexed(operator, "It rains in Bergen.")
    make_indexed(operator, "It snows in Tromsø.", name="snow.txt")
    make_pdf("handbook-truncated.pdf", operator)
    work()
    return document


def test_every_list_and_row_opens_for_an_operator(client, operator, everything):
    client.force_login(operator)
    for model in admin.site._registry:
        meta = model._meta
        if meta.app_label not in ("documents", "qa", "accounts"):
            continue
        assert (
            client.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")).status_code == 200
        ), meta
        row = model._default_manager.first()
        if row is not None:
            address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
            assert client.get(address).status_code == 200, address


def test_a_failed_document_is_replayed_from_its_list(client, operator, everything, queue):
    failed = Document.objects.failed().get()
    client.force_login(operator)
    client.post(
        reverse("admin:documents_document_changelist"), {"action": "replay", "_selected_action": [failed.pk]}
    )

    failed.refresh_from_db()
    assert failed.state == State.WAITING
    assert failed.task.job_id in queue.job_ids


def test_staff_without_the_permission_may_view_but_not_replay(client, everything):
    failed = Document.objects.failed().get()
    staff = make_user("stan", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_document"))
    client.force_login(staff)
    client.post(
        reverse("admin:documents_document_changelist"), {"action": "replay", "_selected_action": [failed.pk]}
    )

    failed.refresh_from_db()
    assert failed.state == State.FAILED


def test_a_chunk_shows_its_nearest_neighbours(client, operator, everything):
    client.force_login(operator)
    chunk = Chunk.objects.filter(text__contains="Bergen").first()
    page = client.get(reverse("admin:documents_chunk_change", args=[chunk.pk])).content.decode()

    assert "It snows in Tromsø." in page


def test_the_rq_dashboard_needs_its_permission_and_shows_the_traceback(client, operator, everything):
    failed = Document.objects.failed().get()
    job = reverse("admin:django_rq_job_detail", args=[0, failed.task.attempts.first().job_id])
    client.force_login(make_user("stan", is_staff=True))
    assert client.get(reverse("admin:django_rq_dashboard_changelist")).status_code == 403
    assert client.get(job).status_code == 403

    client.force_login(operator)
    assert client.get(reverse("admin:django_rq_dashboard_changelist")).status_code == 200
    page = client.get(job).content.decode()
    result = re.search(r"window.location='([^']*/results/[^']*)'", page)[1]
    assert "UnreadableFile" in client.get(result).content.decode()  # the traceback is one click further
    job_id = failed.task.attempts.first().job_id
    kept = b"".join(queue_connection().hgetall(f"rq:job:{job_id}").values())
    assert kept
    assert b"handbook" not in kept  # no title and no text in what RQ keeps
