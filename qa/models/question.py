from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from documents.models import Index
from qa.models.conversation import Conversation
from qa.models.instructions import Instructions
from qa.models.origin import Origin, readable_origins
from qa.models.scope import Scoped

if TYPE_CHECKING:
    from ragsite.accounts.models import User


class AnswerState(models.TextChoices):
    RUNNING = "running", _("being answered")
    COMPLETE = "complete", _("answered")
    UNFINISHED = (
        "unfinished",
        _("unfinished"),
    )  # the provider ended early: length limit, content filter, broken stream
    STOPPED = "stopped", _("stopped")
    INTERRUPTED = "interrupted", _("interrupted")  # the process that wrote it ended
    FAILED = "failed", _("failed")


class AnswerKind(models.TextChoices):
    WRITTEN = "written", _("written by a model")
    QUOTED = "quoted", _("quoted from the documents")
    NOTHING = "nothing", _("nothing found")


class AnswerWay(models.TextChoices):
    """How an answer without a model was found. The labels are shown under the answer."""

    QUOTES = "quotes", _("Exact quotes")
    TABLE = "table", _("From a table")
    LIST = "list", _("From a list")
    DOCUMENTS = "documents", _("From your list of documents")
    DETAILS = "details", _("From the details of the document")
    OVERVIEW = "overview", _("From the summaries")
    SECTION = "section", _("Key sentences of one section")
    COMPARISON = "comparison", _("Both documents side by side")
    GREETING = "greeting", _("Help")


# The other ways say more than a document does: titles, summaries, words of the product.
QUOTING_WAYS = frozenset(
    ["", AnswerWay.QUOTES, AnswerWay.TABLE, AnswerWay.LIST, AnswerWay.SECTION, AnswerWay.COMPARISON]
)


class QuestionQuerySet(models.QuerySet["Question"]):
    def visible_to(self, user: User, *, operating: bool = False) -> Self:
        return self.filter(conversation__in=Conversation.objects.visible_to(user, operating=operating))

    def same_as(self, question: Question) -> Self:
        """The same row, if it still exists: after a restore, another row may have its primary key."""
        return self.filter(pk=question.pk, created_at=question.created_at)

    def support(self) -> tuple[int, int]:
        """How many sentences of their written answers were checked, and how many of them are supported.

        An answer from the cache was counted when it was written.
        """
        counts = self.filter(cached_from=None).aggregate(
            checked=models.Sum("sentences_checked"), supported=models.Sum("sentences_supported")
        )
        return counts["checked"] or 0, counts["supported"] or 0

    def running(self) -> Self:
        return self.filter(state=AnswerState.RUNNING)


class Question(Scoped):
    """A question and its answer: text, scope, state, origin and trace."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="questions")
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="repeats",
        help_text=_("The original question, if this one repeats it."),
    )
    text = models.TextField(_("question"))
    search_query = models.TextField(
        _("search query"), blank=True, help_text=_("The question rewritten to be searched for by itself.")
    )
    answer = models.TextField(_("answer"), blank=True)
    parts = models.JSONField(
        _("parts"),
        default=list,
        blank=True,
        help_text=_("Of an answer without a model: what its page draws."),
    )
    state = models.CharField(
        _("state"), max_length=12, choices=AnswerState, default=AnswerState.RUNNING, db_index=True
    )
    kind = models.CharField(_("kind"), max_length=8, choices=AnswerKind, blank=True)
    way = models.CharField(_("way"), max_length=12, choices=AnswerWay, blank=True)
    notice = models.CharField(
        _("notice"),
        max_length=500,
        blank=True,
        help_text=_("A sentence shown above or below the answer."),
    )
    finish_reason = models.CharField(_("finish reason"), max_length=40, blank=True)
    error_kind = models.CharField(_("error kind"), max_length=40, blank=True)
    model = models.CharField(_("model"), max_length=200, blank=True)
    host = models.CharField(_("host"), max_length=253, blank=True)
    instructions = models.ForeignKey(
        Instructions,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("answering instructions"),
        help_text=_("Empty: the project's default."),
    )
    index = models.ForeignKey(Index, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    input_tokens = models.PositiveIntegerField(_("input tokens"), null=True, blank=True)
    output_tokens = models.PositiveIntegerField(_("output tokens"), null=True, blank=True)
    cost = models.DecimalField(
        _("cost in US dollars"), max_digits=12, decimal_places=6, null=True, blank=True
    )
    timings = models.JSONField(_("timings in ms"), default=dict, blank=True)
    trace = models.JSONField(_("how the sources were chosen"), default=list, blank=True)
    draws_on = models.JSONField(
        _("origins"),
        default=list,
        blank=True,
        help_text=_("Document and collection of each chunk that the answer draws on."),
    )
    checks = models.JSONField(
        _("checked sentences"),
        default=list,
        blank=True,
        help_text=_("Of an answer that a model wrote: how well its sources support each sentence."),
    )
    sentences_checked = models.PositiveIntegerField(_("sentences checked"), default=0)
    sentences_supported = models.PositiveIntegerField(_("sentences supported"), default=0)
    cached_from = models.DateTimeField(_("cached answer from"), null=True, blank=True)
    is_fresh = models.BooleanField(_("skip cache"), default=False)
    rating = models.SmallIntegerField(_("rating"), default=0)
    rating_reason = models.CharField(_("reason of the rating"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("asked"), auto_now_add=True)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(_("answered"), null=True, blank=True)

    objects = QuestionQuerySet.as_manager()

    asked_of: object = None  # what of its scope a person may read, a Choice; set by views
    is_asked_of_others = False  # than the question before it; set by views

    class Meta:
        ordering = ["conversation", "pk"]
        verbose_name = _("question")
        verbose_name_plural = _("questions")

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def origins(self) -> set[Origin]:
        """The documents and collections that the answer draws on."""
        return {(document, collection) for document, collection in self.draws_on}

    @cached_property
    def is_withheld(self) -> bool:
        """Whether the answer draws on a document that its asker may no longer read.

        Use `mark_withheld` to set it on many questions with three queries.
        """
        return not readable_origins(self.origins, self.conversation.user).issuperset(self.origins)

    @property
    def is_running(self) -> bool:
        return self.state == AnswerState.RUNNING

    @property
    def is_written(self) -> bool:
        """Whether a model wrote the text. Only its text is saved before the answer ends and has a kind."""
        return self.kind == AnswerKind.WRITTEN or bool(not self.kind and self.answer)

    @property
    def is_without_model(self) -> bool:
        """Whether the answer consists of quotes, or says that nothing was found."""
        return self.kind in (AnswerKind.QUOTED, AnswerKind.NOTHING)

    @property
    def is_quoting(self) -> bool:
        """Whether every word of the answer is a document's."""
        return self.kind == AnswerKind.QUOTED and self.way in QUOTING_WAYS

    @property
    def is_harmless(self) -> bool:
        """Whether the answer holds no word of a document, such as help."""
        return self.way == AnswerWay.GREETING

    @property
    def is_complete(self) -> bool:
        return self.state == AnswerState.COMPLETE


def mark_withheld(questions: Iterable[Question], user: User) -> None:
    """Set `is_withheld` on each question, for the documents that the user may read now."""
    questions = list(questions)
    readable = readable_origins({origin for question in questions for origin in question.origins}, user)
    for question in questions:
        question.is_withheld = not readable.issuperset(question.origins)
