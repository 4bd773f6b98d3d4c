"""Retrieval of the best chunks for a question, from the documents that a user may read."""

from qa.retrieval.retriever import find_sources

__all__ = ["find_sources"]
