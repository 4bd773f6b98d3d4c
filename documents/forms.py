from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.core.files.base import File
from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from documents.extraction import UnreadableFile
from documents.extraction.registry import accepted_types
from documents.models import Collection, Document
from documents.models.document import DuplicateContent
from documents.sources.uploads import clean_name, visible
from documents.sources.web import MAX_LENGTH, Address, without_credentials
from documents.sources.zip_upload import Archive, is_archive, is_hidden
from ragsite.disk import StorageProblem, storage_problem
from ragsite.limits import max_upload_bytes
from ragsite.storable import storable_text

if TYPE_CHECKING:
    from ragsite.accounts.models import User

MAX_PAGES = 100  # addresses in one form
MAX_TEXT_LENGTH = 1_000_000  # characters; a longer one is a file
UNPACK_SECONDS = 25  # for the files of one archive

NOT_TAKEN = (UnreadableFile, OSError, DatabaseError)
KNOWN_FILE = _("This very file is in the collection already. Choose a newer one.")
KNOWN_TEXT = _("This very text is in the collection already.")


@dataclass(frozen=True)
class Upload:
    """What became of one file: a new document, one that was there before, or a reason and what to do."""

    name: str
    document: Document | None = None
    is_new: bool = False
    sentence: Promise | str = ""
    remedy: Promise | str = ""
    members: Sequence[Upload] = ()  # of an archive
    left_out: int = 0  # hidden files of an archive
    problem: StorageProblem | None = None  # of the server's, where it is not the file's

    @classmethod
    def refused_for(cls, name: str, error: UnreadableFile | OSError | DatabaseError) -> Upload:
        """What is said of a file that was not taken. Raises the error on where there are no words for it."""
        if isinstance(error, UnreadableFile):
            return cls(name, sentence=error.sentence, remedy=error.remedy)
        if problem := storage_problem(error):
            return cls(name, sentence=problem.sentence, remedy=problem.remedy, problem=problem)
        raise error

    @property
    def problems(self) -> list[StorageProblem]:
        """Of the file, or of those in it."""
        return [upload.problem for upload in (self, *self.members) if upload.problem]

    @property
    def added(self) -> list[Upload]:
        return [member for member in self.members if member.is_new]

    @property
    def known(self) -> list[Upload]:
        return [member for member in self.members if member.document and not member.is_new]

    @property
    def refused(self) -> list[Upload]:
        return [member for member in self.members if not member.document]


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One or many files. What is wrong with one of them is said beside it and keeps no other from being stored."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = data if isinstance(data, list) else [data] if data else []
        if not files:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return files


