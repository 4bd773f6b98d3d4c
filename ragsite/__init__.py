"""ragsite: ask questions of your own documents."""

__version__ = "0.1.0"
