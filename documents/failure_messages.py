"""Messages for files that cannot be read: the problem, and the remedy."""

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
        _("This file needs a password."),
        _("Enter it on the document's page, or upload a copy without a password."),
    ),
    "wrong_password": Wording(_("Incorrect password."), _("Try again, or upload a copy without a password.")),
    "damaged": Wording(
        _("This file is damaged or incomplete."),
        _("Try to open it on your computer and save or download it again."),
    ),
    "not_pdf": Wording(_("This file has a PDF name but is not a PDF."), ACCEPTED),
    "limit": Wording(
        _("This file is too large or too complex to process."),
        _("Split it into smaller files, or print it to a new PDF."),
    ),
    "timeout": Wording(
        _("Processing this file took too long."), _("Print it to a new PDF, or split it into smaller files.")
    ),
    "no_text": Wording(
        _("This PDF looks scanned: its pages are images without text."),
        _(
            "Upload a searchable PDF, which most scanning programs can create. Or ask the site's operator to set up OCR: the"
            " program tesseract is missing here."
        ),
    ),
    "ocr_off": Wording(
        _("This PDF looks scanned: its pages are images without text."),
        _(
            "Upload a searchable PDF, which most scanning programs can create. OCR is switched off on this site; its operator"
            " can switch it on."
        ),
    ),
    "no_ocr_text": Wording(
        _("OCR found no text in this scanned PDF."),
        _("Upload a sharper scan, or a searchable PDF."),
    ),
    "no_language": Wording(
        _("This PDF is scanned, and OCR has no language data on this site."),
        _("Ask the site's operator to install the language data for OCR_LANGUAGES, then press Retry."),
    ),
    "garbled": Wording(
        _("The text inside this PDF is unreadable: its fonts use a private encoding."),
        _("Print it to a new PDF or scan it with OCR, and upload that."),
    ),
    "empty": Wording(_("There is no text in this file."), _("Check that it is the right file.")),
    "envelope": Wording(
        _("There is no text in this file, only attachments."),
        _("The attachments are added as separate documents."),
    ),
    "encoding": Wording(
        _("The character encoding of this text file could not be detected."),
        _("Save it as UTF-8 and upload it again."),
    ),
    "no_loader": Wording(
        _("The loader for this file type is not configured correctly on this site."),
        _("Contact the site's operator, then press Retry."),
    ),
    "missing": Wording(
        _("The file is no longer in the site's storage."), _("Delete this entry and upload the file again.")
    ),
    "crashed": Wording(
        _("Processing this document crashed three times."),
        _("Try again. If it happens again, print it to a new PDF or split it into smaller files."),
    ),
    "unsupported": Wording(_("This file type is not supported."), ACCEPTED),
    "protected": Wording(
        _("This PDF uses a protection that is not supported."),
        _("Upload an unprotected copy."),
    ),
}

# Archives and the files in them.
WORDINGS |= {
    "too_large": Wording(
        _("This file exceeds the size limit of this site."),
        _("Split it into smaller files, or save it with smaller images."),
    ),
    "archive_limit": Wording(
        _("This archive has too many files, or is too large when unpacked."),
        _("Split it into smaller archives, or upload the files inside."),
    ),
    "known_content": Wording(
        _("The collection already has a document with the same content."), _("Delete one of the two.")
    ),
    "link": Wording(
        _("This is a link to another file, and links are not followed."), _("Upload the file it points to.")
    ),
    "nested_archive": Wording(
        _("Archives inside an archive are not unpacked."), _("Unpack it and upload the files inside.")
    ),
}

