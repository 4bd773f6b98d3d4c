"""Validate what a person adds or changes, and save it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from documents.extraction.registry import accepted_types
from documents.models import Collection, Document
from documents.models.document import DuplicateContent
from documents.sources.upload_results import REFUSALS, UploadResult, add_upload
from documents.sources.uploads import clean_name, visible
from documents.sources.web import MAX_LENGTH, Address, without_credentials
from documents.sources.zip_upload import is_hidden
from ragsite.disk import StorageProblem
from ragsite.limits import max_upload_bytes
from ragsite.pages.forms import RowField
from ragsite.storable import storable_text

if TYPE_CHECKING:
    from documents.models.collection import CollectionQuerySet
    from ragsite.accounts.models import User

MAX_PAGES = 100  # addresses in one form
MAX_TEXT_LENGTH = 1_000_000  # characters; a longer one is a file

KNOWN_FILE = _("The collection already contains this file. Choose another one.")
KNOWN_TEXT = _("The collection already contains this text.")


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One or many files. Each is checked when it is added, so that a bad one does not stop the others."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = data if isinstance(data, list) else [data] if data else []
        if not files:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return files


class AddForm(forms.Form):
    """Adds documents to the person's own collection, or to another that they may edit."""

    collection = RowField(Collection.objects.none(), label=_("Collection"), required=False, empty_label=None)

    def __init__(
        self, *args: Any, user: User, collections: CollectionQuerySet | None = None, **kwargs: Any
    ) -> None:
        """`collections`: those of `to_add_to(user)`, which several forms of a page may share."""
        super().__init__(*args, **kwargs)
        self.user = user
        found = collections if collections is not None else Collection.objects.to_add_to(user)
        self._own = next(collection for collection in found if collection.private_to_id == user.pk)
        self.fields["collection"].queryset = found  # type: ignore[attr-defined]
        self.fields["collection"].initial = self._own

    @property
    def target(self) -> Collection:
        return self.cleaned_data["collection"] or self._own


class UploadForm(AddForm):
    files = FilesField(  # type: ignore[assignment]  # the stubs know `files` as the form's uploads
        label=_("Files"),
        error_messages={"required": _("Choose at least one file.")},
        widget=FilesInput(attrs={"accept": f"{accepted_types()},.zip,application/zip"}),
    )

    def __init__(self, *args: Any, auto_id: str = "upload-%s", **kwargs: Any) -> None:
        # The page has other forms with fields of these names.
        super().__init__(*args, auto_id=auto_id, **kwargs)

    def save(self) -> list[UploadResult]:
        """Add each file by itself. Hidden files, which come along with folders, are left out."""
        return [self._add(file) for file in self._visible_files()]

    @property
    def left_out(self) -> int:
        """How many hidden files were not added."""
        return len(self.cleaned_data["files"]) - len(self._visible_files())

    def _visible_files(self) -> list[UploadedFile]:
        files = self.cleaned_data["files"]
        return [file for file in files if not is_hidden(file.name or "")] if len(files) > 1 else files

    def _add(self, file: UploadedFile) -> UploadResult:
        name = clean_name(file.name or "")
        if is_too_large(file):
            return UploadResult(
                name, sentence=too_large(), remedy=_("Split it, or save it with smaller images.")
            )
        return add_upload(file, name, self.target, self.user)


