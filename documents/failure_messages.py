"""The sentences for files that cannot be read: what is wrong, and what to do about it."""

from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACCEPTED = _(
    "You can upload PDF, Word, PowerPoint, Excel, OpenDocument, RTF, EPUB, HTML, CSV, mail (.eml), Markdown, plain text and source code files."
)


class Wording(NamedTuple):
    sentence: Promise | str
    remedy: Promise | str


WORDINGS = {
    "password": Wording(
        _("This file needs a password."), _("Enter it on its page, or upload a copy without one.")
    ),
    "wrong_password": Wording(
        _("That is not its password."), _("Enter it again, or upload a copy without one.")
    ),
    "damaged": Wording(
        _("This file is damaged or incomplete."),
        _("Try to open it on your computer and save or download it again."),
    ),
    "not_pdf": Wording(_("This file is named like a PDF but is not one."), ACCEPTED),
    "limit": Wording(
        _("This file holds more than can be read at once."),
        _("Split it into smaller files, or print it to a new PDF."),
    ),
    "timeout": Wording(
        _("Reading this file took too long."), _("Print it to a new PDF, or split it into smaller files.")
    ),
    "no_text": Wording(
        _("This PDF looks scanned: its pages are pictures without text."),
        _(
            "Upload a copy with a text layer: most scanning programs can add one (“searchable PDF”). Or ask the operator of this"
            " site to have text in pictures read: the program tesseract is missing here."
        ),
    ),
    "pictures_off": Wording(
        _("This PDF looks scanned: its pages are pictures without text."),
        _(
            "Upload a copy with a text layer: most scanning programs can add one (“searchable PDF”). The reading of text in"
            " pictures is switched off on this site; its operator can switch it on."
        ),
    ),
    "not_recognised": Wording(
        _("This PDF consists of pictures in which no text could be read."),
        _("Upload a sharper scan, or a copy with a text layer."),
    ),
    "no_language": Wording(
        _("This PDF consists of pictures, and the program that reads them lacks its languages."),
        _(
            "Tell the operator of this site: the data of none of OCR_LANGUAGES are installed. Then press Retry."
        ),
    ),
    "garbled": Wording(
        _("The text inside this PDF is not readable: its letters are stored in a private code."),
        _("Print it to a new PDF or scan it with text recognition, and upload that."),
    ),
    "empty": Wording(_("There is no text in this file."), _("Check that it is the right file.")),
    "envelope": Wording(
        _("There is no text in this file, only other files that are attached to it."),
        _("They are added as documents of their own."),
    ),
    "encoding": Wording(
        _("The characters of this text file could not be made out."),
        _("Save it as UTF-8 and upload it again."),
    ),
    "no_loader": Wording(
        _("The program that reads this kind of file is not set up right on this site."),
        _("Tell the person who runs the site, and try again when it is mended."),
    ),
    "missing": Wording(
        _("The file is no longer in the site's storage."), _("Delete this entry and upload the file again.")
    ),
    "deadly": Wording(
        _("Processing this document crashed three times."),
        _("Try again. If it happens again, print it to a new PDF or split it into smaller files."),
    ),
    "unsupported": Wording(_("This kind of file cannot be read."), ACCEPTED),
    "protected": Wording(
        _("This PDF is protected in a way that cannot be opened here."),
        _("Upload a copy without the protection."),
    ),
}

# What became of an archive, and of the files in it.
WORDINGS |= {
    "too_large": Wording(
        _("This file is larger than what this site takes."),
        _("Split it into smaller files, or save it with smaller pictures."),
    ),
    "archive_limit": Wording(
        _("This archive holds more files, or unpacks to more, than is taken at once."),
        _("Split it into smaller archives, or upload the files in it."),
    ),
    "known_content": Wording(
        _("The collection holds this very content already, as another document."), _("Delete one of the two.")
    ),
    "link": Wording(
        _("This is a link to another file, and links are not followed."), _("Upload the file it leads to.")
    ),
    "nested_archive": Wording(
        _("An archive within an archive is not unpacked."), _("Unpack it and upload the files inside.")
    ),
}

