"""Uploads: hostile files."""

from __future__ import annotations

import zlib
from contextlib import suppress
from pathlib import Path

from tests.drills import drill
from tests.drills.staging import Watcher, children_of, command_of, until
from tests.support.made.pdfs import bomb, endless_forms, make_pdf, text_content

MAX_MEMORY = 512
POLYGLOT = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj
<html><body onload="alert(document.domain)"><script>alert(document.cookie)</script></body></html>
trailer<</Root 1 0 R>>
"""


class Readers(Watcher):
    """The largest memory (MiB) of any process that reads a document, polled throughout."""

    def __init__(self, stage):
        super().__init__()
        self.stage, self.peak = stage, 0.0

    def _watch(self):
        while not self.is_over.wait(0.05):
            fork_servers = [
                c
                for worker in self.stage.workers
                for c in children_of(worker.pid)
                if "sandbox.server" in command_of(c)
            ]
            for reader in [child for fork_server in fork_servers for child in children_of(fork_server)]:
                with suppress(OSError, StopIteration):
                    lines = Path(f"/proc/{reader}/status").read_text().splitlines()
                    peak = next(line for line in lines if line.startswith("VmHWM"))
                    self.peak = max(self.peak, int(peak.split()[1]) / 1024)


def bombs(folder):
    """Thirteen PDFs by name."""
    blanks = zlib.compressobj(9)
    once = b"".join(blanks.compress(b" " * 2**20) for _ in range(1024)) + blanks.flush()
    forms, drawn = endless_forms()
    long = zlib.compress(text_content(["A line of a page that never ends."] * 20_000) * 30, 9)
    loop = {
        1000: b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</N 1000 0 R>>>>/Length 5>>\nstream\n/N Do\nendstream"
    }
    cmap = b"1 begincodespacerange <00000000> <7FFFFFFF> endcodespacerange 1 beginbfrange <00000000> <7FFFFFFF> <0041> endbfrange"
    mapped = {
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 900 0 R>>",
        900: b"<</Length %d>>\nstream\n%s\nendstream" % (len(cmap), cmap),
    }
    kids = b" ".join([b"10 0 R"] * 200_000)
    made = {
        "deflate": [[(b"/Filter/FlateDecode", once)], {}],
        "deflate twice": [[bomb()], {}],
        "shared pages": [[["One page"]], {"extra": {2: b"<</Type/Pages/Count 200000/Kids[%s]>>" % kids}}],
        "pages in a ring": [[["One page"]], {"extra": {2: b"<</Type/Pages/Count 9/Kids[2 0 R 2 0 R 10 0 R]>>"}}],
        "a form that draws itself": [[b"/N Do"], {"extra": loop, "resources": b"/XObject<</N 1000 0 R>>"}],
        "forms without end": [[b"/N Do"], {"extra": forms, "resources": drawn}],
        "a wide ToUnicode": [[["One page"]], {"extra": mapped}],
        "text without end": [[(b"/Filter/FlateDecode", long)], {}],
        "nested arrays": [[["One page"]], {"extra": {5: b"[" * 20_000 + b"]" * 20_000}, "resources": b"/X 5 0 R"}],
        "nested arrays in a page": [[b"[" * 20_000 + b"]" * 20_000 + b" TJ"], {}],
        "run lengths": [[(b"/Filter[/ASCIIHexDecode/RunLengthDecode/FlateDecode]", b"8120" * 100_000 + b">")], {}],
        "two thousand million pages": [[["One page"]], {"extra": {2: b"<</Type/Pages/Count 2147483647/Kids[10 0 R]>>"}}],
        "a name of 5 MB": [[b"/" + b"A" * 5_000_000 + b" gs"], {}],
    }  # fmt: skip
    return {
        f"{name}.pdf": make_pdf(folder / f"{name}.pdf", pages, **options).read_bytes()
        for name, (pages, options) in made.items()
    }


@drill("U01")
def pdf_bombs(stage, report):
    """13 PDF bombs, one after the other"""
    alice, workers = stage.person(), [worker.pid for worker in stage.workers]
    files, slowest, slowest_name = bombs(stage.var), 0.0, ""
    with Readers(stage) as readers:
        for number, (name, content) in enumerate(files.items(), start=1):
            alice.upload({name: content})
            took = until(lambda number=number: stage.has_settled(number), 90)
            if took > slowest:
                slowest, slowest_name = took, name
    ends = stage.sql("select title, state, failure_kind from documents_document order by id")
    report.exactly(
        "bombs taken and ended",
        (len(files), sum(state in ("ready", "failed") for _, state, _ in ends)),
        (13, 13),
    )
    report.at_most(f"slowest ({slowest_name})", slowest, 15, " s")
    report.at_most("largest reading process", readers.peak, MAX_MEMORY, " MiB")
    report.exactly("workers still the same", [worker.pid for worker in stage.workers], workers)
    report.exactly(
        "failures without a reason",
        stage.value(
            "select count(*) from documents_document where state = 'failed' and (failure = '' or remedy = '')"
        ),
        0,
    )
    report.note(", ".join(f"{title}: {kind or state}" for title, state, kind in ends))
    alice.add_ready("A sound text after all of them.", "after.txt")


@drill("U06", quick=True)
def polyglot(stage, report):
    """a PDF that is a page with scripts too, opened by its address: by its owner, by another person, by nobody"""
    alice, bob = stage.person(), stage.person("bob")
    alice.upload({"both.pdf": POLYGLOT, "page.html.pdf": POLYGLOT + b" "})
    pk = alice.document("both.pdf")
    answer = alice.get(f"/documents/{pk}/download/")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    report.exactly("owner", answer.status, 200)
    report.exactly("as an attachment", headers.get("content-disposition", "").split(";")[0], "attachment")
    report.exactly(
        "kind", headers.get("content-type") in ("application/octet-stream", "application/pdf"), True
    )
    report.exactly("nosniff", headers.get("x-content-type-options"), "nosniff")
    report.exactly("sandboxed", "sandbox" in headers.get("content-security-policy", ""), True)
    report.exactly("another person", bob.get(f"/documents/{pk}/download/").status, 404)
    report.exactly("nobody", stage.visitor().get(f"/documents/{pk}/download/").status, 302)
    stored = stage.value("select file from documents_version where document_id = %s", pk)
    guesses = [
        f"/{stored}",
        f"/media/{stored}",
        f"/files/{stored}",
        f"/static/{stored}",
        f"/static/../files/{stored}",
    ]
    report.exactly("by its stored name", {alice.get(path).status for path in guesses}, {404})