class PagesForm(AddForm):
    """Addresses of web pages, one per line."""

    urls = forms.CharField(
        label=_("Addresses of web pages, one per line"),
        max_length=MAX_PAGES * (MAX_LENGTH + 2),
        error_messages={"required": _("Enter at least one address.")},
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
            raise forms.ValidationError(_("Add at most %d addresses at a time.") % MAX_PAGES)
        return urls

    def save(self) -> list[UploadResult]:
        return [self._add(url) for url in self.cleaned_data["urls"]]

    def _add(self, url: str) -> UploadResult:
        name = visible(without_credentials(url))
        try:
            address = Address.parse(url)
            address.refuse_private(settings.WEB_PAGES_ALLOW)
            document, is_new = Document.objects.add_page(self.target, address.text, user=self.user)
        except REFUSALS as error:
            return UploadResult.for_error(name, error)
        return UploadResult(name, document, is_new)


class PastedField(forms.CharField):
    """Removes characters that PostgreSQL cannot store, such as NUL."""

    def to_python(self, value: Any) -> str:
        return storable_text(super().to_python(value) or "")


def text_field() -> forms.CharField:
    return PastedField(
        label=_("Text"),
        max_length=MAX_TEXT_LENGTH,
        strip=False,
        error_messages={
            "required": _("Enter some text."),
            "max_length": _(
                "This text is too long: it has %(show_value)d characters, and the limit is %(limit_value)d. "
                "Save it as a file and upload that."
            ),
        },
        widget=forms.Textarea(attrs={"rows": 6}),
    )


class PasteForm(AddForm):
    """Text that becomes a document unchanged."""

    title = PastedField(label=_("Title"), max_length=200, error_messages={"required": _("Enter a title.")})
    text = text_field()

    def clean_title(self) -> str:
        return visible(self.cleaned_data["title"]).strip() or str(_("Text"))

    def save(self) -> UploadResult:
        title = self.cleaned_data["title"]
        try:
            document, is_new = Document.objects.add_text(
                self.target, title, self.cleaned_data["text"], user=self.user
            )
        except REFUSALS as error:
            return UploadResult.for_error(title, error)
        return UploadResult(title, document, is_new)


class PasswordForm(forms.Form):
    password = forms.CharField(
        label=_("Password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )


class TitleForm(forms.Form):
    title = forms.CharField(
        label=_("Title"), max_length=255, error_messages={"required": _("Enter a title.")}
    )

    def __init__(self, *args: Any, document: Document, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["title"] = document.title

    def clean_title(self) -> str:
        if title := " ".join(visible(self.cleaned_data["title"]).split()):
            return title
        raise forms.ValidationError(self.fields["title"].error_messages["required"])


class ReplaceForm(forms.Form):
    """A new version of a document: another file, or an edit of pasted text."""

    file = forms.FileField(
        label=_("New file"),
        allow_empty_file=True,  # extraction explains it better
        error_messages={"required": _("Choose a file.")},
        widget=forms.FileInput(attrs={"accept": accepted_types()}),
    )
    text = text_field()

    def __init__(self, *args: Any, document: Document, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.document = document
        self.is_text = document.source == Document.Source.TEXT
        del self.fields["file" if self.is_text else "text"]
        if self.is_text and not self.is_bound and (newest := document.newest):
            self.initial["text"] = newest.pasted_text

    def clean_file(self) -> UploadedFile:
        if is_too_large(self.cleaned_data["file"]):
            raise forms.ValidationError(too_large())
        return self.cleaned_data["file"]

    problem: StorageProblem | None = None  # the server's, which kept the file from being stored

    def save(self) -> bool:
        """Return whether the new version was stored; if not, the form's errors say why."""
        field = "text" if self.is_text else "file"
        try:
            if self.is_text:
                self.document.replace_text(self.cleaned_data["text"])
            else:
                self.document.replace(self.cleaned_data["file"])
        except REFUSALS as error:
            refused = UploadResult.for_error("", error)
            self.problem = refused.problem
            self.add_error(field, [str(refused.sentence), str(refused.remedy)])
        except DuplicateContent:
            self.add_error(field, KNOWN_TEXT if self.is_text else KNOWN_FILE)
        except Document.DoesNotExist:
            self.add_error(field, _("This document was deleted. Add the content as a new one."))
        return self.is_valid()


def is_too_large(file: UploadedFile) -> bool:
    return (file.size or 0) > max_upload_bytes()


def too_large() -> str:
    return _("This file is larger than %(size)d MB, the limit of this site.") % {
        "size": settings.MAX_UPLOAD_MB
    }
