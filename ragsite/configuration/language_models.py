"""Settings of language models. Without a key and a base URL, embeddings are computed locally and answers are quotes."""

from ragsite.configuration.environment import env, env_headers, env_int, env_number, env_raw, env_tag_pairs

OPENAI_API_KEY = env("OPENAI_API_KEY")
OPENAI_BASE_URL = env("OPENAI_BASE_URL")
OPENAI_EXTRA_HEADERS = env_headers("OPENAI_EXTRA_HEADERS")  # may contain a key: never logged or shown
CHAT_MODEL = env("CHAT_MODEL", "gpt-4.1-mini")
# A separate server for embeddings, with its own key and headers. Default: the server above.
EMBEDDING_BASE_URL = env("EMBEDDING_BASE_URL")
EMBEDDING_API_KEY = env("EMBEDDING_API_KEY")
EMBEDDING_EXTRA_HEADERS = env_headers("EMBEDDING_EXTRA_HEADERS")
EMBEDDING_MODEL = env("EMBEDDING_MODEL")
EMBEDDING_DIMENSIONS = env_int("EMBEDDING_DIMENSIONS", 0, 0, 16_000) or None
# Overrides the known input limit of the model.
EMBEDDING_MAX_TOKENS = env_int("EMBEDDING_MAX_TOKENS", 0, 0, 10_000_000) or None
EMBEDDING_QUERY_PREFIX = env_raw("EMBEDDING_QUERY_PREFIX")
EMBEDDING_PASSAGE_PREFIX = env_raw("EMBEDDING_PASSAGE_PREFIX")
EMBEDDING_BATCH_TOKENS = env_int("EMBEDDING_BATCH_TOKENS", 100_000, 1, 100_000_000)
# Where these are not set, they depend on the server: ragsite/llm/provider.py.
EMBEDDING_BATCH_TEXTS = (
    env_int("EMBEDDING_BATCH_TEXTS", 32, 1, 100_000) if env("EMBEDDING_BATCH_TEXTS") else None
)
EMBEDDING_CONCURRENCY = env_int("EMBEDDING_CONCURRENCY", 4, 1, 64)
CHAT_CONTEXT_TOKENS = (
    env_int("CHAT_CONTEXT_TOKENS", 8_192, 256, 100_000_000) if env("CHAT_CONTEXT_TOKENS") else None
)
CHAT_TEMPERATURE = env_number("CHAT_TEMPERATURE", None, 0, 2)
CHAT_MAX_OUTPUT_TOKENS = env_int("CHAT_MAX_OUTPUT_TOKENS", 0, 0, 10_000_000) or None
CHAT_THINKING_MARKS = env_tag_pairs("CHAT_THINKING_MARKS")
LLM_CONNECT_TIMEOUT = env_number("LLM_CONNECT_TIMEOUT", 3, 0, 3_600, is_above_minimum=True)
LLM_FIRST_TOKEN_TIMEOUT = env_number("LLM_FIRST_TOKEN_TIMEOUT", None, 0, 86_400, is_above_minimum=True)
LLM_SILENCE_TIMEOUT = env_number("LLM_SILENCE_TIMEOUT", 600, 0, 86_400, is_above_minimum=True)
LLM_BETWEEN_TOKENS_TIMEOUT = env_number("LLM_BETWEEN_TOKENS_TIMEOUT", 20, 0, 86_400, is_above_minimum=True)
# A model saved in the page is in effect in every process after so many seconds.
LLM_RELOAD_SECONDS = 1.0
# US dollars per million tokens, as published by the provider on that date. Other models show tokens without a price.
MODEL_PRICES_DATE = "2025-06"
MODEL_PRICES = {
    "text-embedding-3-small": {"input": "0.02", "output": "0"},
    "text-embedding-3-large": {"input": "0.13", "output": "0"},
    "text-embedding-ada-002": {"input": "0.10", "output": "0"},
    "gpt-4": {"input": "30", "output": "60"},
    "gpt-4-turbo": {"input": "10", "output": "30"},
    "gpt-4o": {"input": "2.50", "output": "10"},
    "gpt-4o-mini": {"input": "0.15", "output": "0.60"},
    "gpt-4.1": {"input": "2", "output": "8"},
    "gpt-4.1-mini": {"input": "0.40", "output": "1.60"},
    "gpt-4.1-nano": {"input": "0.10", "output": "0.40"},
}
