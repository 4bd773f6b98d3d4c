"""The best chunks for a question, of what a person may read."""

from qa.retrieval.retriever import find_sources

__all__ = ["find_sources"]
