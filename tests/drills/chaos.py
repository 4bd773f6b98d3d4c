"""The whole system at once, and a large upload with some bad files in it."""

from __future__ import annotations

import threading
import time

from ragsite import embedded
from tests.drills import drill
from tests.drills.staging import text_about, texts, until
from tests.drills.workers import WORK_SECONDS, LostJobs


@drill("chaos")
def everything_at_once(stage, report):
    """40 documents, 2 workers: 7 kills, one FLUSHALL, Redis off for 5 s while 10 are uploaded, PostgreSQL crashed for 10 s"""
    count, calm = 40, stage.calm_time(40, WORK_SECONDS)
    stage.fake.fault("late", seconds=WORK_SECONDS, on="embeddings")
    alice, files, answers = stage.person(), list(texts(count).items()), []

    def upload(some):
        answers.extend(alice.upload_each(dict(some)))

    first = threading.Thread(target=upload, args=(files[:30],))
    first.start()
    with LostJobs(stage) as lost:
        for number in range(4):
            kill_one(stage, lost, number)
            if number == 2:
                stage.redis.flushall()
        first.join()
        with stage.redis_away():
            upload(files[30:])
            time.sleep(5)
        for number in range(4, 7):
            kill_one(stage, lost, number)
        until(lambda: not lost.lost, 30)
        stage.crash_postgres()
        time.sleep(10)
        embedded.start(stage.var, redis=False)
        took = until(lambda: stage.count() == count, 180 + calm)
    report.exactly("ready", stage.count(), count)
    report.at_most("all ready after the last fault", took, 30 + calm, " s")
    report.note(f"calm run {calm:.1f} s")
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)
    report.exactly("uploads answered 2xx", sum(200 <= answer.status < 300 for answer in answers), count)
    report.at_most("slowest upload", max(answer.seconds for answer in answers), 2, " s")
    lost.tell(report)


def kill_one(stage, lost, number):
    worker = stage.workers[number % 2]
    until(lambda: worker.horse, 5, every=0.02)
    lost.kill(worker)
    time.sleep(4)


@drill("bad-files")
def ten_bad_among_two_hundred(stage, report):
    """200 files, 10 of them damaged PDFs: the failed list, one replay of those, and what replaying leaves there"""
    count = 200
    alice = stage.person()
    bad = {f"bad-{n}.pdf": b"%PDF-1.7\nnothing of what should follow " + str(n).encode() for n in range(10)}
    good = {f"good-{n}.txt": text_about(f"good{n}", sentences=10) for n in range(count - 10)}
    alice.upload_each(bad | good, at_once=4)
    took = until(lambda: stage.has_settled(count), 400, every=1)
    report.note(f"settled after {took:.0f} s")
    report.exactly("ready and failed", (stage.count(), stage.count("failed")), (190, 10))
    report.exactly("on RQ's failed list", len(stage.failed_jobs()), 10)
    failed = [pk for (pk,) in stage.sql("select id from documents_document where state = 'failed'")]
    last = stage.value("select max(id) from documents_attempt")
    asked_for = dict(stage.sql("select document_id, generation from documents_task where kind = 'index'"))
    alice.post("/documents/selected/", {"action": "retry", "chosen": failed})
    since = "select document_id from documents_attempt where stage = 'extract' and id > %s"
    until(lambda: len(stage.sql(since, last)) >= 10 and stage.has_settled(count), 60)
    time.sleep(3)  # for more than should come
    tried = [pk for (pk,) in stage.sql(since, last)]
    asked_again = {
        pk
        for pk, generation in stage.sql(
            "select document_id, generation from documents_task where kind = 'index'"
        )
        if generation == asked_for[pk] + 1
    }
    report.exactly("asked for again by one click, just those", asked_again == set(failed), True)
    report.exactly("tries by it", len(tried), 10)
    report.exactly("each of them once", sorted(tried) == sorted(failed), True)
    report.exactly("on the failed list then", len(stage.failed_jobs()), 10)
