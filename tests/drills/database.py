"""The database: crashed, short of connections, migrated, without its index, restored."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from ragsite import embedded
from tests.drills import drill
from tests.drills.providers import PRICES
from tests.drills.staging import ROOT, Watcher, texts, until
from tests.drills.workers import WORK_SECONDS, Counts

SECONDS_AWAY = 10
IDLE_IN_TRANSACTION = (
    "select count(*) from pg_stat_activity where datname = current_database()"
    " and state = 'idle in transaction' and state_change < clock_timestamp() - interval '1 second'"
)


class Visits(Watcher):
    """A person who opens a page five times a second; the answers with their times."""

    def __init__(self, person, path):
        super().__init__()
        self.person, self.path = person, path
        self.answers = []

    def _watch(self):
        while not self.is_over.wait(0.2):
            answer = self.person.get(self.path)
            self.answers.append((time.monotonic(), answer))


def crash_and_restart(stage):
    """Return when PostgreSQL crashed, and when it answered again."""
    stage.crash_postgres()
    crashed = time.monotonic()
    time.sleep(SECONDS_AWAY)
    starter = threading.Thread(target=embedded.start, args=(stage.var,), kwargs={"redis": False})
    starter.start()
    until(stage.database_answers, 60, every=0.01)
    back = time.monotonic()
    starter.join()
    return crashed, back


def report_visits(report, visits, crashed, back):
    """Report the answers to people who opened pages before, during and after a crash."""
    answers = [pair for each in visits for pair in each.answers]
    during = [answer for at, answer in answers if crashed + 0.2 < at < back]
    recovered = max(
        next((at - back for at, answer in each.answers if at > back and answer.status == 200), math.inf)
        for each in visits
    )
    has_retry_after = all("Retry-After" in {name.title() for name in answer.headers} for answer in during)
    report.exactly("answers during the crash", sorted({answer.status for answer in during}), [503])
    report.exactly("each has Retry-After", has_retry_after, True)
    report.at_most("longest wait for one", max(answer.seconds for answer in during), 10, " s")
    report.at_most("first success after its return", recovered, 1, " s")
    report.exactly("errors afterwards", sum(a.status != 200 for at, a in answers if at > back + 1), 0)


@drill("D01")
def crashed_while_chatting(stage, report):
    """PostgreSQL crashed for 10 s while two people open pages and one waits for an answer"""
    alice = stage.person()
    alice.add_ready(PRICES, "prices.txt")
    web = stage.running["web"][0].pid
    slow = {"name": "slow", "seconds": 0.5, "on": "chat"}  # ends in the middle of the crash
    stage.fake.control(
        {"faults": [slow], "answer": "The membership costs 42 euros in a year for everybody [1]."}
    )
    question = alice.ask("What does membership cost?")
    conversation = stage.value("select conversation_id from qa_question where id = %s", question)
    with Visits(alice, "/documents/") as first, Visits(stage.person("bob"), "/") as second:
        time.sleep(1)
        crashed, back = crash_and_restart(stage)
        time.sleep(3)
    report_visits(report, [first, second], crashed, back)
    report.exactly("web process still the same", stage.running["web"][0].pid, web)
    ended = until(
        lambda: stage.value("select state from qa_question where id = %s", question) != "running", 40
    )
    state, answer = stage.sql("select state, answer from qa_question where id = %s", question)[0]
    report.at_most("the answer under way saved after", ended, 40, " s")
    report.exactly("whole", (state, "everybody" in answer), ("complete", True))
    report.exactly("its page opens", alice.get(f"/c/{conversation}/").status, 200)


@drill("D01b", quick=True)
def crashed_while_nobody_looks(stage, report):
    """PostgreSQL crashed and back before anyone opens a page"""
    alice = stage.person()
    with ThreadPoolExecutor(8) as pool:  # so that the web process holds several connections
        list(pool.map(alice.get, ["/documents/"] * 40))
    stage.crash_postgres()
    embedded.start(stage.var, redis=False)
    time.sleep(1)
    answers = [alice.get("/documents/") for _ in range(20)]
    report.exactly("pages that failed afterwards", sum(answer.status != 200 for answer in answers), 0)
    report.at_most("slowest", max(answer.seconds for answer in answers), 3, " s")


@drill("D02")
def crashed_while_working(stage, report):
    """PostgreSQL crashed for 10 s with 40 documents under way"""
    count, calm = 40, stage.calm_time(40, WORK_SECONDS)
    stage.fake.fault("late", seconds=WORK_SECONDS, on="embeddings")
    stage.person().upload_each(texts(count))
    with Counts(stage) as most:
        stage.crash_postgres()
        time.sleep(SECONDS_AWAY)
        embedded.start(stage.var, redis=False)
        took = until(lambda: stage.count() == count, 120 + calm)
    noted = stage.value("select count(*) from documents_attempt where outcome = 'interrupted'")
    report.exactly("ready", stage.count(), count)
    report.at_most("all ready after its return", took, 30 + calm, " s")
    report.note(f"calm run {calm:.1f} s")
    report.at_least("attempts interrupted", noted, 1)
    report.exactly("most tries and crashes counted", (most.tries, most.crashes), (0, 0))
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)


@drill("D02b")
def crashed_three_times_at_one_document(stage, report):
    """PostgreSQL crashed three times while the same document is worked at"""
    stage.fake.fault("late", seconds=3, on="embeddings")
    alice = stage.person()
    alice.upload(texts(1))
    pk = alice.document("drill-0.txt")
    embedding = "select count(*) from documents_attempt where document_id = %s and stage = 'embed' and outcome = 'running'"
    for _ in range(3):
        until(lambda: stage.value(embedding, pk), 40, every=0.05)
        time.sleep(0.5)
        stage.crash_postgres()
        time.sleep(4)
        stage.cache.flushdb()  # else the vectors of the first run would make the second too short to be met
        embedded.start(stage.var, redis=False)
        noted = "select count(*) from documents_attempt where document_id = %s and outcome = 'running' and stage = 'embed'"
        until(lambda query=noted: not stage.value(query, pk), 30, every=0.05)
    until(lambda: stage.has_settled(1), 40)
    state, failure = stage.sql("select state, failure from documents_document where id = %s", pk)[0]
    outcomes = stage.sql(
        "select stage, outcome from documents_attempt where document_id = %s order by id", pk
    )
    report.exactly(f"its state (“{failure}”)", state, "ready")
    report.note(", ".join(f"{name} {outcome}" for name, outcome in outcomes))


@drill("D03")
def away_when_the_answer_ends(stage, report):
    """PostgreSQL crashed while an answer is being written, and back 8 s after its last word"""
    alice = stage.person()
    alice.add_ready(PRICES, "prices.txt")
    text = "The membership costs 42 euros in a year for everybody [1]."
    stage.fake.control({"faults": [{"name": "slow", "seconds": 0.3, "on": "chat"}], "answer": text})
    question = alice.ask("What does membership cost?")
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(alice.follow, question, 60)
        until(lambda: stage.value("select answer <> '' from qa_question where id = %s", question), 10)
        stage.crash_postgres()
        time.sleep(8)
        embedded.start(stage.var, redis=False)
        followed = reading.result()
    saved = until(
        lambda: stage.value("select state from qa_question where id = %s", question) == "complete", 40
    )
    report.exactly("the reader saw all of it", "everybody" in followed.streamed + followed.final, True)
    report.at_most("saved after its return", saved, 40, " s")
    report.exactly(
        "whole",
        text.split(" [")[0] in stage.value("select answer from qa_question where id = %s", question),
        True,
    )


@drill("D04", quick=True)
def forty_answers_on_ten_connections(stage, report):
    """40 slow answers followed at once by a web process with at most 10 connections"""
    alice, count = stage.person(), 15 if stage.is_quick else 40
    alice.add_ready(PRICES, "prices.txt")
    stage.fake.fault("slow", seconds=0.4, on="chat")
    questions = []
    for number in range(count):
        if number % 10 == 0:
            alice.forget_rate_limit()
        questions.append(alice.ask(f"What does membership number {number} cost?"))
    with ThreadPoolExecutor(count) as pool:
        reading = [pool.submit(alice.follow, question, 60) for question in questions]
        pages, idle, most = [], 0, 0
        while not all(one.done() for one in reading):
            pages.append(alice.get("/documents/"))
            idle = max(idle, stage.value(IDLE_IN_TRANSACTION))
            most = max(
                most, stage.value("select count(*) from pg_stat_activity where datname = current_database()")
            )
            time.sleep(0.2)
        finals = [one.result().final for one in reading]
    report.exactly("answers read to their end", sum(bool(final) for final in finals), count)
    report.exactly("pages meanwhile", {answer.status for answer in pages}, {200})
    report.at_most("slowest of them", max(answer.seconds for answer in pages), 10, " s")
    report.at_most("connections of the web process, the workers and this drill", most, 10 + 8)
    report.at_most("idle in a transaction for over a second", idle, 0)


@drill("D05")
def everything_at_once(stage, report):
    """15 documents asked for afresh by 6 hands at once, from the list and one by one"""
    alice, count = stage.person(), 15
    alice.upload_each(texts(count))
    until(lambda: stage.count() == count, 120)
    pks = [pk for (pk,) in stage.sql("select id from documents_document order by id")]
    with ThreadPoolExecutor(6) as pool:
        lists = [
            pool.submit(alice.post, "/documents/selected/", {"action": "retry", "chosen": order})
            for order in (pks, pks[::-1]) * 3
        ]
        singles = [pool.submit(alice.post, f"/documents/{pk}/retry/", {}) for pk in pks * 2]
        answers = [one.result() for one in [*lists, *singles]]
    until(lambda: stage.count() == count and not stage.queued(), 120)
    report.exactly("answers", sorted({answer.status for answer in answers} - {200, 302}), [])
    report.exactly("ready", stage.count(), count)
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)


@drill("D06")
def migrated_in_traffic(stage, report):
    """the release command run five times while two people open pages"""
    alice = stage.person()
    alice.add_ready(PRICES, "prices.txt")
    command = [sys.executable, "manage.py", "migrate", "--no-input"]
    with Visits(alice, "/documents/") as first, Visits(stage.person("bob"), "/") as second:
        codes = [
            subprocess.run(
                command, cwd=ROOT, env=stage.environment, capture_output=True, check=False
            ).returncode
            for _ in range(5)
        ]
    answers = [answer for visits in (first, second) for _at, answer in visits.answers]
    report.exactly("exit codes", set(codes), {0})
    report.exactly(f"of {len(answers)} pages, failed", sum(answer.status != 200 for answer in answers), 0)


@drill("D07", quick=True)
def without_its_vector_index(stage, report):
    """the vector index dropped, then built anew while people ask"""
    alice = stage.person()
    for number in range(3):
        alice.add_ready(
            f"The lighthouse number {number} was painted in the year {1900 + number}.", f"light-{number}.txt"
        )
    index, width = stage.sql("select id, dimensions from documents_index where state = 'live'")[0]
    # A site with few passages has none of its own yet.
    stage.sql_without_rows(
        f"create index if not exists chunk_vectors_{index} on documents_chunk"
        f" using hnsw ((embedding::halfvec({width})) halfvec_cosine_ops) where index_id = {index}"
    )
    indexes = stage.sql(
        "select indexname, indexdef from pg_indexes where indexdef like '%%hnsw%%' and tablename = 'documents_chunk'"
    )
    for name, _definition in indexes:
        stage.sql_without_rows(f'drop index "{name}"')
    without, _ = alice.asked("When was lighthouse number 1 painted?")
    with ThreadPoolExecutor(1) as pool:
        building = [
            pool.submit(stage.sql_without_rows, sql.replace("INDEX", "INDEX CONCURRENTLY"))
            for _name, sql in indexes
        ]
        meanwhile, _ = alice.asked("When was lighthouse number 2 painted?")
        for one in building:
            one.result()
    report.note(f"{len(indexes)} vector indexes were there")
    report.exactly("right without it", "1901" in without.final, True)
    report.exactly("right while it is built", "1902" in meanwhile.final, True)


@drill("D08")
def restored(stage, report):
    """the database dumped, emptied and restored; Redis emptied too, one document still under way"""
    alice = stage.person()
    alice.add_ready(PRICES, "prices.txt")
    before, _ = alice.asked("What does membership cost?")
    stage.fake.fault("late", seconds=5, on="embeddings")
    alice.upload(texts(1))
    until(
        lambda: stage.value(
            "select count(*) from documents_attempt where outcome = 'running' and stage = 'embed'"
        ),
        20,
    )
    stage.have("worker", 0)
    stage.have("clock", 0)
    dump = stage.var / "dump"
    stage.pg("pg_dump", "--format=custom", f"--file={dump}")
    stage.have("web", 0)
    stage.pg(
        "pg_restore",
        "--clean",
        "--if-exists",
        f"--dbname={stage.database_url}",
        str(dump),
        names_database=False,
    )
    stage.redis.flushall()
    stage.fake.heal()
    stage.have("web", 1)
    stage.have("worker", 2)
    stage.have("clock", 1)
    until(stage.is_up, 60)
    took = until(lambda: stage.count() == 2, 90)
    after, _ = alice.asked("What does membership cost?")
    report.exactly("the same answer", "42 euros" in before.final and "42 euros" in after.final, True)
    report.at_most("the document under way ready after", took, 60, " s")
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)
