"""Common embedding models: their input limits and the prefixes that they expect, found by name.

From the model cards. A model was trained with its prefixes and retrieves worse without them.
"""

import re
from dataclasses import dataclass

WEB_SEARCH = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
REPRESENT = "Represent this sentence for searching relevant passages: "
REPRESENT_CHINESE = "\u4e3a\u8fd9\u4e2a\u53e5\u5b50\u751f\u6210\u8868\u793a\u4ee5\u7528\u4e8e\u68c0\u7d22\u76f8\u5173\u6587\u7ae0\uff1a"


@dataclass(frozen=True)
class Family:
    """`max_tokens` are the model's own word pieces, of which a language may need twice as many as OpenAI's tokens."""

    pattern: str
    max_tokens: int
    query_prefix: str = ""
    passage_prefix: str = ""


# The first match wins.
FAMILIES = (
    Family(r"text-embedding-(3-small|3-large|ada-002)", 8191),  # through another server
    Family(r"nomic-embed-text-v2", 512, "search_query: ", "search_document: "),
    Family(r"nomic-embed-text", 2048, "search_query: ", "search_document: "),
    Family(r"nomic-embed-code", 8192, "Represent this query for searching relevant code: "),
    Family(r"qwen3-embedding", 32_768, WEB_SEARCH),
    Family(r"(gte-qwen|e5-mistral|sfr-embedding|nv-embed|linq-embed)", 8192, f"{WEB_SEARCH} "),
    Family(r"\be5-\w+-instruct", 512, f"{WEB_SEARCH} "),
    Family(r"(\be5-(small|base|large)|mxbai-embed-de)", 512, "query: ", "passage: "),
    Family(r"arctic-embed(2|-\w-v2)", 8192, "query: "),
    Family(r"arctic-embed", 512, REPRESENT),
    Family(r"bge-(m3|multilingual-gemma|en-icl)", 8192),
    Family(r"bge-\w+-zh", 512, REPRESENT_CHINESE),
    Family(r"(bge-\w+|mxbai-embed-(large|2d)|uae-large)", 512, REPRESENT),
    Family(r"embeddinggemma|embedding-gemma", 2048, "task: search result | query: ", "title: none | text: "),
    Family(r"\b(frida|ru-en-rosberta)", 512, "search_query: ", "search_document: "),
    Family(
        r"^voyage-",
        16_000,
        "Represent the query for retrieving supporting documents: ",
        "Represent the document for retrieval: ",
    ),
    Family(r"(gemini-embedding|text-(multilingual-)?embedding-00\d|text-embedding-v\d)", 2048),
    Family(
        r"(mistral-embed|codestral-embed|jina-embeddings|titan-embed|gte-multilingual|gte-modernbert)", 8192
    ),
    Family(r"(all-minilm|labse|sentence-t5)", 256),
    Family(r"all-mpnet", 384),
    Family(r"(paraphrase-|distiluse)", 128),
)


def family_of(name: str) -> Family | None:
    """The family of a model by the server's name for it, which may include the vendor, the size and the file format."""
    plain = name.lower().replace("_", "-")
    return next((family for family in FAMILIES if re.search(family.pattern, plain)), None)
