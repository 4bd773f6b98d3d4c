"""Stands in for the OCR engine of the machine that runs the tests."""

from documents.ingestion.ocr import run, status


def set_engine(monkeypatch, name):
    """The machine has this OCR engine; none for ""."""
    for module in (run, status):
        monkeypatch.setattr(module, "engine", lambda: name)
