from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Pages and commands that look at the whole site; it may import both apps, and nothing imports it but urls."""

    name = "ragsite.operations"
