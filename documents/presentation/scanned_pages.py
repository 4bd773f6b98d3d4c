"""Explain what OCR did with the scanned pages of a document, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

if TYPE_CHECKING:
    from documents.ingestion.ocr.status import OcrStatus
    from documents.models import Document


def scanned_pages_advice(document: Document, ocr: OcrStatus, *, is_operator: bool) -> list[str]:
    """Return the paragraphs to show: first what happened, then what to do."""
    if document.is_ocr_running:
        return [_progress(ocr)]
    if document.needs_password_for_ocr and document.state != "failed":
        return [_("OCR could not open the scanned pages: it needs the password of the file once more.")]
    paragraphs = [_without_text(ocr)] if ocr.without_text else []
    if ocr.over_limit and ocr.tried:
        paragraphs.append(_over_the_limit(ocr, is_operator))
    elif ocr.pending and ocr.can_run:
        paragraphs.append(_not_read_yet(ocr))
    elif ocr.pending:
        paragraphs.append(_without_ocr(document, ocr, is_operator))
    return paragraphs


def ocr_setup_hint(document: Document) -> str:
    """Tell an operator how to turn on OCR, which the document needs."""
    if not settings.OCR or document.failure_kind == "ocr_off":
        return _(
            "To turn on OCR, remove OCR=False from the settings and restart web and workers. Then run OCR again."
        )
    return _(
        "To turn on OCR, install tesseract on the workers’ machines (Debian: apt-get install tesseract-ocr) or run"
        ' pip install "ragsite[ocr]". Then run OCR again.'
    )


def _progress(ocr: OcrStatus) -> str:
    sentence = _("OCR of the scanned pages: %(done)s of %(total)s done. Their text will be searchable soon.")
    return sentence % {"done": intcomma(ocr.tried), "total": intcomma(ocr.total)}


def _without_text(ocr: OcrStatus) -> str:
    sentence = ngettext(
        "OCR found no text on %(count)s scanned page, so search cannot find anything on it.",
        "OCR found no text on %(count)s scanned pages, so search cannot find anything on them.",
        ocr.without_text,
    ) % {"count": intcomma(ocr.without_text)}
    if ocr.timed_out:
        slow = ngettext("%(count)s took too long.", "%(count)s took too long.", ocr.timed_out)
        sentence += " " + slow % {"count": intcomma(ocr.timed_out)}
    return f"{sentence} " + _("A sharper scan may help: replace the document with one.")


def _over_the_limit(ocr: OcrStatus, is_operator: bool) -> str:
    done = ngettext(
        "OCR has read the first scanned page.",
        "OCR has read the first %(count)s scanned pages.",
        ocr.tried,
    ) % {"count": intcomma(ocr.tried)}
    rest = ngettext(
        "%(count)s more is over this site’s limit for one document and is not searchable.",
        "%(count)s more are over this site’s limit for one document and are not searchable.",
        ocr.over_limit,
    ) % {"count": intcomma(ocr.over_limit)}
    remedy = (
        _("To read more, raise OCR_MAX_PAGES, restart web and workers, and run OCR on this document again.")
        if is_operator
        else _("Split the document, or ask the operator of this site.")
    )
    return f"{done} {rest} {remedy}"


def _not_read_yet(ocr: OcrStatus) -> str:
    sentence = ngettext(
        "%(count)s scanned page has not been through OCR yet, so search cannot find anything on it.",
        "%(count)s scanned pages have not been through OCR yet, so search cannot find anything on them.",
        ocr.pending,
    )
    return sentence % {"count": intcomma(ocr.pending)}


def _without_ocr(document: Document, ocr: OcrStatus, is_operator: bool) -> str:
    sentences = [
        ngettext(
            "The scanned page is an image without text, so search cannot find anything on it.",
            "The scanned pages are images without text, so search cannot find anything on them.",
            ocr.pending,
        ),
        _(
            "Most scanning programs can add a text layer (“searchable PDF”): replace the document with such a copy."
        ),
        _("OCR is switched off on this site; its operator can switch it on.")
        if ocr.is_disabled
        else _("Or ask the operator of this site to set up OCR."),
    ]
    if is_operator and document.state != "failed":  # a failed one shows the hint with its state
        sentences.append(ocr_setup_hint(document))
    return " ".join(sentences)
