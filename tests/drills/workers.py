"""Workers: killed, killed repeatedly at the same document, terminated, timed out."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

import psycopg
from redis.exceptions import RedisError

from tests.drills import CannotBeStaged, drill
from tests.drills.staging import Watcher, children_of, command_of, is_alive, text_about, texts, until
from tests.support.made.pdfs import make_pdf

STATE = "select state from documents_document where id = %s"
BEGUN_AGAIN = "select count(*) > %s from documents_attempt where document_id = %s"
CUT_SHORT = "select count(*) from documents_attempt where stage = 'embed' and outcome = 'interrupted'"
EMBEDDED_NOW = "select task_id from documents_attempt where outcome = 'running' and stage = 'embed'"
EMBEDDED_AGAIN = "select count(*) from documents_attempt where stage = 'embed'"
WORK_SECONDS = 1.5  # of one document at the provider; each worker has three there at once


class LostJobs(Watcher):
    """How soon the documents that a killed worker was embedding, several at once, are queued or run again.

    `waits` has the seconds for each. What was done when its worker died, or what another worker had, was not lost.
    """

    LEAST = 3  # fewer of them show little

    def __init__(self, stage):
        super().__init__()
        self.stage, self.waits, self.lost = stage, [], []

    def __exit__(self, *args):
        until(lambda: not self.lost, 60)
        super().__exit__(*args)
        self.waits += [time.monotonic() - at for _task, at, _clock in self.lost]

    def kill(self, worker):
        """kill -9 of a worker and its job, noting which work may be lost."""
        running = self.stage.sql(EMBEDDED_NOW)
        worker.kill()
        now = self.stage.value("select now()")
        self.lost += [(task, time.monotonic(), now) for (task,) in running]

    def _watch(self):
        while not self.is_over.wait(0.1):
            with suppress(psycopg.OperationalError, RedisError, OSError):
                for entry in list(self.lost):
                    task, at, clock = entry
                    again = f"{EMBEDDED_AGAIN} and task_id = %s and started_at > %s"
                    open_still = "select count(*) from documents_task where id = %s and state = 'open'"
                    is_queued = any(job.startswith(f"task-{task}-") for job in self.stage.queued())
                    if is_queued or self.stage.value(again, task, clock):
                        self.lost.remove(entry)
                        self.waits.append(time.monotonic() - at)
                    elif not self.stage.value(open_still, task):  # done just before, or its document is gone
                        self.lost.remove(entry)

    def tell(self, report):
        report.at_least("jobs lost", len(self.waits), self.LEAST)
        report.at_most("longest until queued again", max(self.waits, default=0), 10, " s")


class Counts(Watcher):
    """The most tries and crashes of any task, polled throughout: a task that succeeds forgets its crashes."""

    def __init__(self, stage):
        super().__init__()
        self.stage, self.tries, self.crashes = stage, 0, 0

    def _watch(self):
        counts = "select coalesce(max(tries), 0), coalesce(max(crashes), 0) from documents_task"
        while not self.is_over.wait(0.1):
            with suppress(psycopg.OperationalError):
                tries, crashes = self.stage.sql(counts)[0]
                self.tries, self.crashes = max(self.tries, tries), max(self.crashes, crashes)


@drill("J01")
def killed_in_mid_embed(stage, report):
    """worker and job killed 7 times, one each 4 s, with 40 documents under way"""
    count, calm = 40, stage.calm_time(40, WORK_SECONDS)
    stage.fake.fault("late", seconds=WORK_SECONDS, on="embeddings")
    answers = stage.person().upload_each(texts(count))
    with LostJobs(stage) as lost:
        for number in range(7):
            worker = stage.workers[number % 2]
            until(lambda worker=worker: worker.horse, 10, every=0.02)
            lost.kill(worker)
            time.sleep(4)
        took = until(lambda: stage.count() == count, 120 + calm)
    report.exactly("uploads answered 2xx", sum(200 <= answer.status < 300 for answer in answers), count)
    report.exactly("ready", stage.count(), count)
    report.exactly("set aside", stage.count("failed"), 0)
    report.at_most("all ready after the last kill", took + 4, 30 + calm, " s")
    report.note(f"calm run {calm:.1f} s")
    lost.tell(report)
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)


@drill("J02")
def horse_killed(stage, report):
    """only the job's process killed, as by a machine short of memory, 5 times"""
    stage.have("worker", 1)
    stage.fake.fault("late", seconds=1.5, on="embeddings")
    alice, waits, states = stage.person(), [], set()
    for number in range(5):
        alice.upload({f"horse-{number}.txt": text_about(f"horse{number}")})
        pk = alice.document(f"horse-{number}.txt")
        embedding = "select count(*) from documents_attempt where document_id = %s and stage = 'embed'"
        until(
            lambda pk=pk, query=embedding: stage.value(query, pk) and stage.workers[0].horse, 20, every=0.02
        )
        os.kill(stage.workers[0].horse, signal.SIGKILL)
        before = stage.value("select count(*) from documents_attempt where document_id = %s", pk)
        waits.append(until(lambda pk=pk, n=before: stage.value(BEGUN_AGAIN, n, pk), 30))
        until(lambda pk=pk: states.add(stage.value(STATE, pk)) or stage.value(STATE, pk) == "ready", 30)
    report.at_most("longest wait for the second run", max(waits), 10, " s")
    report.exactly("ready", stage.count(), 5)
    report.exactly("ever shown as failed", "failed" in states, False)


