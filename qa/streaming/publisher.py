"""The publisher of an answer while it is written: its pieces become events, its text is saved as it grows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.translation import gettext as _

from qa import answering
from qa.models import Citation, Question
from qa.models.question import mark_withheld
from qa.streaming.channel import Channel
from qa.streaming.clients import stream_key
from qa.streaming.saver import saver
from qa.streaming.writer import Stream, writer
from ragsite.database import DATABASE_ERRORS, in_thread
from ragsite.redis import name_of

SILENCE_SECONDS = 10  # without text, after which the page says that the model is still thinking


@dataclass(eq=False)
class Publisher:
    """Publishes one answer to those who follow it, in this process and through Redis."""

    question: Question
    stop: asyncio.Event
    channel: Channel = field(default_factory=Channel)
    _text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stream = Stream(stream_key(name_of(self.question)), self.channel)

    @property
    def text(self) -> str:
        """The text so far."""
        if len(self._text) > 1:
            self._text = ["".join(self._text)]
        return self._text[0] if self._text else ""

    def begin(self) -> None:
        """Save the text from now on, and tell the page if the model is silent for long."""
        saver().add(self)
        self._silence = asyncio.get_running_loop().call_later(SILENCE_SECONDS, self._explain_silence)

    def end(self) -> None:
        """End what `begin` began. The followers learn that nothing more will come."""
        saver().remove(self)
        self._silence.cancel()
        self.channel.close()
        writer().note(self._stream)

    async def add(self, piece: answering.Piece) -> None:
        """Publish one piece; the last one, with the question, closes the stream."""
        if piece.question:
            await self.close(piece.question, piece.citations)
        if piece.step:
            self._append("step", escape(piece.step))
        if piece.takes_back:
            self._text = []
            self._append("back", "")
        if piece.text:
            self._text.append(piece.text)
            self._append("token", escape(piece.text))

    async def close(self, question: Question, rows: Sequence[Citation]) -> None:
        """Publish the finished answer in place of its pieces, then the end of the stream; a second call does nothing."""
        if not self.channel.is_over:
            self._append("final", await in_thread(final_html)(question, rows))
            self._append("done", "")
            self.channel.close()
            writer().note(self._stream)

    def _explain_silence(self) -> None:
        if not (self._text or self.channel.is_over):
            sentence = _("The model is thinking. Some models take a minute before the first word.")
            self._append("step", escape(sentence))

    def _append(self, kind: str, body: str) -> None:
        self.channel.add(kind, body)
        writer().note(self._stream)


def shown_sources(question: Question) -> list[Citation]:
    """Return the citations of an answer as its asker may see them, by number."""
    rows = Citation.objects.with_serving().with_rights(question.conversation.user)
    return list(rows.filter(question=question).order_by("number"))


def final_html(question: Question, rows: Sequence[Citation] | None = None) -> str:
    """Render the finished answer as a reloaded page shows it; `rows` are its citations if the database is down."""
    try:
        mark_withheld([question], question.conversation.user)
        rows = shown_sources(question) or rows or []
    except DATABASE_ERRORS:
        if rows is None:
            raise
        question.is_withheld = False  # its chunks were readable when the answer began
        for row in rows:
            row.may_read = True
    return render_to_string("qa/_answer.html", {"question": question, "citations": rows})
