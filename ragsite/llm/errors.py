"""What can go wrong at a model's provider, as types: who may try again, when, and what a person is told.

No message of the provider is kept: it can carry part of a key or of a document. `str(error)` says status and code.
"""

from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class ProviderError(Exception):
    """A call to a model failed. `is_passing`: another try may succeed. `waits_for_operator`: it will not
    before somebody changes key, quota or settings, so that work waits and does not fail."""

    kind = "provider"
    is_passing = False
    waits_for_operator = False
    sentence: Text = _("The language model's provider could not be used.")
    remedy: Text = _("Look at the provider page, or ask the operator of this site.")

    def __init__(self, detail: str = "", *, kind: str = "", not_before: datetime | None = None) -> None:
        self.kind = kind or self.kind
        self.detail = detail
        self.not_before = not_before
        self.sentence = self.sentences.get(self.kind, self.sentence)
        super().__init__(f"{self.kind}: {detail}" if detail else self.kind)

    @property
    def advice(self) -> Text:
        """For a person who waits for this very call; `remedy` is for work that is tried again by itself."""
        return _("Try again in a moment.") if self.is_passing else self.remedy

    sentences: dict[str, Text] = {}


class NotConfigured(ProviderError, LookupError):
    """No provider, or no such local model, is set up."""

    kind = "not_configured"
    waits_for_operator = True
    sentence = _("No provider for language models is configured.")
    remedy = _("Set OPENAI_API_KEY or OPENAI_BASE_URL and restart.")
    sentences = {
        "bad_settings": _("The key or the address of the provider is not well formed."),
        "local_missing": _("The local embedding model is not installed."),
        "no_embeddings": _("This model, or the server that runs it, makes no embeddings."),
    }

    def __init__(self, detail: str = "", *, kind: str = "", not_before: datetime | None = None) -> None:
        super().__init__(detail, kind=kind, not_before=not_before)
        if self.kind == "local_missing":
            self.remedy = _("Install requirements-local.txt, or choose another embedding model.")
        elif self.kind == "no_embeddings":
            self.remedy = _(
                "Set EMBEDDING_MODEL to one that does, or start its server so that it makes them."
            )


class ProviderUnavailable(ProviderError):
    """The provider is away, slow or broken for now."""

    kind = "unavailable"
    is_passing = True
    sentence = _("The provider has a fault at the moment.")
    remedy = _("Nothing needs to be done: it is tried again by itself.")
    sentences = {
        "timeout": _("The provider did not answer in time."),
        "unreachable": _("The provider could not be reached."),
        "interrupted": _("The connection to the provider broke off."),
        "no_such_page": _(
            "Something else answers at the provider's address: it is being restarted, or the address is wrong."
        ),
    }


class RateLimited(ProviderUnavailable):
    """Too many requests for now. `not_before` is when the provider wants to be asked again, where it says so."""

    kind = "rate_limited"
    sentence = _("The provider takes no more requests for the moment.")


class KeyRefused(ProviderError):
    """The provider refuses the key. Opens the breaker."""

    kind = "key_refused"
    waits_for_operator = True
    sentence = _("The provider refuses the key of this site.")
    remedy = _("Set a valid OPENAI_API_KEY and restart; waiting work goes on by itself.")


class QuotaSpent(ProviderError):
    """The account has nothing left. Opens the breaker."""

    kind = "quota_spent"
    waits_for_operator = True
    sentence = _("The quota of this site at the provider is spent.")
    remedy = _("Raise the limit or pay at the provider; waiting work goes on by itself.")


class AccessRefused(ProviderError):
    """The provider refuses the site as such, with whatever key."""

    kind = "access_refused"
    waits_for_operator = True
    sentence = _("The provider refuses to serve this site.")
    remedy = _("Ask the provider, or choose another one; waiting work goes on by itself.")
    sentences = {
        "region": _("The provider does not serve the country or the network that this site runs in."),
    }


class RequestRefused(ProviderError):
    """This very request will never be accepted."""

    kind = "refused"
    sentence = _("The provider refuses this request.")
    remedy = _("Check the model's name and its settings.")
    sentences = {
        "context_length": _("The text is longer than the model can read."),
        "too_long": _("A passage is longer than the embedding model can read."),
        "content_filter": _("The provider's content filter refuses this text."),
        "no_such_model": _("The provider does not know this model, or the address is wrong."),
    }


class BadResponse(ProviderError):
    """The provider answered with something that is no answer."""

    kind = "bad_response"
    is_passing = True
    sentence = _("The provider's answer could not be understood.")
    remedy = ProviderUnavailable.remedy
    sentences = {
        "bad_vectors": _("The provider returned vectors that cannot be right."),
        "empty_answer": _("The provider answered with nothing."),
        "tool_calls": _("The model wanted to use a tool and wrote no answer."),
        "endless_thought": _("The model went on thinking and came to no answer."),
        "declined": _("The model declined to answer."),
        "cut_off": _("The model's answer was cut off before its first word."),
    }


class TooLarge(RequestRefused):
    """A batch of texts is too much for one request: `has_too_many_texts` texts, else too many tokens. Its half may pass.

    `may_pass`: where even a single text is refused so, the server is at fault, and not the text.
    """

    kind = "too_long"
    has_too_many_texts = False
    may_pass = False


# The provider is away for everybody, as far as one refused call can tell.
OUTAGE_KINDS = frozenset([ProviderUnavailable.kind, *ProviderUnavailable.sentences])

# What a call that goes well shows to be over, unless the provider named another time. A rate limit is not among them:
# whoever calls at once because another call went well only makes it worse.
RECOVERABLE_KINDS = frozenset(
    [
        *(ProviderUnavailable.kind, *ProviderUnavailable.sentences),
        *(BadResponse.kind, *BadResponse.sentences),
        *(KeyRefused.kind, QuotaSpent.kind),
        *(AccessRefused.kind, *AccessRefused.sentences),
        *(NotConfigured.kind, "bad_settings"),
    ]
)