@drill("J03")
def parent_killed_alone(stage, report):
    """only the worker's parent killed while its job of 15 s runs, another worker at hand"""
    late = 5 if stage.is_quick else 15
    stage.have("worker", 0)
    doomed, other = stage.have("worker", 2, is_kept=False)
    until(lambda: stage.redis.scard("rq:workers") >= 2, 30)
    stage.fake.fault("late", seconds=late, on="embeddings")
    stage.person().upload(texts(1))
    if until(lambda: stage.fake.embeddings and (doomed.horse or other.horse), 30, every=0.02) > 30:
        raise CannotBeStaged("no job began to run")
    if other.horse:
        doomed, other = other, doomed
    horse, began = doomed.horse, stage.value("select now()")
    doomed.kill(with_horse=False)
    lived = until(lambda: not is_alive(horse), 60, every=0.01)
    second = "select extract(epoch from min(started_at) - %s) from documents_attempt where started_at > %s"
    until(lambda: stage.value(second, began, began) is not None, 60, every=0.05)
    starts = float(stage.value(second, began, began) or 0)
    took = until(lambda: stage.count() == 1, 60 + late)
    report.at_most("the orphan lived on", lived, 2, " s")
    report.at_most("overlap with the second run", max(0.0, lived - starts), 0, " s")
    report.note(f"second run began after {starts:.1f} s")
    report.exactly("ready", stage.count(), 1)
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)
    report.note(f"ready after {took:.1f} s")


@drill("J13")
def poison(stage, report):
    """a document whose job is killed (137) whenever it is worked at, among 10 sound ones"""
    calm = stage.calm_time(10, WORK_SECONDS)
    stage.fake.fault("late", seconds=WORK_SECONDS, on="embeddings")
    alice = stage.person()
    alice.upload({"poison.txt": text_about("poison")})
    began, killed = time.monotonic(), set()
    alice.upload_each(texts(10))
    pk, healthy_after = alice.document("poison.txt"), None
    while time.monotonic() - began < 120:
        kill_horse_at(stage, pk, killed)
        if healthy_after is None and stage.count() == 10:
            healthy_after = time.monotonic() - began
        state, kind, sentence, remedy = stage.sql(
            "select state, failure_kind, failure, remedy from documents_document where id = %s", pk
        )[0]
        if state == "failed" and healthy_after is not None:
            break
        time.sleep(0.05)
    report.at_most("jobs it took", len(killed), 3)
    report.exactly("its state", state, "failed")
    report.exactly("it tells reason and remedy", bool(sentence and remedy), True)
    report.exactly("blames the kind of file", "kind of file" in sentence, False)
    report.note(f"“{sentence}” ({kind})")
    report.at_most("the others late by", (healthy_after or 999) - calm, 10, " s")
    report.exactly("others ready", stage.count(), 10)


