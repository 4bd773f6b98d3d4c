"""The provider: too busy, out of quota, breaking off, answering nonsense."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import numpy as np

from tests.drills import drill
from tests.drills.staging import text_about, texts, until
from tests.support.fake_openai import KEY, vector_of

PRICES = "Membership of the observatory costs 42 euros annually. Pensioners contribute 21 euros."


def asker_with_prices(stage):
    """Alice with one document, nothing else under way and nothing asked of the provider yet."""
    alice = stage.person()
    alice.add_ready(PRICES, "prices.txt")
    until(stage.has_nothing_to_do, 30)
    stage.fake.requests.clear()
    return alice


@drill("P04", quick=True)
def ends_without_finish_reason(stage, report):
    """the model's stream ends cleanly, but without a finish_reason"""
    alice = asker_with_prices(stage)
    stage.fake.fault("no_finish", after=3, on="chat")
    followed, question = alice.asked("What does membership cost?")
    state, answer, conversation = stage.sql(
        "select state, answer, conversation_id from qa_question where id = %s", question
    )[0]
    page = alice.get(f"/c/{conversation}/").text
    chats = len(stage.fake.chats)
    alice.asked("What does membership cost?")
    report.exactly("state", state, "unfinished")
    report.exactly("what came is kept and shown", bool(answer) and answer.split()[0] in followed.final, True)
    report.exactly(
        "marked in stream and page",
        ["answer-unfinished" in html for html in (followed.final, page)],
        [True, True],
    )
    report.exactly("a new try is offered", f"/questions/{question}/again/" in page, True)
    report.exactly("provider asked again for the same question", len(stage.fake.chats) - chats, 1)


@drill("P09", quick=True)
def wrong_vectors(stage, report):
    """the embedder returns vectors of a wrong width, one too few, NaN, all zero, and then in reversed order"""
    alice = stage.person()
    alice.add_ready("A first document makes the index.", "first.txt")
    before = stage.value("select count(*) from documents_chunk")
    said = set()
    for fault in ("wrong_dimension", "missing_vector", "nan", "zero", "same_index", "text_vector"):
        stage.fake.control({"faults": [{"name": fault, "times": 0, "on": "embeddings"}]})
        alice.upload({f"{fault}.txt": text_about(fault)})
        pk = alice.document(f"{fault}.txt")
        failure = "select failure from documents_document where id = %s"
        until(lambda pk=pk, query=failure: stage.value(query, pk), 20)
        said.add(stage.value(failure, pk))
    report.exactly("rows written", stage.value("select count(*) from documents_chunk") - before, 0)
    report.exactly("a reason on each document", "" not in said, True)
    report.note("“" + "”, “".join(said) + "”")
    stage.fake.control({"faults": [{"name": "reversed", "times": 0, "on": "embeddings"}]})
    pk = alice.add_ready(text_about("reversed"), "reversed.txt")
    rows = stage.sql(
        "select text, embedding::text from documents_chunk where document_id = %s order by position", pk
    )
    nearness = [
        float(np.dot(vector_of(text), np.array(vector[1:-1].split(","), float))) for text, vector in rows
    ]
    report.exactly(
        f"of {len(rows)} reversed vectors at the wrong passage", sum(value < 0.99 for value in nearness), 0
    )


@drill("P01", quick=True)
def too_busy_while_chatting(stage, report):
    """429 with Retry-After 20 for a question"""
    alice = asker_with_prices(stage)
    stage.fake.fault("status", status=429, retry_after=20, times=0, on="chat")
    followed, question = alice.asked("What does membership cost?")
    state, kind, notice = stage.sql("select state, kind, notice from qa_question where id = %s", question)[0]
    report.at_most("message after", followed.final_after, 3, " s")
    report.exactly("requests", len(stage.fake.chats), 1)
    report.exactly(
        "the notice is in the answer", bool(notice) and notice.split(".")[0] in unescape(followed.final), True
    )
    report.exactly("answer", (state, kind), ("complete", "quoted"))
    report.note(f"“{notice}”")
    pages = [alice.get("/documents/").seconds for _ in range(5)]
    report.at_most("another page meanwhile", max(pages), 2, " s")


@drill("P03")
def quota_spent(stage, report):
    """the quota is spent: 5 documents and 5 questions within 70 s, then it is paid"""
    alice = asker_with_prices(stage)
    stage.fake.fault("quota", times=0)
    began = time.monotonic()
    alice.upload_each(texts(5))
    for number in range(5):
        alice.asked(f"What does membership number {number} cost?")
        time.sleep(1)
    banner = alice.get("/").text
    times = [asked.at - stage.fake.requests[0].at for asked in stage.fake.requests]
    states = stage.sql("select state, count(*) from documents_document group by 1 order by 1")
    time.sleep(max(0, 70 - (time.monotonic() - began)))
    tries = stage.value("select max(tries) from documents_task where kind = 'index'")
    report.at_most(
        "requests before the first refusal was known, one a process", sum(at < 1 for at in times), 3
    )
    report.exactly("requests in the rest of the window", sum(1 <= at < 55 for at in times), 0)
    report.at_most(
        "requests after it",
        sum(asked.at - stage.fake.requests[0].at >= 55 for asked in stage.fake.requests),
        1,
    )
    report.exactly("a banner tells it", "quota" in banner.lower(), True)
    report.exactly("documents wait", dict(states).get("failed", 0), 0)
    report.exactly("tries burnt", tries, 0)
    stage.fake.heal()
    took = until(lambda: stage.count() == 6, 150)
    report.at_most("all ready after it was paid", took, 75, " s")


