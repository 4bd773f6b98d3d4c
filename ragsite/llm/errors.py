"""Errors of model providers, with messages for people and hints for retries.

The provider's own message is never stored: it may contain part of a key or of a document. `str(error)` is status and
code.
"""

from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ragsite.failures import Failure, Retry

Text = str | Promise


class ProviderError(Failure):
    """A call to a model failed. A job whose failure an operator can fix waits instead of failing."""

    kind = "provider"
    sentence: Text = _("The language model is not available.")
    remedy: Text = _("Check the provider page, or ask the operator of this site.")

    def __init__(self, detail: str = "", *, kind: str = "", not_before: datetime | None = None) -> None:
        self.kind = kind or self.kind
        self.detail = detail
        self.not_before = not_before
        self.sentence = self.sentences.get(self.kind, self.sentence)
        super().__init__(f"{self.kind}: {detail}" if detail else self.kind)

    @property
    def advice(self) -> Text:
        """The remedy for a person waiting for this call; `remedy` is for jobs that are retried automatically."""
        return _("Try again in a moment.") if self.retry is Retry.LATER else self.remedy

    sentences: dict[str, Text] = {}


class NotConfigured(ProviderError, LookupError):
    """No provider is configured, or the local model is missing."""

    kind = "not_configured"
    retry = Retry.AFTER_FIX
    sentence = _("No language model is connected.")
    remedy = _("Connect one on the page “Language model”, or set OPENAI_API_KEY or OPENAI_BASE_URL.")
    sentences = {
        "bad_settings": _("The key or address of the provider is invalid."),
        "local_missing": _("The local embedding model is not installed."),
        "no_embeddings": _("This model or its server does not support embeddings."),
    }

    def __init__(self, detail: str = "", *, kind: str = "", not_before: datetime | None = None) -> None:
        super().__init__(detail, kind=kind, not_before=not_before)
        if self.kind == "local_missing":
            self.remedy = _("Install requirements-local.txt, or choose another embedding model.")
        elif self.kind == "no_embeddings":
            self.remedy = _(
                "Choose an embedding model on the page “Language model”, or enable embeddings on its server."
            )


class ProviderUnavailable(ProviderError):
    """The provider is temporarily down, slow or failing."""

    kind = "unavailable"
    retry = Retry.LATER
    sentence = _("The provider is having problems right now.")
    remedy = _("No action needed: it is retried automatically.")
    sentences = {
        "timeout": _("The provider did not answer in time."),
        "unreachable": _("The provider could not be reached."),
        "interrupted": _("The connection to the provider was interrupted."),
        "no_such_page": _(
            "The provider's address does not lead to an API: the server is restarting, or the address is wrong."
        ),
    }


class RateLimited(ProviderUnavailable):
    """Too many requests. `not_before` is when the provider accepts the next one, if known."""

    kind = "rate_limited"
    uses_up_tries = False
    sentence = _("The provider's rate limit has been reached.")


class KeyRefused(ProviderError):
    """The provider rejects the key. Opens the circuit breaker."""

    kind = "key_refused"
    retry = Retry.AFTER_FIX
    sentence = _("The provider rejects the API key of this site.")
    remedy = _("Set a valid OPENAI_API_KEY and restart; waiting jobs then resume automatically.")


class QuotaSpent(ProviderError):
    """The account's quota is used up. Opens the circuit breaker."""

    kind = "quota_spent"
    retry = Retry.AFTER_FIX
    sentence = _("The provider quota of this site is used up.")
    remedy = _("Raise the limit or add credit at the provider; waiting jobs then resume automatically.")


class AccessRefused(ProviderError):
    """The provider does not serve this site, with any key."""

    kind = "access_refused"
    retry = Retry.AFTER_FIX
    sentence = _("The provider does not serve this site.")
    remedy = _("Contact the provider, or choose another one; waiting jobs then resume automatically.")
    sentences = {
        "region": _("The provider does not serve the country or network of this site."),
    }


class RequestRefused(ProviderError):
    """The request is invalid; a retry fails the same way."""

    kind = "refused"
    sentence = _("The provider rejects this request.")
    remedy = _("Check the name of the model and its settings.")
    sentences = {
        "context_length": _("The text exceeds the context window of the model."),
        "too_long": _("A chunk exceeds the input limit of the embedding model."),
        "content_filter": _("The provider's content filter blocks this text."),
        "no_such_model": _("The provider does not know this model, or the address is wrong."),
    }


class BadResponse(ProviderError):
    """The response is not a valid answer."""

    kind = "bad_response"
    retry = Retry.LATER
    sentence = _("The provider's response is not valid.")
    remedy = ProviderUnavailable.remedy
    sentences = {
        "bad_vectors": _("The provider returned invalid vectors."),
        "empty_answer": _("The provider returned an empty answer."),
        "tool_calls": _("The model tried to call a tool instead of answering."),
        "endless_thought": _("The model spent its whole answer on reasoning."),
        "declined": _("The model declined to answer."),
        "cut_off": _("The answer was cut off before its first word."),
    }


class TooLarge(RequestRefused):
    """A batch is too large for one request: too many texts (`has_too_many_texts`) or tokens. Half of it may pass.

    `may_pass`: if a single text fails this way, the server is at fault and not the text.
    """

    kind = "too_long"
    has_too_many_texts = False
    may_pass = False


# Kinds that suggest an outage of the provider for all calls.
OUTAGE_KINDS = frozenset([ProviderUnavailable.kind, *ProviderUnavailable.sentences])

# Kinds that a successful call proves to be over, unless the provider named a time. Rate limits are excluded: retrying
# because another call succeeded would prolong them.
RECOVERABLE_KINDS = frozenset(
    [
        *(ProviderUnavailable.kind, *ProviderUnavailable.sentences),
        *(BadResponse.kind, *BadResponse.sentences),
        *(KeyRefused.kind, QuotaSpent.kind),
        *(AccessRefused.kind, *AccessRefused.sentences),
        *(NotConfigured.kind, "bad_settings"),
    ]
)
