"""The queue: Redis down, hanging, emptied or full; work requested fifty times; forged jobs."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from rq import Callback, Queue
from rq.serializers import JSONSerializer, PickleSerializer

from tests.drills import drill
from tests.drills.staging import ROOT, Kept, free_port, text_about, texts, until
from tests.drills.workers import WORK_SECONDS
from tests.support.web_site import WebSite, answer


@drill("J04")
def redis_off_during_uploads(stage, report):
    """Redis killed, 20 uploads meanwhile, Redis back"""
    count, calm = 20, stage.calm_time(20, WORK_SECONDS)
    stage.fake.fault("late", seconds=WORK_SECONDS, on="embeddings")
    alice = stage.person()
    with stage.redis_away():
        answers = alice.upload_each(texts(count))
        stored = stage.value("select count(*) from documents_document")
    took = until(lambda: stage.count() == count, 120)
    report.exactly("uploads answered 2xx", sum(200 <= answer.status < 300 for answer in answers), count)
    report.at_most("slowest upload", max(answer.seconds for answer in answers), 2, " s")
    report.exactly("rows", stored, count)
    report.at_most("all ready after its return", took, 30 + calm, " s")
    report.note(f"calm run {calm:.1f} s")


@drill("J05")
def redis_hung(stage, report):
    """Redis stopped in its tracks (SIGSTOP) during 6 uploads by 3 people"""
    people = [stage.person(name) for name in ("alice", "bob", "olga")]
    pid = stage.redis.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(3) as pool:
            uploads = list(
                pool.map(lambda n: people[n % 3].upload({f"hung-{n}.txt": text_about(f"hung{n}")}), range(6))
            )
        pages = [person.get(path) for person in people for path in ("/", "/documents/")]
        health = stage.visitor().get("/readyz")
    finally:
        os.kill(pid, signal.SIGCONT)
    report.exactly("uploads answered 2xx", sum(answer.status == 200 for answer in uploads), 6)
    report.at_most("slowest upload", max(answer.seconds for answer in uploads), 2, " s")
    report.exactly("pages", {answer.status for answer in pages}, {200})
    report.at_most("slowest page", max(answer.seconds for answer in pages), 4, " s")
    report.exactly("/readyz", health.status, 503)
    report.at_most("/readyz after", health.seconds, 1.2, " s")
    report.at_most("all ready after it went on", until(lambda: stage.count() == 6, 60), 30, " s")


@drill("J06")
def killed_between_commit_and_enqueue(stage, report):
    """5 web processes that die after an upload's commit and before its job is queued"""
    alice, port, died = stage.person(), free_port(), 0
    line = (
        f"python -m uvicorn tests.drills.dying_site:application --host 127.0.0.1 --port {port} --lifespan off"
    )
    dying = Kept(stage, line)
    try:
        for name, content in texts(5).items():
            alice.port = port
            until(lambda: alice.get("/healthz").status == 200, 40)
            died += alice.upload({name: content}).status == 0
    finally:
        dying.stop()
    took = until(lambda: stage.count() == 5, 60)
    report.exactly("processes that died at it", died, 5)
    report.exactly("ready", stage.count(), 5)
    report.at_most("all ready after the last", took, 30, " s")


@drill("J07")
def flushed(stage, report):
    """FLUSHALL with 40 documents queued"""
    count, calm = 40, stage.calm_time(40, WORK_SECONDS)
    stage.fake.fault("late", seconds=WORK_SECONDS, on="embeddings")
    stage.person().upload_each(texts(count), at_once=4)
    queued = len(stage.queued())
    stage.redis.flushall()
    took = until(lambda: stage.count() == count, 120 + calm)
    known = took + until(lambda: stage.visitor().get("/readyz").json["workers"] >= 2, max(1, 60 - took))
    report.at_least("on the queue then", queued, 20)
    report.exactly("ready", stage.count(), count)
    report.at_most("all ready after it", took, 30 + calm, " s")
    report.note(f"calm run {calm:.1f} s")
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)
    report.at_most("the workers known again", known, max(60, took + 1), " s")


