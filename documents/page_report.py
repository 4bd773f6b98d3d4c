"""Report how well the pages of a document could be read; stored on its version, so that a list needs no page rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

MAX_RANGES = 12  # in one sentence
NAMES = ("hidden_sheets", "attachments")
# The key in a page's report, and in the version's. A page counts once.
HIDDEN = (("hidden", "hidden"), ("hidden_slide", "hidden_slides"), ("left_out", "left_out"))
Ranges = list[list[int]]


class ReadPage(Protocol):
    number: int
    problem: str
    report: dict[str, Any]


@dataclass(frozen=True)
class PageProblem:
    """Pages with the same problem: how many, and their numbers as text ("3, 7–8")."""

    kind: str
    count: int
    numbers: str
    first: int


@dataclass(frozen=True)
class PageReport:
    """How many pages are readable, which are not and why, and what the file hides.

    `hidden`: pages of a PDF with text that readers cannot see; it is indexed all the same. What other formats hide is left
    out of the index: text on the pages `left_out`, whole slides and sheets. `attachments` are file names.
    """

    total: int
    readable: int
    problems: list[PageProblem]
    hidden: PageProblem | None
    tables: int
    left_out: PageProblem | None = None
    hidden_slides: PageProblem | None = None
    hidden_sheets: Sequence[str] = ()
    attachments: Sequence[str] = ()

    @property
    def has_left_out(self) -> bool:
        return bool(self.left_out or self.hidden_slides or self.hidden_sheets)

    @property
    def is_worth_a_row(self) -> bool:
        """Whether a list should mention it. Hidden text of web pages is too common to mention."""
        return bool(self.problems or self.hidden or self.attachments)

    def summary(self, *, with_details: bool = False) -> str:
        """Return one line: how many pages are readable, which are not, and (with details) what is hidden or attached."""
        parts = [self._readable(), *map(_problem_line, self.problems)]
        return "; ".join(parts + self._details() if with_details else parts)

    @property
    def hidden_text_warning(self) -> str:
        """Warn of answers that rest on text readers cannot see; empty if there is none."""
        if not self.hidden:
            return ""
        return ngettext(
            "Page %(numbers)s contains text that readers cannot see. Answers may rest on it: check there before you trust one.",
            "Pages %(numbers)s contain text that readers cannot see. Answers may rest on it: check there before you trust one.",
            self.hidden.count,
        ) % {"numbers": self.hidden.numbers}

    @property
    def omissions(self) -> list[str]:
        """Say what the file hides and was therefore not indexed, one sentence for each kind."""
        sentences = []
        if self.left_out:
            sentence = ngettext(
                "Page %(numbers)s contains text that the file hides. It was left out: no answer rests on it.",
                "Pages %(numbers)s contain text that the file hides. It was left out: no answer rests on it.",
                self.left_out.count,
            )
            sentences.append(sentence % {"numbers": self.left_out.numbers})
        if self.hidden_slides:
            names = ngettext("slide %s", "slides %s", self.hidden_slides.count) % self.hidden_slides.numbers
            sentences.append(f"{_hidden_slides(self.hidden_slides.count)} ({names}).")
        if self.hidden_sheets:
            sentences.append(f"{_hidden_sheets(len(self.hidden_sheets))} ({', '.join(self.hidden_sheets)}).")
        return sentences

    def _readable(self) -> str:
        sentence = ngettext(
            "%(readable)s of %(total)s page readable", "%(readable)s of %(total)s pages readable", self.total
        )
        return sentence % {"readable": intcomma(self.readable), "total": intcomma(self.total)}

    def _details(self) -> list[str]:
        details = []
        if self.hidden:
            text = ngettext("hidden text on page %s", "hidden text on pages %s", self.hidden.count)
            details.append(text % self.hidden.numbers)
        if self.left_out:
            text = ngettext(
                "hidden text on page %s left out", "hidden text on pages %s left out", self.left_out.count
            )
            details.append(text % self.left_out.numbers)
        if self.hidden_slides:
            details.append(_hidden_slides(self.hidden_slides.count))
        if self.hidden_sheets:
            details.append(_hidden_sheets(len(self.hidden_sheets)))
        if self.attachments:
            count = len(self.attachments)
            details.append(ngettext("%d attached file", "%d attached files", count) % count)
        return details

    @classmethod
    def stored(cls, report: dict[str, Any]) -> PageReport:
        problems = {kind: ranges for kind, ranges in report["problems"].items() if ranges}
        order = [kind for kind in ("no_text", "garbled", "unreadable") if kind in problems]
        return cls(
            report["total"],
            report["readable"],
            [_problem(kind, problems[kind]) for kind in order],
            _problem_if_any("hidden", report),
            report.get("tables", 0),
            _problem_if_any("left_out", report),
            _problem_if_any("hidden_slides", report),
            report.get("hidden_sheets", ()),
            report.get("attachments", ()),
        )


def report_of(
    pages: Iterable[ReadPage], page_count: int, metadata: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the report as JSON for the version's row. Pages that extraction did not reach count as unreadable.

    `metadata` is the loader's, about the file as a whole.
    """
    problems: dict[str, list[int]] = {}
    hidden: dict[str, list[int]] = {}
    seen = tables = 0
    for page in pages:
        seen = max(seen, page.number)
        if page.problem:
            problems.setdefault(page.problem, []).append(page.number)
        if kind := next((kind for key, kind in HIDDEN if page.report.get(key)), ""):
            hidden.setdefault(kind, []).append(page.number)
        tables += bool(page.report.get("table_rows"))
    total = max(page_count, seen)
    problems.setdefault("unreadable", []).extend(range(seen + 1, total + 1))
    return {
        "total": total,
        "readable": total - sum(map(len, problems.values())),
        "problems": {kind: ranges_of(found) for kind, found in problems.items() if found},
        "tables": tables,
        **{kind: ranges_of(found) for kind, found in hidden.items()},
        **{kind: list(metadata[kind]) for kind in NAMES if metadata and metadata.get(kind)},
    }


