from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Pages and commands for operators. Imports both apps; only the URLs import it."""

    name = "ragsite.operations"
