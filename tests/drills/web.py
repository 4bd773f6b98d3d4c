"""Isolation: what one person may see of another's."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.drills import drill
from tests.drills.staging import ROOT, until

CANARY = "zyxomma-4711"


@drill("W01")
def every_url(stage, report):
    """two people and every URL that the site has, found by introspection (tests/http/test_access.py)"""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "tests/http/test_access.py",
        "-q",
        "-p",
        "no:cacheprovider",
        "-rN",
        "--no-header",
        "-vv",
    ]
    environment = stage.environment | {
        "RAGSITE_TEST_DATABASE": "test_drill_access",
        "OPENAI_API_KEY": "",
        "OPENAI_BASE_URL": "",
        "EMBEDDING_MODEL": "",
    }
    environment["REDIS_URL"] = stage.environment["REDIS_URL"].replace("db=0", "db=4")
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines() or [done.stderr[-300:]]
    report.note(lines[-1])
    report.exactly("what is open", [line for line in lines if line.startswith("E ") and "Error" in line], [])
    report.exactly("exit code", done.returncode, 0)


@drill("W03", quick=True)
def retrieval_is_isolated(stage, report):
    """a canary in Alice's document, 1,000 questions by Bob about just that"""
    count = 12 if stage.is_quick else 1000
    alice, bob = stage.person(), stage.person("bob")
    alice.add_ready(
        f"The password of the vault is {CANARY}. Nobody else may know the password of the vault.", "vault.txt"
    )
    bob.add_ready("The garden has a vault of roses. The password of the garden gate is daisy.", "garden.txt")
    stage.fake.requests.clear()

    def ask(number):
        if number % 20 == 0:
            bob.forget_rate_limit()
        followed, _question = bob.asked(f"What is the password of the vault, question {number}?")
        return followed.final + followed.streamed

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(count)))
    prompts = [str(asked.body) for asked in stage.fake.chats]
    traces = stage.value(
        "select count(*) from qa_question where trace::text like '%%vault.txt%%' or answer like %s",
        f"%{CANARY}%",
    )
    report.exactly("questions answered", sum(bool(answer) for answer in answers), count)
    report.exactly("canaries in answers", sum(CANARY in answer for answer in answers), 0)
    report.exactly("canaries in prompts", sum(CANARY in prompt for prompt in prompts), 0)
    report.exactly("foreign sources in traces", traces, 0)
    alice.forget_rate_limit()
    report.exactly(
        "Alice herself finds it", CANARY in alice.asked("What is the password of the vault?")[0].final, True
    )


@drill("W04", quick=True)
def cached_answers_are_isolated(stage, report):
    """the same question by Alice, by Alice again, and by Bob"""
    alice, bob = stage.person(), stage.person("bob")
    alice.add_ready(f"The password of the vault is {CANARY}.", "vault.txt")
    bob.add_ready("The password of the vault is daisy.", "vault.txt-b.txt")
    until(stage.has_nothing_to_do, 30)  # summaries ask the same model
    stage.fake.requests.clear()
    first, _ = alice.asked("What is the password of the vault?")
    again, _ = alice.asked("What is the password of the vault?")
    from_cache = len(stage.fake.chats)
    his, _ = bob.asked("What is the password of the vault?")
    report.exactly(
        "Alice is answered", [CANARY in followed.final for followed in (first, again)], [True, True]
    )
    report.exactly("her second answer from the cache", from_cache, 1)
    report.exactly("Bob is told hers", CANARY in his.final, False)
    report.exactly("Bob is told his", "daisy" in his.final, True)
    alice.post(f"/documents/{alice.document('vault.txt')}/delete/", {})
    after, _ = alice.asked("What is the password of the vault?")
    report.exactly("told after the document is deleted", CANARY in after.final, False)