@drill("J10", quick=True)
def enqueued_fifty_times(stage, report):
    """one document's job put on the queue 50 times by 8 threads, 2 workers"""
    stage.fake.fault("late", seconds=1, on="embeddings")
    for worker in stage.workers:
        os.kill(worker.pid, signal.SIGSTOP)
    stage.person().upload(texts(1))
    task = stage.value("select id from documents_task where kind = 'index'")

    def push(times):
        queue = Queue("documents", connection=stage.redis, serializer=JSONSerializer)
        for _ in range(times):
            queue.enqueue("documents.work.runner.run_task", task)

    threads = [threading.Thread(target=push, args=(times,)) for times in (7, 7, 6, 6, 6, 6, 6, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in stage.workers:
        os.kill(worker.pid, signal.SIGCONT)
    until(lambda: stage.count() == 1 and not stage.queued() and not any(w.horse for w in stage.workers), 60)
    sent = stage.fake.embedded_texts
    report.exactly("ready", stage.count(), 1)
    report.exactly("texts paid for twice", len(sent) - len(set(sent)), 0)
    report.exactly(
        "embedding passes", stage.value("select count(*) from documents_attempt where stage = 'embed'"), 1
    )
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)


@drill("J12", quick=True)
def deleted_while_running(stage, report):
    """a document deleted while its vectors are being computed"""
    stage.fake.fault("late", seconds=2, on="embeddings")
    alice = stage.person()
    alice.upload(texts(1))
    pk = alice.document("drill-0.txt")
    until(lambda: stage.fake.embeddings, 20, every=0.02)
    alice.post(f"/documents/{pk}/delete/", {})
    until(lambda: not any(worker.horse for worker in stage.workers) and not stage.queued(), 20)
    tables = ["document", "version", "page", "chunk", "posting", "task", "attempt"]
    left = {table: stage.value(f"select count(*) from documents_{table}") for table in tables}
    stored = [path for path in (stage.var / "files").rglob("*") if path.is_file()]
    owned = {name for (name,) in stage.sql("select file from documents_version")}
    report.exactly("rows left", {table: count for table, count in left.items() if count}, {})
    report.exactly(
        "its file left", sum(str(path.relative_to(stage.var / "files")) in owned for path in stored), 0
    )
    report.exactly("on the failed list", stage.failed_jobs(), [])
    report.exactly("requests", len(stage.fake.embeddings), 1)


def enqueue_forged(stage, trace):
    """Jobs that no worker may execute: each would leave a file in the folder `trace`."""
    as_json = Queue("documents", connection=stage.redis, serializer=JSONSerializer)
    as_pickle = Queue("documents", connection=stage.redis, serializer=PickleSerializer)
    leave = "tests.drills.traces.leave"
    task = stage.value("select id from documents_task where kind = 'index'")
    jobs = [
        as_json.enqueue("os.system", f"touch {trace}/system"),
        as_json.enqueue("subprocess.getoutput", f"touch {trace}/getoutput"),
        as_json.enqueue(leave, str(trace / "function")),
        as_json.enqueue("documents.work.runner.run", task),
        as_pickle.enqueue("os.system", f"touch {trace}/pickle"),
        as_json.enqueue(
            "documents.work.runner.run_task",
            task,
            on_success=Callback(leave),
            meta={"to": str(trace / "success")},
        ),
        as_json.enqueue("os.system", "x", on_failure=Callback(leave), meta={"to": str(trace / "failure")}),
        as_json.enqueue(
            "documents.work.runner.run_task",
            task,
            on_stopped=Callback(leave),
            meta={"to": str(trace / "stopped")},
        ),
    ]
    raw = as_pickle.enqueue("os.system", "x")
    stage.redis.hset(raw.key, "data", exploding_pickle(trace / "loaded"))
    return [*jobs, raw]


@drill("J20", quick=True)
def forged(stage, report):
    """jobs pushed into Redis by hand: os.system, a function of ours, a pickle, callbacks"""
    before = [worker.pid for worker in stage.workers]
    trace = stage.var / "forged"
    trace.mkdir(exist_ok=True)
    stage.person().upload(texts(1))
    until(lambda: stage.count() == 1, 30)
    jobs = enqueue_forged(stage, trace)
    until(lambda: not stage.queued() and not any(worker.horse for worker in stage.workers), 60)
    failed = stage.failed_jobs()
    stage.person().upload({"after.txt": text_about("after")})
    report.exactly("executions", sorted(path.name for path in trace.iterdir()), [])
    report.exactly("on the failed list", sum(job.id in failed for job in jobs), len(jobs))
    report.exactly("workers still the same", [worker.pid for worker in stage.workers], before)
    report.at_most("a sound job afterwards", until(lambda: stage.count() == 2, 30), 30, " s")


def exploding_pickle(path):
    """Zlib-packed as rq packs it; loading it would make the file."""
    import pickle
    import zlib

    class Bomb:
        def __reduce__(self):
            return os.system, (f"touch {path}",)

    return zlib.compress(pickle.dumps(("os.system", None, Bomb(), {})))


@drill("J08")
def redis_killed_with_jobs_queued(stage, report):
    """Redis killed -9 with 100 jobs queued and nobody there to put them back"""
    stage.have("worker", 0)
    stage.have("clock", 0)
    stage.person().upload_each(
        {f"kept-{n}.txt": text_about(f"kept{n}", sentences=3) for n in range(100)}, at_once=4
    )
    before = set(stage.queued())
    time.sleep(1.5)  # Redis writes its log down once a second
    with stage.redis_away():
        pass
    report.exactly("queued", len(before), 100)
    report.exactly("lost", len(before - set(stage.queued())), 0)


@drill("J09", quick=True)
def cache_cleared_and_full(stage, report):
    """the cache emptied while jobs wait, then filled until Redis takes no more"""
    alice = stage.person()
    alice.add_ready(text_about("cached"), "cached.txt")
    for worker in stage.workers:
        os.kill(worker.pid, signal.SIGSTOP)
    alice.upload_each(texts(5))
    queued = len(stage.queued())
    stage.cache.flushdb()
    report.exactly("still queued after the cache was emptied", len(stage.queued()), queued)
    stage.redis.config_set("maxmemory", stage.redis.info("memory")["used_memory"])
    try:
        pages = [
            alice.get(path) for path in ("/", "/documents/", f"/documents/{alice.document('cached.txt')}/")
        ]
        upload = alice.upload({"full.txt": text_about("full")})
        asked = alice.post("/ask/", {"text": "How heavy is the cached of shelf 7?"})
    finally:
        stage.redis.config_set("maxmemory", 0)
        for worker in stage.workers:
            os.kill(worker.pid, signal.SIGCONT)
    report.exactly("pages while it was full", {answer.status for answer in pages}, {200})
    report.exactly("an upload then", upload.status, 200)
    report.exactly("a question then", asked.status in (200, 302, 303), True)
    report.at_most("all ready afterwards", until(lambda: stage.count() == 7, 60), 30, " s")


@drill("J11", quick=True)
def replaced_while_running(stage, report):
    """a document replaced, and asked for afresh, while its first content is being embedded"""
    stage.fake.fault("late", seconds=2, on="embeddings")
    alice = stage.person()
    alice.upload({"first.txt": text_about("outdated")})
    pk = alice.document("first.txt")
    until(lambda: stage.fake.embeddings, 20, every=0.02)
    answer = alice.replace(pk, "second.txt", text_about("newest"))
    alice.post(f"/documents/{pk}/retry/", {})
    until(lambda: stage.count() == 1 and not stage.queued() and not any(w.horse for w in stage.workers), 60)
    report.at_most("the replacement answered", answer.status, 302)
    report.exactly("ready", stage.count(), 1)
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)
    old = stage.value("select count(*) from documents_chunk where text like '%%outdated%%'")
    report.exactly("passages of the old content", old, 0)
    report.exactly(
        "all of the newest",
        stage.value("select count(*) > 0 from documents_chunk where text like '%%newest%%'"),
        True,
    )


