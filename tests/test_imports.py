"""Imports point one way, as docs/architecture.md draws it: nothing imports what stands to its right."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Each layer may import itself and those before it. Inside an app, no module imports a later one.
LAYERS = [
    ["ragsite.llm", "ragsite.accounts", "documents.work.worker", "ragsite.cache"],
    [
        "documents.extraction",
        "documents.sources.web",
        "documents.sources.zip_upload",
        "documents.ingestion.sentences",
        "documents.extraction.text.signs",
        "documents.ingestion.splitter",
        "documents.work.shutdown",
        "documents.models",
        "documents.work.locks",
        "documents.ingestion.estimates",
        "documents.ingestion.passwords",
        "documents.ingestion.summarize",
        "documents.notifications",
        "documents.work.provider_probe",
        "documents.ingestion.ocr",
        "documents.ingestion.index",
        "documents.ingestion.rebuild",
        "documents.ingestion.fetch",
        "documents.work.runner",
        "documents.work.queue",
        "documents.work.housekeeping",
        "documents.sources.sync",
        "documents.work.reconciler",
        "documents.search",
        "documents.highlights",
        "documents.page_images",
        "documents.signals",
        "documents.filters",
        "documents.forms",
        "documents.views.watched",
        "documents.views.documents",
        "documents.views.changes",
        "documents.views.read",
        "documents.views.add",
        "documents.admin",
    ],
    [
        "qa.models",
        "qa.retrieval.retriever",
        "qa.answering.prompts",
        "qa.answering.statements",
        "qa.answering.extractive",
        "qa.answering.citations",
        "qa.answering",
        "qa.streaming",
        "qa.views",
        "qa.admin",
    ],
    ["ragsite.operations"],
    ["ragsite.urls", "ragsite.asgi"],
]
ORDER = [name for layer in LAYERS for name in layer]
PARALLEL = set(LAYERS[0])  # these four do not know one another, see below


def place_of(module):
    """How far to the right a module stands; None for one that is not part of the order."""
    found = [name for name in ORDER if module == name or module.startswith(name + ".")]
    return ORDER.index(max(found, key=len)) if found else None


def imports_at_the_top(path):
    """What a file imports when it is loaded: imports inside functions and for type checking are not counted."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def our_modules():
    for folder in ("ragsite", "documents", "qa"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path, ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize(
    ("path", "module"), list(our_modules()), ids=lambda value: str(value).rpartition("/")[2]
)
def test_imports_point_one_way(path, module):
    here = place_of(module)
    if here is None:
        return
    wrong = [
        name
        for name in imports_at_the_top(path)
        if (there := place_of(name)) is not None
        and (there > here or ({ORDER[here], ORDER[there]} <= PARALLEL and there != here))
    ]
    assert wrong == []


def test_only_the_gateway_imports_the_client_of_the_provider():
    users = {
        module
        for path, module in our_modules()
        for name in imports_at_the_top(path)
        if name == "openai" or name.startswith("openai.")
    }
    assert users
    assert all(module.startswith("ragsite.llm.backends.openai.") for module in users)


def test_only_one_module_reads_the_environment():
    readers = {
        module
        for path, module in our_modules()
        if "os.environ" in path.read_text() or "os.getenv" in path.read_text()
    }
    # asgi names the settings module; the others pass variables to the programs and libraries that they start or load.
    passing_on = {
        "ragsite.asgi",
        "ragsite.llm.tokens",
        "documents.extraction.sandbox.client",
        "documents.extraction.ocr.engines",
    }
    assert readers <= {"ragsite.environment", *passing_on}
