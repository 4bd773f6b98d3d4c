"""ragsite: ask questions of your own documents."""

import tomllib
from pathlib import Path

__version__: str = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())["project"][
    "version"
]
