"""The form for questions: the text, and which documents to search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.db import transaction
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from documents.models import Collection
from qa.answering.prompts import DEFAULT_INSTRUCTIONS
from qa.choices import MAX_CHOSEN, Choice, choice_of, names_a_scope, scope_in
from qa.models import Conversation, Instructions, Question
from qa.models.instructions import MAX_LENGTH as MAX_INSTRUCTIONS_LENGTH
from qa.models.scope import EVERYTHING, Scope
from ragsite.storable import storable_text

if TYPE_CHECKING:
    from ragsite.accounts.models import User

MAX_QUESTION_LENGTH = 4000


class LinesField(forms.CharField):
    """A text with Unix line ends, without the characters that PostgreSQL cannot store."""

    def to_python(self, value: Any) -> str:
        return storable_text((super().to_python(value) or "").replace("\r\n", "\n")).strip()


class QuestionForm(forms.Form):
    """A question, and what it is asked of: what the form's data say, or else `scope`."""

    text = LinesField(
        label=_("Your question"),
        max_length=MAX_QUESTION_LENGTH,
        error_messages={
            "required": _("Enter a question."),
            "max_length": _(
                "This question is too long: it has %(show_value)d characters, the limit is %(limit_value)d."
            ),
        },
        widget=forms.Textarea,
    )

    def __init__(self, *args: Any, user: User, scope: Scope = EVERYTHING, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.scope = scope_in(self.data) if names_a_scope(self.data) else scope

    @cached_property
    def choice(self) -> Choice:
        """What of the scope the user may read now."""
        return choice_of(self.scope, self.user)

    def clean(self) -> None:
        if len(self.scope) > MAX_CHOSEN:
            raise forms.ValidationError(
                _("Choose at most %(limit)d documents and collections. A collection counts as one."),
                params={"limit": MAX_CHOSEN},
            )

    def save(self, conversation: Conversation | None = None) -> Question:
        """Create and return the unanswered question, in the conversation or in a new one, which keeps the scope."""
        text, scope = self.cleaned_data["text"], self.scope
        with transaction.atomic():
            if conversation is None:
                conversation = Conversation.objects.create(
                    user=self.user, title=_title(text), **scope.columns
                )
            elif conversation.scope != scope:
                conversation.scope = scope
                conversation.save(update_fields=list(scope.columns))
            return Question.objects.create(conversation=conversation, text=text, **scope.columns)


class RenameForm(forms.Form):
    """The title of a conversation."""

    title = LinesField(label=_("Name"), max_length=200)


class ShareForm(forms.Form):
    """How long a link to a conversation is valid."""

    days = forms.TypedChoiceField(
        label=_("Valid for"),
        coerce=int,
        choices=[(1, _("a day")), (7, _("a week")), (30, _("30 days")), (365, _("a year"))],
        initial=7,
    )


class RatingForm(forms.Form):
    """A thumb up (1), down (-1) or neither (0), and why."""

    value = forms.TypedChoiceField(coerce=int, choices=[(-1, ""), (0, ""), (1, "")])
    reason = LinesField(label=_("What was wrong?"), max_length=500, required=False)


class InstructionsForm(forms.Form):
    """The answering instructions of a collection. The default, or nothing, is saved as an empty text."""

    text = LinesField(
        label=_("Instructions"),
        required=False,
        max_length=MAX_INSTRUCTIONS_LENGTH,
        help_text=_("Leave it empty to go back to the default."),
        widget=forms.Textarea(attrs={"rows": 8, "dir": "auto"}),
    )

    def __init__(
        self, *args: Any, collection: Collection, newest: Instructions | None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.collection = collection
        self.initial["text"] = (newest.text if newest else "") or DEFAULT_INSTRUCTIONS

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        return "" if text == DEFAULT_INSTRUCTIONS else text

    def save(self, author: User) -> Instructions:
        """Save a new version, unless the newest has the same text, and return the version in use."""
        return Instructions.objects.write(self.collection, self.cleaned_data["text"], author)


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 100 else line[:99].rstrip() + "…"
