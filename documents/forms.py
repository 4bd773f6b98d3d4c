from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from documents.extraction import UnreadableFile
from documents.extraction.loaders import accepted_kinds
from documents.models import Collection, Document, State
from documents.models.document import MOVING, DocumentQuerySet, DuplicateContent, clean_name

if TYPE_CHECKING:
    from ragsite.accounts.models import User


class Upload(NamedTuple):
    """What became of one file: a new document, one that was there before, or a reason and what to do."""

    name: str
    document: Document | None = None
    is_new: bool = False
    sentence: Promise | str = ""
    remedy: Promise | str = ""


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


class UploadForm(forms.Form):
    files = FilesField(  # type: ignore[assignment]  # the form's own `files` is another thing to the stubs only
        label=_("Files"),
        error_messages={"required": _("Choose one or more files first.")},
        widget=FilesInput(attrs={"accept": accepted_kinds()}),
    )
    collection = forms.ModelChoiceField(
        Collection.objects.none(), label=_("Collection"), required=False, empty_label=None
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["collection"].queryset = Collection.objects.editable_by(user)  # type: ignore[attr-defined]
        self.fields["collection"].initial = Collection.objects.private_to(user)

    def save(self) -> list[Upload]:
        """Each file on its own: one that cannot be taken stops no other."""
        collection = self.cleaned_data["collection"] or Collection.objects.private_to(self.user)
        return [self._take(file, collection) for file in self.cleaned_data["files"]]

    def _take(self, file: UploadedFile, collection: Collection) -> Upload:
        name = clean_name(file.name or "")
        if is_too_large(file):
            return Upload(
                name,
                sentence=too_large(),
                remedy=_("Split it into smaller files, or save it with smaller pictures."),
            )
        try:
            document, is_new = Document.objects.add_file(collection, file, user=self.user)
        except UnreadableFile as error:
            return Upload(name, sentence=error.sentence, remedy=error.remedy)
        return Upload(name, document, is_new)


class ReplaceForm(forms.Form):
    file = forms.FileField(
        label=_("New file"),
        allow_empty_file=True,  # the reading itself says it better
        error_messages={"required": _("Choose a file first.")},
        widget=forms.FileInput(attrs={"accept": accepted_kinds()}),
    )

    def __init__(self, *args: Any, document: Document, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.document = document

    def clean_file(self) -> UploadedFile:
        if is_too_large(self.cleaned_data["file"]):
            raise forms.ValidationError(too_large())
        return self.cleaned_data["file"]

    def save(self) -> bool:
        """Whether the file was taken; if not, the form's errors say why."""
        try:
            self.document.replace(self.cleaned_data["file"])
        except UnreadableFile as error:
            self.add_error("file", [error.sentence, error.remedy])
        except DuplicateContent:
            self.add_error("file", _("This very file is in the collection already. Choose a newer one."))
        return self.is_valid()


def is_too_large(file: UploadedFile) -> bool:
    return (file.size or 0) > settings.MAX_UPLOAD_MB * 1024 * 1024


def too_large() -> str:
    return _("This file is larger than %(size)d MB, the most this site takes.") % {
        "size": settings.MAX_UPLOAD_MB
    }


class DocumentFilter(forms.Form):
    """Which documents a list shows, and in which order. Nonsense in the address is ignored."""

    STATES = {
        "ready": Q(state=State.READY),
        "working": Q(state__in=MOVING),
        "failed": Q(state=State.FAILED),
        "cancelled": Q(state=State.CANCELLED),
    }
    SORTS: dict[str, tuple[Any, ...]] = {
        "": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
        "title": (Lower("title"), "pk"),
        "title_down": (Lower("title").desc(), "-pk"),
    }

    q = forms.CharField(
        label=_("Search by title"),
        required=False,
        max_length=200,
        widget=forms.SearchInput(attrs={"placeholder": _("Search by title")}),
    )
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[
            ("", _("All")),
            ("ready", _("Ready")),
            ("working", _("Being read")),
            ("failed", _("Could not be read")),
            ("cancelled", _("Cancelled")),
        ],
    )
    sort = forms.ChoiceField(
        label=_("Order"),
        required=False,
        choices=[
            ("", _("Newest first")),
            ("oldest", _("Oldest first")),
            ("title", _("Title A to Z")),
            ("title_down", _("Title Z to A")),
        ],
    )

    def narrow(self, documents: DocumentQuerySet) -> DocumentQuerySet:
        self.is_valid()
        wanted = self.cleaned_data
        if title := wanted.get("q"):
            documents = documents.filter(title__icontains=title.replace("\0", ""))
        if condition := self.STATES.get(wanted.get("state", "")):
            documents = documents.filter(condition)
        return documents.order_by(*self.SORTS[wanted.get("sort", "")])

    @property
    def is_narrowing(self) -> bool:
        return bool(self.cleaned_data.get("q") or self.cleaned_data.get("state"))
