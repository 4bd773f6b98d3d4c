"""How near phrases are in meaning, by the local embedding model; without it, none is near."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragsite import llm


def nearness(phrase: str, texts: Sequence[str]) -> np.ndarray:
    """Return the cosine of the phrase and each text, 0 for all where there is no local model.

    Nothing leaves the machine. Vectors of the texts are cached, so that only new ones cost time.
    """
    known = [text.strip() or "-" for text in texts]
    if not phrase.strip() or not known:
        return np.zeros(len(known), np.float32)
    try:
        vectors = llm.embed_documents([phrase.strip(), *known], model=llm.LOCAL_EMBEDDING_MODEL)
    except (llm.ProviderError, LookupError):
        return np.zeros(len(known), np.float32)
    cosines: np.ndarray = vectors[1:] @ vectors[0]
    return cosines