class AddingForm(forms.Form):
    """Adds documents to a collection: the person's own unless they choose another one they may edit."""

    collection = forms.ModelChoiceField(
        Collection.objects.none(), label=_("Collection"), required=False, empty_label=None
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["collection"].queryset = Collection.objects.editable_by(user)  # type: ignore[attr-defined]
        self.fields["collection"].initial = Collection.objects.private_to(user)

    @property
    def shelf(self) -> Collection:
        return self.cleaned_data["collection"] or Collection.objects.private_to(self.user)


class UploadForm(AddingForm):
    files = FilesField(  # type: ignore[assignment]  # the form's own `files` is another thing to the stubs only
        label=_("Files"),
        error_messages={"required": _("Choose one or more files first.")},
        widget=FilesInput(attrs={"accept": f"{accepted_types()},.zip,application/zip"}),
    )

    def __init__(self, *args: Any, auto_id: str = "upload-%s", **kwargs: Any) -> None:
        super().__init__(*args, auto_id=auto_id, **kwargs)  # a page has a form to ask beside it

    def save(self) -> list[Upload]:
        """Each file on its own: one that cannot be taken stops no other. Hidden files, as folders hold them, are left out."""
        shelf = self.shelf
        return [self._take(file, shelf) for file in self._asked()]

    @property
    def left_out(self) -> int:
        return len(self.cleaned_data["files"]) - len(self._asked())

    def _asked(self) -> list[UploadedFile]:
        files = self.cleaned_data["files"]
        return [file for file in files if not is_hidden(file.name or "")] if len(files) > 1 else files

    def _take(self, file: UploadedFile, shelf: Collection) -> Upload:
        name = clean_name(file.name or "")
        if is_too_large(file):
            return Upload(
                name,
                sentence=too_large(),
                remedy=_("Split it into smaller files, or save it with smaller pictures."),
            )
        return (
            take_archive(file, name, shelf, self.user)
            if is_archive(file, name)
            else take_file(file, name, shelf, self.user)
        )


def take_file(file: File, name: str, shelf: Collection, user: User) -> Upload:
    """What became of one file, under the name that the person knows it by."""
    try:
        document, is_new = Document.objects.add_file(shelf, file, user=user)
    except NOT_TAKEN as error:
        return Upload.refused_for(name, error)
    return Upload(name, document, is_new)


def take_archive(file: File, name: str, shelf: Collection, user: User) -> Upload:
    """Each file in it as a document of its own."""
    try:
        with Archive(file, max_bytes=max_upload_bytes()) as archive:
            members = list(_taken(archive, shelf, user))
            if not members:
                return Upload(
                    name, sentence=_("There are no files in this archive."), left_out=archive.left_out
                )
            return Upload(name, members=members, left_out=archive.left_out)
    except NOT_TAKEN as error:
        return Upload.refused_for(name, error)


def _taken(archive: Archive, shelf: Collection, user: User) -> Iterator[Upload]:
    """Storing a file takes some milliseconds, but nobody waits for a page for minutes: what is left is said to be left."""
    until = time.monotonic() + UNPACK_SECONDS
    for member in archive.members():
        name = visible(member.name)
        if time.monotonic() > until:
            yield Upload(
                name,
                sentence=_("There was no time left for this one."),
                remedy=_("Upload the archive again: what is there already is not added twice."),
            )
            continue
        try:
            with member.open() as file:
                yield take_file(file, name, shelf, user)
        except NOT_TAKEN as error:
            yield Upload.refused_for(name, error)


class PagesForm(AddingForm):
    """Addresses of web pages, one a line."""

    urls = forms.CharField(
        label=_("Addresses of web pages, one a line"),
        max_length=MAX_PAGES * (MAX_LENGTH + 2),
        error_messages={"required": _("Enter one or more addresses first.")},
        widget=forms.Textarea(
            attrs={
                "rows": 3,
                "placeholder": "https://",
                "inputmode": "url",
                "spellcheck": "false",
                "autocapitalize": "off",
            }
        ),
    )

    def clean_urls(self) -> list[str]:
        urls = list(dict.fromkeys(self.cleaned_data["urls"].split()))
        if len(urls) > MAX_PAGES:
            raise forms.ValidationError(
                _("These are more than %d addresses. Add them in several turns.") % MAX_PAGES
            )
        return urls

    def save(self) -> list[Upload]:
        shelf = self.shelf
        return [self._take(url, shelf) for url in self.cleaned_data["urls"]]

    def _take(self, url: str, shelf: Collection) -> Upload:
        name = visible(without_credentials(url))
        try:
            address = Address.parse(url)
            address.refuse_private(settings.WEB_PAGES_ALLOW)
            document, is_new = Document.objects.add_page(shelf, address.text, user=self.user)
        except NOT_TAKEN as error:
            return Upload.refused_for(name, error)
        return Upload(name, document, is_new)


class PastedField(forms.CharField):
    """What a pasted text has that cannot be stored is left out, not refused."""

    def to_python(self, value: Any) -> str:
        return storable_text(super().to_python(value) or "")


def text_field() -> forms.CharField:
    return PastedField(
        label=_("Text"),
        max_length=MAX_TEXT_LENGTH,
        strip=False,
        error_messages={
            "required": _("Paste or type a text first."),
            "max_length": _(
                "This text is too long for the form: %(limit_value)d characters are the most, it has %(show_value)d. "
                "Save it as a file and upload that."
            ),
        },
        widget=forms.Textarea(attrs={"rows": 6}),
    )


class PasteForm(AddingForm):
    """A text that becomes a document as it stands."""

    title = PastedField(
        label=_("Title"), max_length=200, error_messages={"required": _("Give it a title first.")}
    )
    text = text_field()

    def clean_title(self) -> str:
        return visible(self.cleaned_data["title"]).strip() or str(_("Text"))

    def save(self) -> Upload:
        title = self.cleaned_data["title"]
        try:
            document, is_new = Document.objects.add_text(
                self.shelf, title, self.cleaned_data["text"], user=self.user
            )
        except NOT_TAKEN as error:
            return Upload.refused_for(title, error)
        return Upload(title, document, is_new)


class PasswordForm(forms.Form):
    password = forms.CharField(
        label=_("Password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )


class TitleForm(forms.Form):
    title = forms.CharField(
        label=_("Title"), max_length=255, error_messages={"required": _("Give it a title first.")}
    )

    def __init__(self, *args: Any, document: Document, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["title"] = document.title

    def clean_title(self) -> str:
        if title := " ".join(visible(self.cleaned_data["title"]).split()):
            return title
        raise forms.ValidationError(self.fields["title"].error_messages["required"])


class ReplaceForm(forms.Form):
    """A new content for a document: a file, or another wording of a pasted text."""

    file = forms.FileField(
        label=_("New file"),
        allow_empty_file=True,  # the reading itself says it better
        error_messages={"required": _("Choose a file first.")},
        widget=forms.FileInput(attrs={"accept": accepted_types()}),
    )
    text = text_field()

    def __init__(self, *args: Any, document: Document, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.document = document
        self.is_text = document.source == Document.Source.TEXT
        del self.fields["file" if self.is_text else "text"]
        if self.is_text and not self.is_bound and (newest := document.newest):
            self.initial["text"] = newest.written_text

    def clean_file(self) -> UploadedFile:
        if is_too_large(self.cleaned_data["file"]):
            raise forms.ValidationError(too_large())
        return self.cleaned_data["file"]

    problem: StorageProblem | None = None  # of the server's, for which it was not taken

    def save(self) -> bool:
        """Whether it was taken; if not, the form's errors say why."""
        field = "text" if self.is_text else "file"
        try:
            if self.is_text:
                self.document.replace_text(self.cleaned_data["text"])
            else:
                self.document.replace(self.cleaned_data["file"])
        except NOT_TAKEN as error:
            refused = Upload.refused_for("", error)
            self.problem = refused.problem
            self.add_error(field, [str(refused.sentence), str(refused.remedy)])
        except DuplicateContent:
            self.add_error(field, KNOWN_TEXT if self.is_text else KNOWN_FILE)
        except Document.DoesNotExist:
            self.add_error(field, _("The document was deleted meanwhile. Add this as a new one."))
        return self.is_valid()


def is_too_large(file: UploadedFile) -> bool:
    return (file.size or 0) > max_upload_bytes()


def too_large() -> str:
    return _("This file is larger than %(size)d MB, the most this site takes.") % {
        "size": settings.MAX_UPLOAD_MB
    }