@drill("P05")
def reset_in_mid_answer(stage, report):
    """the connection is reset after three words"""
    alice = asker_with_prices(stage)
    stage.fake.fault("reset", after=3, on="chat")
    followed, question = alice.asked("What does membership cost?")
    state, answer, notice = stage.sql(
        "select state, answer, notice from qa_question where id = %s", question
    )[0]
    report.exactly("state", state, "unfinished")
    report.at_most("words missing of the three", 3 - len(answer.split()), 0)
    report.exactly("shown with a notice", bool(notice) and "answer-unfinished" in followed.final, True)
    before = len(stage.fake.chats)
    alice.asked("What does membership cost?")
    report.exactly("provider asked again for the same question", len(stage.fake.chats) - before, 1)


@drill("P06")
def stalls(stage, report):
    """the model falls silent after three words; and, another time, before the first"""
    alice = asker_with_prices(stage)
    stage.fake.fault("stall", after=3, on="chat")
    followed, question = alice.asked("What does membership cost?")
    report.at_most("told after", followed.final_after, 25, " s")
    report.exactly(
        "state", stage.value("select state from qa_question where id = %s", question), "unfinished"
    )
    stage.fake.fault("late", seconds=15, on="chat", times=1)
    thinking, question = alice.asked("What do pensioners contribute?")
    steps = [
        event.at - thinking.began
        for event in thinking.events
        if event.kind == "step" and "thinking" in event.body
    ]
    report.at_most("“The model is thinking” after", min(steps, default=float("inf")), 11.5, " s")
    report.exactly(
        "then answered", stage.value("select state from qa_question where id = %s", question), "complete"
    )


@drill("P11", quick=True)
def stopped_by_its_reader(stage, report):
    """the reader presses Stop in mid-answer"""
    alice = asker_with_prices(stage)
    stage.fake.fault("slow", seconds=0.5, on="chat")
    question = alice.ask("What does membership cost?")
    until(lambda: stage.value("select answer from qa_question where id = %s", question), 10)
    alice.post(f"/questions/{question}/stop/", {})
    hung_up = until(lambda: stage.fake.chats[0].hung_up_at, 10, every=0.05)
    state = "select state from qa_question where id = %s"
    until(lambda: stage.value(state, question) != "running", 10)
    answer = stage.value("select answer from qa_question where id = %s", question)
    report.at_most("provider's connection closed after", hung_up, 2, " s")
    report.exactly("saved as", (stage.value(state, question), bool(answer)), ("stopped", True))


@drill("P11b", quick=True)
def left_by_its_reader(stage, report):
    """the reader closes the tab in mid-answer, and nobody follows it any more"""
    alice, text = asker_with_prices(stage), "The membership costs 42 euros in a year for everybody [1]."
    slow = {"name": "slow", "seconds": 0.3, "on": "chat"}
    stage.fake.control({"faults": [slow], "answer": text})
    question = alice.ask("What does membership cost?")
    left = alice.follow(question, leave_after=3)
    row = "select state, answer from qa_question where id = %s"
    state, so_far = stage.sql(row, question)[0]
    until(lambda: stage.sql(row, question)[0][0] != "running", 30)
    report.exactly(
        "left while it was written", (state, "everybody" in left.streamed + so_far), ("running", False)
    )
    report.exactly("saved whole", stage.sql(row, question)[0], ("complete", text))
    report.exactly("requests for the answer", len(stage.fake.chats), 1)
    report.exactly("the reader who comes back sees all", "everybody" in alice.follow(question).final, True)


@drill("P02")
def too_busy_in_jobs(stage, report):
    """429 with Retry-After 20 for a document"""
    alice = stage.person()
    stage.fake.fault("status", status=429, retry_after=20, on="embeddings")
    alice.upload(texts(1))
    until(lambda: stage.fake.embeddings, 20, every=0.02)
    time.sleep(2)
    page = alice.get("/documents/").text
    until(lambda: stage.count() == 1, 90)
    times = [asked.at for asked in stage.fake.embeddings]
    report.at_most("requests", len(times), 2)
    report.at_most("earlier than asked by", 20 - (times[-1] - times[0]), 1, " s")
    report.exactly("the row says when", "Waiting to try again in" in page, True)
    report.exactly("ready", stage.count(), 1)


@drill("P10")
def three_faults_then_well(stage, report):
    """three 500s, then all is well, for a document"""
    stage.fake.fault("status", status=500, times=3, on="embeddings")
    alice, other = stage.person(), stage.person("bob")
    alice.upload(texts(1))
    until(lambda: stage.fake.embeddings, 20)
    took = until(lambda: stage.count() == 1, 200, every=0.5)
    report.at_most("ready after", took, 120, " s")
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)
    other.add_ready("Another text.", "other.txt")