def kill_horse_at(stage, pk, killed):
    """kill -9 of the job that works at the document now, if one does; notes whose attempt it was."""
    running = stage.sql(
        "select id, job_id from documents_attempt where document_id = %s and outcome = 'running' and stage = 'embed'",
        pk,
    )
    for attempt, job in running:
        for worker in stage.workers:
            if attempt not in killed and job_of(stage, worker.pid) == job and (horse := worker.horse):
                os.kill(horse, signal.SIGKILL)
                killed.add(attempt)


def job_of(stage, pid):
    """The job that a worker says it runs."""
    for name in stage.redis.smembers("rq:workers"):
        found, job = stage.redis.hmget(name, "pid", "current_job")
        if found and int(found) == pid:
            return job.decode() if job else None
    return None


@drill("J13b")
def poison_for_the_reader(stage, report):
    """a PDF whose reading process is killed (137) whenever it is read"""
    lines = ["Some words on a page that takes its time to be read."] * 60
    path = make_pdf(stage.var / "poison.pdf", [[f"Page {n}", *lines] for n in range(400)])
    alice = stage.person()
    alice.upload({"poison.pdf": path.read_bytes()})
    pk, kills, began = alice.document("poison.pdf"), 0, time.monotonic()
    while time.monotonic() - began < 60 and not stage.has_settled(1):
        for worker in stage.workers:
            kills += kill_readers(worker)
        time.sleep(0.005)
    state, sentence = stage.sql("select state, failure from documents_document where id = %s", pk)[0]
    tries = stage.value(
        "select count(*) from documents_attempt where document_id = %s and stage = 'extract'", pk
    )
    report.at_least("reading processes killed", kills, 1)
    report.note(f"{state} “{sentence}”")
    report.at_most("tries", tries, 3)
    report.exactly("settled", state in ("failed", "ready"), True)
    alice.add_ready(text_about("sound"), "sound.txt")


def kill_readers(worker):
    killed = 0
    pid, horse = worker.pid, worker.horse
    fork_servers = [
        child
        for parent in (pid, horse)
        if parent
        for child in children_of(parent)
        if "sandbox.server" in command_of(child)
    ]
    for fork_server in fork_servers:
        for reader in children_of(fork_server):
            with suppress(ProcessLookupError):
                os.kill(reader, signal.SIGKILL)
                killed += 1
    return killed


@drill("J17")
def resumed(stage, report):
    """a document of 300 passages whose job is killed at 90 % of its vectors"""
    text = text_about("long", sentences=5400)
    stage.fake.fault("late", seconds=0.4, on="embeddings")
    alice = stage.person()
    alice.upload({"long.txt": text})
    progress = "select progress_total > 0 and progress_done >= progress_total * 0.9 from documents_document where state = 'embedding'"
    until(lambda: any(done for (done,) in stage.sql(progress)), 60, every=0.01)
    kills = 0
    for worker in stage.workers:
        if worker.horse:
            worker.kill()
            kills += 1
    until(lambda: stage.count() == 1, 60)
    sent, chunks = stage.fake.embedded_texts, stage.value("select count(*) from documents_chunk")
    report.at_least("killed", kills, 1)
    report.exactly("embedding passes cut short", stage.value(CUT_SHORT), 1)
    report.at_least("passages", chunks, 250)
    report.note(f"{len(sent)} texts sent in {len(stage.fake.embeddings)} requests")
    report.at_most("paid of a single run", len(sent) / max(1, len(set(sent))), 1.1)
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)


