from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from documents.extraction import registry
from ragsite import database


class DocumentsConfig(AppConfig):
    name = "documents"
    verbose_name = _("documents")

    def ready(self) -> None:
        database.connect_signals()
        registry.add_source(lambda: settings.DOCUMENT_LOADERS)
        from documents import checks, signals  # noqa: F401
