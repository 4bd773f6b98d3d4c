"""ragsite: ask questions of your own documents."""

from functools import cache
from pathlib import Path

__version__: str


@cache
def __getattr__(name: str) -> str:
    """Give `__version__`, read on use: the processes that read files import this package and need no TOML parser."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import tomllib

    project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())["project"]
    return str(project["version"])
