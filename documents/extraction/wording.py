"""The sentences for files that cannot be read: what is wrong, and what to do about it."""

from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACCEPTED = _("You can upload PDF, plain text (.txt) and Markdown (.md) files.")


class Wording(NamedTuple):
    sentence: Promise | str
    remedy: Promise | str


WORDINGS = {
    "password": Wording(_("This PDF needs a password."), _("Upload a copy without one.")),
    "wrong_password": Wording(
        _("That password does not open this PDF."), _("Check the password, or upload a copy without one.")
    ),
    "damaged": Wording(
        _("This file is damaged or incomplete."),
        _("Try to open it on your computer and save or download it again."),
    ),
    "not_pdf": Wording(_("This file is named like a PDF but is not one."), ACCEPTED),
    "limit": Wording(
        _("This file unpacks to more than can be read safely."),
        _("Print it to a new PDF, or split it into smaller files."),
    ),
    "timeout": Wording(
        _("Reading this file took too long."), _("Print it to a new PDF, or split it into smaller files.")
    ),
    "no_text": Wording(
        _("This PDF looks scanned: its pages are pictures without text."),
        _("Upload a copy with a text layer: most scanning programs can add one (“searchable PDF”)."),
    ),
    "garbled": Wording(
        _("The text inside this PDF is not readable: its letters are stored in a private code."),
        _("Print it to a new PDF or scan it with text recognition, and upload that."),
    ),
    "empty": Wording(_("There is no text in this file."), _("Check that it is the right file.")),
    "encoding": Wording(
        _("The characters of this text file could not be made out."),
        _("Save it as UTF-8 and upload it again."),
    ),
    "missing": Wording(
        _("The file is no longer in the site's storage."), _("Delete this entry and upload the file again.")
    ),
    "deadly": Wording(
        _("Reading this file ended the program that reads it, three times."),
        _("Print it to a new PDF, or split it into smaller files."),
    ),
    "unsupported": Wording(_("This kind of file cannot be read."), ACCEPTED),
    "protected": Wording(
        _("This PDF is protected in a way that cannot be opened here."),
        _("Upload a copy without the protection."),
    ),
}

FORMATS = {
    "office": Wording(
        _("Word, Excel and PowerPoint files cannot be read yet."), _("Save it as a PDF and upload that.")
    ),
    "zip": Wording(_("Archives cannot be read."), _("Unpack it and upload the files inside.")),
    "picture": Wording(
        _("Pictures cannot be read."), _("Upload a PDF with a text layer, or the text itself.")
    ),
    "web": Wording(
        _("Web pages cannot be read as files yet."), _("Print the page to a PDF and upload that.")
    ),
    "program": Wording(_("This file is a program, not a document."), ACCEPTED),
}


def for_failure(kind: str, details: dict[str, Any]) -> Wording:
    """The words for a kind of failure; an unknown kind reads as an unsupported file."""
    if kind == "password" and details.get("was_given"):
        return WORDINGS["wrong_password"]
    if kind == "unsupported" and details.get("format") in FORMATS:
        return FORMATS[details["format"]]
    if kind == "unsupported" and details.get("is_protected"):
        return WORDINGS["protected"]
    return WORDINGS.get(kind, WORDINGS["unsupported"])