def ranges_of(numbers: Iterable[int]) -> Ranges:
    """Group ascending numbers into [first, last] pairs."""
    ranges: Ranges = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def _problem_if_any(kind: str, report: dict[str, Any]) -> PageProblem | None:
    return _problem(kind, report[kind]) if report.get(kind) else None


def _problem(kind: str, ranges: Sequence[Sequence[int]]) -> PageProblem:
    named = ", ".join(
        str(first) if first == last else f"{first}–{last}" for first, last in ranges[:MAX_RANGES]
    )
    numbers = _("%s and more") % named if len(ranges) > MAX_RANGES else named
    return PageProblem(kind, sum(last - first + 1 for first, last in ranges), numbers, ranges[0][0])


def _problem_line(problem: PageProblem) -> str:
    sentence = {
        "no_text": ngettext(
            "%(count)s looks scanned (page %(numbers)s)",
            "%(count)s look scanned (pages %(numbers)s)",
            problem.count,
        ),
        "garbled": ngettext(
            "%(count)s has unreadable letters (page %(numbers)s)",
            "%(count)s have unreadable letters (pages %(numbers)s)",
            problem.count,
        ),
        "unreadable": ngettext(
            "%(count)s could not be read (page %(numbers)s)",
            "%(count)s could not be read (pages %(numbers)s)",
            problem.count,
        ),
    }[problem.kind]
    return sentence % {"count": intcomma(problem.count), "numbers": problem.numbers}


def _hidden_slides(count: int) -> str:
    sentence = ngettext(
        "%s slide is hidden and was left out", "%s slides are hidden and were left out", count
    )
    return sentence % intcomma(count)


def _hidden_sheets(count: int) -> str:
    sentence = ngettext(
        "%s sheet is hidden and was left out", "%s sheets are hidden and were left out", count
    )
    return sentence % intcomma(count)
