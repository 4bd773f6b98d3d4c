"""The documents that the asker may read, and which of them words such as "the letter from Wiesenau" name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from math import log

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Substr

from documents.models import Document, Page
from qa.answering.routes.library import editions
from qa.answering.routes.library.dates import MONTH, YEAR, months_in
from qa.answering.routes.library.named import IN_HEAD, IN_LETTER, NAMED, SIMILAR, Named
from qa.answering.routes.library.words import GENERIC, NOUNS
from qa.answering.routes.nearness import nearness
from qa.answering.routes.requests import content
from qa.retrieval.stop_words import stem

MAX_DOCUMENTS = 400
HEAD_LENGTH = 1500  # characters of a document's beginning
MIN_SCORE = 0.58
MARGIN = 0.08
ENOUGH_OF_TITLE = 0.6
FUZZY = 0.84
MIN_FUZZY_LENGTH = 5
# Phrases such as "the telephone directory" are at least so near the title they mean, and others at most 0.33, in the
# files of two made-up offices.
NEAR, NEAR_OF_KIND, NEAR_MARGIN = 0.42, 0.33, 0.08


class Library:
    """The askable documents of one question's scope. At most MAX_DOCUMENTS, the newest, are known by name."""

    def __init__(self, scope: Iterable[Document]) -> None:
        self.named = [Named(document, document.head or "") for document in scope]  # type: ignore[attr-defined]
        self._matches: dict[str, dict[int, float]] = {}

    def __len__(self) -> int:
        return len(self.named)

    def find(self, phrase: str) -> list[Named]:
        """Return the documents that the phrase names: one, or those that it fits equally well; none if it names none."""
        found = self.called(phrase)[1] or self._near(phrase)
        return editions.chosen(found, phrase, lambda named: named.age)

    def only(self, phrase: str) -> Named | None:
        """Return the one document that the phrase names; None if it names none or several."""
        found = self.find(phrase)
        return found[0] if len(found) == 1 else None

    def called(self, phrase: str) -> tuple[float, list[Named]]:
        """Return how well the phrase's words name documents, and those that they name."""
        words = [self._spelled(word) for word in content(phrase) if word not in GENERIC]
        wanted = [word for word in words if word not in editions.WORDS]
        known = {place for word in wanted for place in self._known_by(word)}
        scores = {place: self._score(wanted, place) for place in known}
        best = max(scores.values(), default=0.0)
        if best < MIN_SCORE:
            return 0.0, []
        return best, [self.named[place] for place in sorted(scores) if scores[place] >= best - MARGIN]

    def knows(self, word: str) -> bool:
        """Whether a document is called by this word, however it is spelled here."""
        return bool(self._fitting(self._spelled(word.lower())))

    def is_thing(self, word: str, found: Sequence[Named]) -> bool:
        """Whether a word is a noun such as "report" or of the title of one of these, and no name of a person."""
        spelled = self._spelled(word)
        return spelled in NOUNS or any(stem(spelled) in named.title_words for named in found)

    def _near(self, phrase: str) -> list[Named]:
        """The document whose title is near the phrase in meaning, with its editions, if no other is about as near.

        A noun such as "leaflet" leaves only those of that kind; the only one of them is meant if its language is foreign
        to the model.
        """
        words = [self._spelled(word) for word in content(phrase) if word not in GENERIC]
        of_kind = [self._fitting(word) for word in words if word in NOUNS]
        among = next(filter(None, of_kind), None) or self.named
        if not set(words) - editions.WORDS:
            return []
        if any(of_kind) and len(among) == 1 and among[0].language not in ("", "english"):
            return among
        floor = NEAR_OF_KIND if any(of_kind) else NEAR
        titles = [f"{named.document.title}. {named.document.own_title}" for named in among]
        cosines = nearness(phrase, titles)
        best = among[int(cosines.argmax())]
        rivals = [cosine for cosine, each in zip(cosines, among, strict=True) if not best.is_edition_of(each)]
        if cosines.max() < floor or cosines.max() - max(rivals, default=0) < NEAR_MARGIN:
            return []
        return [each for each in among if best.is_edition_of(each)]

    def _fitting(self, word: str) -> list[Named]:
        return [self.named[place] for place, fit in self._known_by(word).items() if fit >= SIMILAR]

    def _score(self, wanted: Sequence[str], place: int) -> float:
        named = self.named[place]
        found = {word: self._known_by(word).get(place, 0.0) for word in wanted}
        strong = [word for word in wanted if found[word] >= SIMILAR and not word.isdecimal()]
        if not strong or not self._is_reference(wanted, strong, named):
            return 0.0
        weights = {word: self._weight(word) for word in wanted}
        score = sum(weights[word] * found[word] for word in wanted) / sum(weights[word] for word in wanted)
        years = {word for word in wanted if YEAR.fullmatch(word)}
        if years and named.years and not years & named.years:
            score *= 0.5
        covered = len({stem(word) for word in strong} & named.title_words) / max(len(named.title_words), 1)
        return score + 0.1 * covered

    def _is_reference(self, wanted: Sequence[str], strong: Sequence[str], named: Named) -> bool:
        """Whether the words call a document: a noun such as "report", most of its title, or what only it is called."""
        author = set(content(named.document.author))
        if NOUNS & set(wanted) or author & set(strong):
            return True
        matched = {stem(word) for word in strong}
        if len(matched & named.title_words) >= ENOUGH_OF_TITLE * len(named.title_words):
            return True
        return named.noun in matched and self._is_alone(named)

    def _is_alone(self, named: Named) -> bool:
        """Whether no other document but its editions has the noun of its title in a title."""
        having = [each for each in self.named if named.noun in each.title_words]
        return all(each.is_edition_of(named) for each in having)

    def _weight(self, word: str) -> float:
        having = sum(weight > IN_LETTER for weight in self._known_by(word).values())
        return log(1 + (len(self.named) + 1) / (having + 0.5))

    def _known_by(self, word: str) -> dict[int, float]:
        """The places of the documents that know a word, and how well it fits each."""
        if word not in self._matches:
            fits = ((place, _match(word, named)) for place, named in enumerate(self.named))
            self._matches[word] = {place: fit for place, fit in fits if fit}
        return self._matches[word]

    def _spelled(self, word: str) -> str:
        """The word that documents are called by and that this one, which none knows, is a misspelling of."""
        is_known = word in NOUNS or word in editions.WORDS or self._known_by(word)
        if is_known or len(word) < MIN_FUZZY_LENGTH or word.isdecimal():
            return word
        return self._spellings.get(word) or self._spell(word)

    def _spell(self, word: str) -> str:
        close = (other for other in self._vocabulary if is_close(word, other))
        self._spellings[word] = max(
            close, key=lambda other: SequenceMatcher(None, word, other).ratio(), default=word
        )
        return self._spellings[word]

    @cached_property
    def _spellings(self) -> dict[str, str]:
        return {}

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        names = NOUNS.union(*(named.called for named in self.named))
        return frozenset(name for name in names if len(name) >= MIN_FUZZY_LENGTH)


def _match(word: str, named: Named) -> float:
    """How well one word fits the document's names, from 0 to 1."""
    if YEAR.fullmatch(word):
        dated = named.document.dated
        return NAMED if word in named.years else IN_HEAD if dated and str(dated.year) == word else 0.0
    if MONTH.fullmatch(word) and months_in(word) & named.months:
        return NAMED
    return named.words.get(stem(word), 0.0)


def is_close(one: str, other: str) -> bool:
    """Whether one word may be a misspelling of the other."""
    if abs(len(one) - len(other)) > 2 or one[:1] != other[:1]:
        return False
    return sorted(one) == sorted(other) or SequenceMatcher(None, one, other).ratio() >= FUZZY


def with_heads(documents):  # type: ignore[no-untyped-def]
    """Annotate documents with `head`, the beginning of their text, in one query; the newest MAX_DOCUMENTS."""
    first = Page.objects.filter(version=OuterRef("serving")).order_by("number")
    head = Subquery(first.annotate(head=Substr("text", 1, HEAD_LENGTH)).values("head")[:1])
    return documents.select_related("serving").defer("embedding").annotate(head=head)[:MAX_DOCUMENTS]
