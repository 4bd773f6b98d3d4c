"""Addresses and defaults of well-known servers, as data. Any other OpenAI-compatible server works by its address."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Preset:
    """A server that operators often choose. Empty models are chosen from the server's list."""

    slug: str
    name: str
    base_url: str
    chat_model: str = ""
    embedding_model: str = ""
    needs_key: bool = True
    note: str | Promise = ""

    @property
    def is_local(self) -> bool:
        return "127.0.0.1" in self.base_url


PRESETS = (
    Preset("openai", "OpenAI", "https://api.openai.com/v1", "gpt-4.1-mini", "text-embedding-3-small"),
    Preset(
        "azure",
        "Azure OpenAI",
        "https://YOUR-RESOURCE.openai.azure.com/openai/v1",
        note=_(
            "Replace YOUR-RESOURCE. The model is the name of your deployment, which the list may not show."
        ),
    ),
    Preset(
        "ollama",
        "Ollama",
        "http://127.0.0.1:11434/v1",
        embedding_model="nomic-embed-text",
        needs_key=False,
        note=_("Ollama cuts long prompts silently: start it with OLLAMA_CONTEXT_LENGTH=8192 or more."),
    ),
    Preset(
        "lm-studio",
        "LM Studio",
        "http://127.0.0.1:1234/v1",
        needs_key=False,
        note=_(
            "Start the server in LM Studio's developer tab, and load the model with a context of 8,192 tokens."
        ),
    ),
    Preset("vllm", "vLLM", "http://127.0.0.1:8000/v1", needs_key=False),
    Preset("mistral", "Mistral", "https://api.mistral.ai/v1", "mistral-small-latest", "mistral-embed"),
    Preset(
        "gemini",
        "Gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "gemini-2.5-flash",
        "gemini-embedding-001",
    ),
    Preset(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        note=_("Model names include the maker, for example openai/gpt-4.1-mini."),
    ),
)


def preset(slug: str) -> Preset | None:
    """The preset of this name, or None."""
    return next((known for known in PRESETS if known.slug == slug), None)
