"""Fetches the web page of a document; a changed page becomes a new version, an unchanged one changes nothing."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.utils import timezone

from documents.extraction import UnreadableFile, extract_pages
from documents.models import Attempt, Document, State, Task, Version
from documents.models.document import DuplicateContent
from documents.models.version import Content, stored
from documents.sources import web
from documents.sources.uploads import clean_name, inspect
from ragsite.limits import max_upload_bytes


def fetch_document(task: Task) -> None:
    """Fetch the page of the task's document. Raises UnreadableFile or SiteUnavailable; nothing is stored then."""
    document = task.document
    if document is None or not document.url:
        task.finish()
        return
    show_state(task, document)
    newest = document.newest
    with (
        Attempt.objects.record(task, "fetch", task.job_under_way),
        web.fetch_page(
            document.url,
            max_bytes=max_upload_bytes(),
            allowed=settings.WEB_PAGES_ALLOW,
            etag=newest.etag if newest else "",
            last_modified=newest.last_modified if newest else "",
            check=task.check_run,
        ) as page,
    ):
        save_page(task, document, newest, page)


def show_state(task: Task, document: Document) -> None:
    with task.fence():
        document.move_to(State.FETCHING)


def save_page(task: Task, document: Document, newest: Version | None, page: web.FetchedPage) -> None:
    if page.file is None:
        if newest is not None:
            mark_unchanged(task, document, newest, page)
        return
    upload = File(page.file, name=clean_name(page.name))
    media_type, sha256 = inspect(upload, str(upload.name))
    if newest is not None and (
        newest.sha256 == sha256 or has_same_text(newest, Path(page.file.name), media_type)
    ):
        mark_unchanged(task, document, newest, page)
    else:
        content = Content("", str(upload.name), media_type, page.size, sha256, page.etag, page.last_modified)
        add_version(task, document, upload, content)


def mark_unchanged(task: Task, document: Document, version: Version, page: web.FetchedPage) -> None:
    """Save the time of the check and the new validators. The version stays."""
    with task.fence():
        if page.etag or page.last_modified:
            validators = {"etag": page.etag, "last_modified": page.last_modified}
            Version.objects.filter(pk=version.pk).update(**validators)
        task.finish()
        document.mark_unchanged(version)


def add_version(task: Task, document: Document, upload: File, content: Content) -> None:
    """Store the page as a new version; the same transaction requests its indexing."""
    try:
        document.check_not_duplicate(content.sha256)
        with stored(upload) as stored_as, task.fence():
            document.store_version(content._replace(stored_as=stored_as))
            Document.objects.filter(pk=document.pk).update(checked_at=timezone.now())
            task.finish()
    except DuplicateContent:
        raise UnreadableFile("page_known") from None


def has_same_text(version: Version, path: Path, media_type: str) -> bool:
    """Whether the extracted text is unchanged: menus, advertisements and tokens may change with every request."""
    if media_type != "text/html" or version.media_type != media_type or version.extracted_at is None:
        return False
    try:
        pages = extract_pages(path, media_type=media_type, name=version.file_name).pages
    except UnreadableFile:
        return False
    texts = version.pages.order_by("number").values_list("text", flat=True)
    return [page.text for page in pages] == list(texts)