# What became of a web page.
AS_A_FILE = _("Open it in your browser, save it or print it to a PDF, and upload that.")
BY_ITSELF = _("Nothing needs to be done: it is tried again by itself.")
PAGES = {
    "page_address": Wording(
        _("This is not the address of a web page."),
        _("It begins with https:// or http://. Copy it from your browser."),
    ),
    "page_credentials": Wording(
        _("This address holds a user name or a password."),
        _("Leave it out: pages that need a sign-in cannot be fetched."),
    ),
    "page_private": Wording(
        _("This address is not on the open internet, so it is not fetched."),
        _(
            "If it is a page of your own network, ask the operator of this site to allow that, or upload it as a file."
        ),
    ),
    "page_no_site": Wording(
        _("There is no site of that name."), _("Look for a typing mistake in the address.")
    ),
    "page_gone": Wording(
        _("There is no page at this address."), _("Look for a typing mistake, or whether the page has moved.")
    ),
    "page_sign_in": Wording(_("This page asks for a sign-in."), AS_A_FILE),
    "page_refused": Wording(_("The site does not give this page out to programs."), AS_A_FILE),
    "page_loop": Wording(_("This address leads on and on to other addresses."), AS_A_FILE),
    "page_astray": Wording(_("This address leads on to one that is not fetched."), AS_A_FILE),
    "page_certificate": Wording(_("The site could not prove that it is the one it says it is."), AS_A_FILE),
    "page_large": Wording(_("This page is larger than what this site takes."), AS_A_FILE),
    "page_known": Wording(
        _("What stands at this address is in the collection already, as another document."),
        _("Delete this entry; the other one answers."),
    ),
    # These pass: it is tried again by itself.
    "page_timeout": Wording(_("The site of this page did not answer in time."), BY_ITSELF),
    "page_unreachable": Wording(_("The site of this page could not be reached."), BY_ITSELF),
    "page_broken_off": Wording(_("The connection to the site of this page broke off."), BY_ITSELF),
    "page_busy": Wording(_("The site of this page is busy."), BY_ITSELF),
    "page_fault": Wording(_("The site of this page has a fault at the moment."), BY_ITSELF),
}
WORDINGS |= PAGES

FORMATS = {
    "packed": Wording(
        _("This file is packed in a way that is not read here."),
        _("Pack it again as an ordinary zip, or upload the files in it."),
    ),
    "doc": Wording(
        _("This is an old Word file (.doc)."),
        _("Open it in Word or LibreOffice and save it as .docx, then upload that."),
    ),
    "xls": Wording(
        _("This is an old Excel file (.xls)."),
        _("Open it in Excel or LibreOffice and save it as .xlsx, then upload that."),
    ),
    "ppt": Wording(
        _("This is an old PowerPoint file (.ppt)."),
        _("Open it in PowerPoint or LibreOffice and save it as .pptx, then upload that."),
    ),
    "xlsb": Wording(
        _("This is a binary Excel file (.xlsb)."),
        _("Open it in Excel and save it as .xlsx, then upload that."),
    ),
    "msg": Wording(
        _("This is an Outlook message (.msg)."), _("Save it as .eml or as text, and upload that.")
    ),
    "iwork": Wording(
        _("Pages, Numbers and Keynote files cannot be read."),
        _("Export it as PDF, Word, Excel or PowerPoint, and upload that."),
    ),
    "flat": Wording(
        _("This is an OpenDocument file in one piece of XML (.fodt, .fods or .fodp)."),
        _("Open it in LibreOffice and save it as .odt, .ods or .odp, then upload that."),
    ),
    "office": Wording(
        _("This is an old Office file."),
        _("Open it in Office or LibreOffice and save it as .docx, .xlsx or .pptx, then upload that."),
    ),
    "locked": Wording(
        _("This file needs a password."),
        _("Open it in the program it was made with, save a copy without a password, and upload that."),
    ),
    "copy_protected": Wording(
        _("This book is protected against copying and cannot be read here."), _("Upload a copy without it.")
    ),
    "misnamed": Wording(
        _("This file is not what its name says it is."),
        _("Try to open it on your computer and save it again, then upload that."),
    ),
    "xfa": Wording(
        _("This PDF is a form that only Adobe’s own programs can show."),
        _("Open it in Adobe Reader, print it to a new PDF, and upload that."),
    ),
    "zip": Wording(_("Archives cannot be read."), _("Unpack it and upload the files inside.")),
    "picture": Wording(
        _("Pictures cannot be read."), _("Upload a PDF with a text layer, or the text itself.")
    ),
    "recording": Wording(_("Sound and video cannot be read."), _("Upload what is said in them as a text.")),
    "program": Wording(_("This file is a program, not a document."), ACCEPTED),
}


def for_failure(kind: str, details: dict[str, Any]) -> Wording:
    """The words for a kind of failure; an unknown kind reads as an unsupported file."""
    if kind == "password" and details.get("was_given"):
        return WORDINGS["wrong_password"]
    if kind == "empty" and details.get("attachments"):
        return WORDINGS["envelope"]
    if kind == "unsupported" and details.get("format") in FORMATS:
        return FORMATS[details["format"]]
    if kind == "unsupported" and details.get("is_protected"):
        return WORDINGS["protected"]
    return WORDINGS.get(kind, WORDINGS["unsupported"])
