"""Choose the OCR engine, or skip a test that needs one; the page of a scan."""

import pytest

from documents.extraction.ocr import engines
from documents.ingestion.ocr import run, status

needs_tesseract = pytest.mark.skipif(
    engines.engine() != engines.TESSERACT, reason="no tesseract on this machine"
)
# In the content of a page: an image of eight by eight pixels that covers most of it, as a scan does.
PICTURE = b"q 500 0 0 700 40 40 cm BI /W 8 /H 8 /CS /G /BPC 8 ID " + bytes(64) + b" EI Q"


def set_engine(monkeypatch, name):
    """The machine has this OCR engine; none for ""."""
    for module in (run, status):
        monkeypatch.setattr(module, "engine", lambda: name)