@drill("J15")
def without_a_clock(stage, report):
    """no clock process; the provider fails once and a worker loses its job"""
    stage.have("clock", 0)
    stage.fake.fault("status", status=500, on="embeddings")
    alice = stage.person()
    alice.upload(texts(1))
    until(lambda: stage.value("select count(*) from documents_task where tries = 1"), 30)
    stage.redis.delete("rq:queue:documents")
    took = until(lambda: stage.count() == 1, 120)
    report.at_most("ready after", took, 75, " s")
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)


@drill("J19", quick=True)
def dead_set_and_replay(stage, report):
    """five documents that failed for good, replayed from the list and once more by the command"""
    import subprocess
    import sys

    from tests.drills.staging import ROOT

    alice = stage.person()
    alice.upload({f"bad-{n}.pdf": b"%PDF-1.7 nothing follows " + str(n).encode() for n in range(5)})
    until(lambda: stage.has_settled(5), 60)
    report.exactly("on the failed list", len(stage.failed_jobs()), 5)
    tries = "select count(*) from documents_attempt where stage = 'extract'"
    before = stage.value(tries)
    failed = [pk for (pk,) in stage.sql("select id from documents_document where state = 'failed'")]
    alice.post("/documents/selected/", {"action": "retry", "chosen": failed})
    until(lambda: stage.value(tries) == before + 5 and stage.has_settled(5), 60)
    report.exactly("tries by one click", stage.value(tries) - before, 5)
    done = subprocess.run(
        [sys.executable, "manage.py", "replay", "--failed"],
        cwd=ROOT,
        env=stage.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    until(lambda: stage.value(tries) == before + 10 and stage.has_settled(5), 60)
    report.exactly("tries by one command", stage.value(tries) - before - 5, 5)
    report.note(f"manage.py replay said: {(done.stdout or done.stderr).strip()[-120:]}")
    report.exactly("on the failed list then", len(stage.failed_jobs()), 5)


@drill("J23")
def slow_site_beside_a_letter(stage, report):
    """60 pages of a site that keeps each waiting, two books, then another person's letter and page of a quick site"""
    sites = [WebSite(), WebSite()]
    slow, quick = sites
    for name in ("web", "worker"):
        stage.restart(name, WEB_PAGES_ALLOW="127.0.0.0/8")
    try:
        for number in range(60):
            slow.pages[f"/{number}"] = lambda handler: time.sleep(8)
        quick.pages["/"] = answer("<p>The harbour of Bergen is open all winter long.</p>", kind="text/html")
        alice, bob = stage.person("alice"), stage.person("bob")
        alice.post("/documents/pages/", {"urls": "\n".join(f"{slow.url}/{number}" for number in range(60))})
        alice.upload({f"book-{n}.txt": text_about(f"book{n}") * 400 for n in range(2)})
        until(lambda: len(slow.asked) >= 1, 30)
        bob.upload({"letter.txt": text_about("letter")})
        bob.post("/documents/pages/", {"urls": quick.url.replace("127.0.0.1", "localhost") + "/"})
        ready = "select count(*) from documents_document d join accounts_user u on u.id = d.uploaded_by_id where u.username = 'bob' and d.state = 'ready' and d.source = %s"
        letter = until(lambda: stage.value(ready, "file") == 1, 90)
        page = letter + until(lambda: stage.value(ready, "web") == 1, 120)
        asked = len(slow.asked)
    finally:
        for site in sites:
            site.stop()
        for name in ("web", "worker"):
            stage.have(name, 0)
    report.at_most("the letter ready after", letter, 20, " s")
    report.at_most("the other person's page ready after", page, 60, " s")
    report.note(f"{asked} pages of the slow site were asked for by then")


@drill("J21")
def two_clocks(stage, report):
    """two clocks and 20 jobs lost with Redis: each is put back once"""
    stage.have("clock", 2)
    stage.fake.fault("late", seconds=0.2, on="embeddings")
    alice = stage.person()
    for worker in stage.workers:
        os.kill(worker.pid, signal.SIGSTOP)
    alice.upload_each(texts(20), at_once=4)
    stage.redis.delete("rq:queue:documents")
    until(lambda: len(stage.queued()) >= 20, 30)
    time.sleep(5)
    queued = stage.queued()
    for worker in stage.workers:
        os.kill(worker.pid, signal.SIGCONT)
    took = until(lambda: stage.count() == 20, 120)
    report.exactly("on the queue, each once", (len(queued), len(set(queued))), (20, 20))
    report.note(f"all ready after {took:.1f} s")
    report.exactly(
        "embedding passes", stage.value("select count(*) from documents_attempt where stage = 'embed'"), 20
    )
    stage.have("clock", 1)


@drill("J22")
def clock_jumps(stage, report):
    """the clock of web, workers and clock process jumps an hour, both ways, with work waiting and with work under way"""
    clock = MachineClock(stage)
    restart_all(stage, PYTHONPATH=clock.python_path, DRILL_CLOCK=str(clock.file))
    alice, documents, requeued = stage.person(), 0, times_requeued(stage)
    for hours, way in ((-1, "back"), (1, "forward")):
        stage.fake.fault("status", status=500, on="embeddings")
        alice.upload({f"waits-{way}.txt": text_about(f"waits{way}")})
        until(lambda: stage.value(WAITS_FOR_A_TRY), 30)
        report.exactly("work that waits", stage.value(WAITS_FOR_A_TRY), 1)
        documents += 1
        clock.show(hours)
        took = until(lambda n=documents: stage.count() == n, 120)
        report.at_most(f"ready after a jump {way} while it waited", took, 60, " s")
        stage.fake.fault("late", seconds=WORK_SECONDS, on="embeddings")
        alice.upload_each(texts(10, way))
        until(lambda: stage.horses, 20, every=0.02)
        report.at_least("under way and queued", len(stage.horses) + len(stage.queued()), 3)
        documents += 10
        clock.show(0)
        took = until(lambda n=documents: stage.count() == n, 120)
        report.at_most("ten under way ready after the jump the other way", took, 60, " s")
        stage.fake.heal()
    sent = stage.fake.embedded_texts
    report.at_most("times that work was put back on the queue", times_requeued(stage) - requeued, 4)
    report.exactly("embedding passes", stage.value(EMBEDDED), documents)
    report.exactly("texts paid for twice", len(sent) - len(set(sent)), stage.value(PASSAGES_THAT_WAITED))
    report.exactly("documents with wrong chunks", stage.inexact_documents(), 0)
    for name in stage.running:
        stage.have(name, 0)


WAITS_FOR_A_TRY = (
    "select count(*) from documents_task where kind = 'index' and state = 'open' and tries = 1"
    " and next_try_at > changed_at + interval '10 seconds'"
)
EMBEDDED = "select count(*) from documents_attempt where stage = 'embed' and outcome = 'done'"
PASSAGES_THAT_WAITED = "select sum(chunk_count) from documents_document where title like 'waits-%%'"


class MachineClock:
    """What the site's processes take for the time, shifted by whole hours."""

    def __init__(self, stage):
        self.file = stage.var / "clock"
        self.python_path = os.pathsep.join([str(ROOT / "tests/drills/shifted"), str(ROOT)])
        self.show(0)

    def show(self, hours):
        coming = self.file.with_suffix(".new")
        coming.write_text(str(hours * 3600))
        coming.replace(self.file)  # at once: somebody always reads it


def restart_all(stage, **variables):
    for name in stage.running:
        stage.restart(name, **variables)


def times_requeued(stage):
    """How often work was put back on the queue, by the logs of those that do it."""
    logs = [
        kept.log.read_text(errors="replace") for name in ("worker", "clock") for kept in stage.running[name]
    ]
    return sum(int(number) for log in logs for number in re.findall(r"requeued=(\d+)", log))