@drill("J14")
def out_of_time(stage, report):
    """a job that the provider keeps waiting beyond the job's time"""
    limit = 6
    stage.have("worker", 0)
    stage.have("worker", 2, JOB_TIMEOUT=str(limit), LLM_FIRST_TOKEN_TIMEOUT="200")
    stage.restart("web", JOB_TIMEOUT=str(limit))  # who enqueues says how long a job may take
    stage.restart("clock", JOB_TIMEOUT=str(limit))
    stage.fake.fault("hang", on="embeddings")
    alice = stage.person()
    alice.upload(texts(1))
    until(lambda: stage.fake.embeddings, 30, every=0.02)
    began = time.monotonic()
    running = "select count(*) from documents_attempt where outcome = 'running'"
    until(lambda: not stage.value(running), 60, every=0.05)
    ended = time.monotonic() - began
    took = until(lambda: stage.count() == 1, 120)
    report.at_most("ended after", ended, limit + 5, " s")
    report.at_most("tried again and ready after", took, 60, " s")
    for name in ("worker", "web", "clock"):
        stage.have(name, 0)


@drill("J16")
def told_to_end(stage, report):
    """a worker told to end (SIGTERM, after 10 s SIGKILL) in the middle of 300 passages"""
    stage.fake.fault("late", seconds=1, on="embeddings")
    alice = stage.person()
    alice.upload({"long.txt": text_about("long", sentences=5400)})
    progress = "select progress_total > 0 and progress_done >= progress_total * 0.3 from documents_document where state = 'embedding'"
    until(lambda: any(done for (done,) in stage.sql(progress)), 60, every=0.02)
    worker = next(worker for worker in stage.workers if worker.horse)
    pid, horse = worker.pid, worker.horse
    with Counts(stage) as most:
        os.kill(pid, signal.SIGTERM)
        ended = until(lambda: not is_alive(pid), 10, every=0.02)
        for number in (pid, horse):
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        took = until(lambda: stage.count() == 1, 90)
    sent = stage.fake.embedded_texts
    report.at_most("ended by itself after", ended, 10, " s")
    report.exactly("texts paid for twice", len(sent) - len(set(sent)), 0)
    report.exactly("embedding passes cut short", stage.value(CUT_SHORT), 1)
    report.exactly("its log says so", worker.log.read_text().count("outcome=stopped"), 1)
    report.exactly("most tries and crashes counted", (most.tries, most.crashes), (0, 0))
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)
    report.note(f"ready {took:.1f} s after; {len(set(sent))} passages")


@drill("J16b")
def deployed_thrice(stage, report):
    """the workers ended through bin/keep and started anew three times while one batch takes 20 s"""
    stage.fake.fault("late", seconds=20, on="embeddings")
    alice = stage.person()
    alice.upload(texts(1))
    pk, slowest, met, states = alice.document("drill-0.txt"), 0.0, 0, set()
    with Counts(stage) as most:
        for _ in range(3):
            before = len(stage.fake.embeddings)
            until(lambda n=before: len(stage.fake.embeddings) > n and stage.horses, 60, every=0.05)
            time.sleep(1)
            met += bool(stage.horses)
            slowest = max(slowest, end_through_keep(stage))
            states.add(stage.value(STATE, pk))
            stage.have("worker", 2)
        until(lambda: states.add(stage.value(STATE, pk)) or stage.has_settled(1), 120)
    state, failure = stage.sql("select state, failure from documents_document where id = %s", pk)[0]
    report.exactly("times that they were ended in mid-batch", met, 3)
    report.exactly(f"its state (“{failure}”)", state, "ready")
    report.exactly("ever shown as failed", "failed" in states, False)
    report.exactly("most tries and crashes counted", (most.tries, most.crashes), (0, 0))
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)
    report.note(f"slowest end {slowest:.1f} s; {stage.value(CUT_SHORT)} passes cut short")


def end_through_keep(stage):
    """As a deployment ends them: all at once, and with bin/keep's patience. How long it took."""
    began = time.monotonic()
    for worker in stage.workers:
        worker.process.terminate()
    until(lambda: all(worker.process.poll() is not None for worker in stage.workers), 90)
    ended = time.monotonic() - began
    stage.have("worker", 0)
    return ended