@drill("P13", quick=True)
def key_refused(stage, report):
    """the key is refused: banner, waiting work, and the key looked for in pages and logs"""
    alice, olga = stage.person(), stage.person("olga")
    stage.fake.fault("bad_key", times=0)
    alice.upload(texts(1))
    until(lambda: stage.value("select failure_kind from documents_document limit 1"), 20)
    alice.asked("What is there?")
    pk = alice.document("drill-0.txt")
    pages = [alice.get(path).text for path in ("/", "/documents/", f"/documents/{pk}/")]
    pages += [
        olga.get(path).text
        for path in ("/operations/provider/", "/operations/activity/", "/admin/documents/attempt/")
    ]
    logs = [path.read_text(errors="replace") for path in (stage.var / "log").glob("*.log")]
    report.exactly(
        "documents",
        stage.sql("select state, failure_kind from documents_document"),
        [("waiting", "key_refused")],
    )
    report.exactly("a banner tells it", "rejects the API key" in pages[0], True)
    report.exactly("the key in pages", sum(KEY in page for page in pages), 0)
    report.exactly("the key in logs", sum(KEY in log for log in logs), 0)


@drill("P07", quick=True)
def ends_for_another_reason(stage, report):
    """the model ends because of its length, or because of a content filter"""
    alice = asker_with_prices(stage)
    for reason in ("length", "content_filter"):
        stage.fake.fault("finish", reason=reason, after=3, on="chat")
        followed, question = alice.asked(f"What does membership cost, {reason}?")
        state, notice = stage.sql("select state, notice from qa_question where id = %s", question)[0]
        report.exactly(f"state after {reason}", state, "unfinished")
        report.exactly("a badge tells it", "answer-unfinished" in followed.final and bool(notice), True)
        before = len(stage.fake.chats)
        alice.asked(f"What does membership cost, {reason}?")
        report.exactly("provider asked again for the same question", len(stage.fake.chats) - before, 1)


@drill("P08", quick=True)
def answers_nonsense(stage, report):
    """200 with HTML, broken JSON, {}, no choices, null: for questions and for documents"""
    alice, told, states = asker_with_prices(stage), [], set()
    faults = ("html", "broken_json", "empty_object", "no_choices", "null_content")
    for fault in faults:
        stage.fake.fault(fault, on="chat")
        followed, question = alice.asked("What does membership cost?")
        told.append(followed.final)
        states |= set(stage.sql("select state, kind, notice <> '' from qa_question where id = %s", question))
    for fault in ("html", "broken_json", "empty_object"):
        stage.fake.fault(fault, on="embeddings")
        alice.upload({f"{fault}.txt": text_about(fault)})
        pk = alice.document(f"{fault}.txt")
        until(lambda pk=pk: stage.value("select failure_kind from documents_document where id = %s", pk), 20)
    failures = dict(stage.sql("select title, failure_kind from documents_document where failure_kind <> ''"))
    report.exactly("told each time", all(told), True)
    report.exactly("answers", states, {("complete", "quoted", True)})
    report.exactly("tracebacks shown", sum("Traceback" in html or "JSONDecode" in html for html in told), 0)
    report.exactly("kinds of failure of documents", set(failures.values()), {"bad_response"})
    report.exactly("failed for good", stage.count("failed"), 0)


@drill("P12", quick=True)
def read_twice_and_again(stage, report):
    """an answer followed by two readers at once, left in the middle and taken up again"""
    alice = asker_with_prices(stage)
    stage.fake.fault("slow", seconds=0.1, on="chat")
    question = alice.ask("What does membership cost?")
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(alice.follow, question) for _ in range(2)]
        time.sleep(0.5)
        left = alice.follow(question, leave_after=3)
        followed = [*[one.result() for one in both], alice.follow(question, after=left.last_id)]
    finals = {one.final for one in followed}
    missing = left.streamed + followed[2].streamed
    report.exactly("requests for the answer", len(stage.fake.chats), 1)
    report.exactly("all end alike", (len(finals), "" in finals), (1, False))
    report.exactly("nothing twice, nothing missing", missing, followed[0].streamed)


@drill("J18")
def away_for_two_minutes(stage, report):
    """the provider answers 503 for two minutes with 10 documents waiting"""
    stage.fake.fault("status", status=503, times=0)
    alice = stage.person()
    alice.upload_each(texts(10))
    time.sleep(120)
    waiting, rows = stage.count("waiting"), alice.get("/documents/").text
    tries = stage.value("select count(*) from documents_attempt where stage = 'embed' and outcome = 'failed'")
    stage.fake.heal()
    took = until(lambda: stage.count() == 10, 120)
    report.exactly("waiting, none failed", waiting, 10)
    report.exactly("the rows say so", "Waiting to try again" in rows, True)
    report.at_most("all ready after its return", took, 60, " s")
    report.note(f"{tries} tries stand in the ledger")
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)
