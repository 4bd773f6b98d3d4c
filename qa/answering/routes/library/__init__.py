"""The documents that the asker may read, and which of them words name."""

from qa.answering.routes.library.library import Library, is_close, with_heads
from qa.answering.routes.library.named import Named

__all__ = ["Library", "Named", "is_close", "with_heads"]