# Web pages.
UPLOAD_INSTEAD = _("Open it in your browser, save it or print it to PDF, and upload that.")
RETRIED = _("No action needed: it is retried automatically.")
PAGES = {
    "page_address": Wording(
        _("This is not a web address."),
        _("It starts with https:// or http://. Copy it from your browser."),
    ),
    "page_credentials": Wording(
        _("This address contains a username or password."),
        _("Remove it: pages that require signing in cannot be fetched."),
    ),
    "page_private": Wording(
        _("This address is not on the public internet, so it is not fetched."),
        _("If it is on your own network, ask the site's operator to allow it, or upload the page as a file."),
    ),
    "page_no_site": Wording(_("There is no site with this name."), _("Check the address for typos.")),
    "page_gone": Wording(
        _("There is no page at this address."), _("Check the address for typos; the page may have moved.")
    ),
    "page_sign_in": Wording(_("This page requires signing in."), UPLOAD_INSTEAD),
    "page_refused": Wording(_("The site does not allow programs to fetch this page."), UPLOAD_INSTEAD),
    "page_loop": Wording(_("This address redirects too many times."), UPLOAD_INSTEAD),
    "page_astray": Wording(_("This address redirects to one that is not fetched."), UPLOAD_INSTEAD),
    "page_certificate": Wording(_("The site's certificate is not valid."), UPLOAD_INSTEAD),
    "page_large": Wording(_("This page exceeds the size limit of this site."), UPLOAD_INSTEAD),
    "page_known": Wording(
        _("The collection already has the content of this address as another document."),
        _("Delete this entry and use the other document."),
    ),
    # Temporary failures, which are retried automatically.
    "page_timeout": Wording(_("The page's site did not respond in time."), RETRIED),
    "page_unreachable": Wording(_("The page's site could not be reached."), RETRIED),
    "page_broken_off": Wording(_("The connection to the page's site was interrupted."), RETRIED),
    "page_busy": Wording(_("The page's site is busy."), RETRIED),
    "page_fault": Wording(_("The page's site has a temporary fault."), RETRIED),
}
WORDINGS |= PAGES

FORMATS = {
    "packed": Wording(
        _("This file uses an unsupported compression method."),
        _("Compress it again as a standard zip, or upload the files inside."),
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
        _("Pages, Numbers and Keynote files are not supported."),
        _("Export it as PDF, Word, Excel or PowerPoint, and upload that."),
    ),
    "flat": Wording(
        _("This is a flat XML OpenDocument file (.fodt, .fods or .fodp)."),
        _("Open it in LibreOffice and save it as .odt, .ods or .odp, then upload that."),
    ),
    "office": Wording(
        _("This is an old Office file."),
        _("Open it in Office or LibreOffice and save it as .docx, .xlsx or .pptx, then upload that."),
    ),
    "locked": Wording(
        _("This file needs a password."),
        _("Open it in the program that created it, save a copy without a password, and upload that."),
    ),
    "copy_protected": Wording(
        _("This book has copy protection (DRM) and cannot be read."), _("Upload a copy without DRM.")
    ),
    "misnamed": Wording(
        _("The content of this file does not match its name."),
        _("Try to open it on your computer and save it again, then upload that."),
    ),
    "xfa": Wording(
        _("This PDF is a form that only Adobe’s own programs can display."),
        _("Open it in Adobe Reader, print it to a new PDF, and upload that."),
    ),
    "zip": Wording(
        _("Archives of this type are not supported."), _("Unpack it and upload the files inside.")
    ),
    "image": Wording(_("Images are not supported."), _("Upload a searchable PDF, or the text itself.")),
    "recording": Wording(_("Audio and video are not supported."), _("Upload a transcript instead.")),
    "program": Wording(_("This file is a program, not a document."), ACCEPTED),
}


def for_failure(kind: str, details: dict[str, Any]) -> Wording:
    """Return the message for a kind of failure; an unknown kind reads as an unsupported file."""
    if kind == "password" and details.get("was_given"):
        return WORDINGS["wrong_password"]
    if kind == "empty" and details.get("attachments"):
        return WORDINGS["envelope"]
    if kind == "unsupported" and details.get("format") in FORMATS:
        return FORMATS[details["format"]]
    if kind == "unsupported" and details.get("is_protected"):
        return WORDINGS["protected"]
    return WORDINGS.get(kind, WORDINGS["unsupported"])
