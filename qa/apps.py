from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class QaConfig(AppConfig):
    name = "qa"
    verbose_name = _("questions and answers")

    def ready(self) -> None:
        from qa import signals  # noqa: F401
