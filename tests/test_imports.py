"""The layers of modules, and which modules alone may import or read something."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def layered(package):
    """The modules of a package that its contract names."""
    named = {
        name for contract in CONTRACTS for layer in contract.get("layers", ()) for name in layer.split(" : ")
    }
    return {name for name in named if name.startswith(f"{package}.")}


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


@pytest.mark.parametrize("package", ["ragsite", "documents", "qa"])
def test_every_module_has_its_place_in_a_layer(package):
    """import-linter looks only at what its contracts name: `bin/ci` holds their order."""
    rooms = layered(package)
    modules = [name for path, name in our_modules() if name.startswith(f"{package}.") and path.stat().st_size]
    placed = [name for name in modules if any(name == room or name.startswith(f"{room}.") for room in rooms)]
    parents = [name for name in modules if any(room.startswith(f"{name}.") for room in rooms)]
    assert sorted({*modules} - {*placed} - {*parents}) == []


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
    assert readers <= {"ragsite.configuration.environment", *passing_on}
