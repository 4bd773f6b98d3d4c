"""Operator pages. They show the whole site, and each requires the permission to operate it."""
