"""Describe documents and pages to people: plain functions that return sentences."""
