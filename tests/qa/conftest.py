"""Small libraries of documents, and a way to ask as a browser does: through the views, following the stream."""

import asyncio
import re
from dataclasses import dataclass, field

import pytest
from django.test import AsyncClient

from documents.models import Document
from qa import streaming
from qa.models import Question
from qa.streaming import producer
from ragsite import llm
from tests.support.factories import make_indexed
from tests.support.snapshots import make_once

PRICES = """Membership of the observatory.

An individual membership costs 42 euros annually; pensioners and students contribute 21 euros.

Members borrow up to three instruments for a period of four weeks."""


@dataclass
class Event:
    kind: str
    body: str
    id: str = ""


@dataclass
class Followed:
    """What one reader of a stream was told."""

    events: list[Event] = field(default_factory=list)
    comments: int = 0

    @property
    def text(self):
        text = ""
        for event in self.events:
            text = "" if event.kind == "back" else text + event.body * (event.kind == "token")
        return text

    @property
    def final(self):
        return next((event.body for event in self.events if event.kind == "final"), "")

    @property
    def kinds(self):
        return [event.kind for event in self.events]


def read_event(block):
    fields = [
        line.partition(": ")[::2] if ": " in line else line.partition(":")[::2] for line in block.split("\n")
    ]
    values = dict(fields)
    return Event(
        values.get("event", ""),
        "\n".join(value for name, value in fields if name == "data"),
        values.get("id", ""),
    )


class Browser:
    """A signed-in person on an ASGI server."""

    def __init__(self):
        self.client = AsyncClient()

    async def sign_in(self, user):
        await self.client.aforce_login(user)
        return self

    async def ask(self, text, conversation=None, **values):
        path = f"/c/{conversation}/ask/" if conversation else "/ask/"
        response = await self.client.post(path, {"text": text, **values})
        assert response.status_code == 302, response.content.decode()[:2000]
        return await Question.objects.select_related("conversation").order_by("-pk").afirst()

    async def follow(self, question, after="", until=None, seconds=60):
        """Reads the stream to its end, or until `until(followed)` says that it has seen enough."""
        headers = {"Last-Event-ID": after} if after else {}
        response = await self.client.get(f"/questions/{question.pk}/stream/", headers=headers)
        assert response.status_code == 200
        followed, waiting = Followed(), ""
        stream = aiter(response)
        async with asyncio.timeout(seconds):
            async for chunk in stream:
                waiting += chunk.decode()
                *blocks, waiting = waiting.split("\n\n")
                for block in blocks:
                    if block.startswith("event:"):
                        followed.events.append(read_event(block))
                    elif block.startswith(":"):
                        followed.comments += 1
                if (until and until(followed)) or "done" in followed.kinds:
                    break
        await response.streaming_content.aclose() if hasattr(response.streaming_content, "aclose") else None
        return followed

    async def asked(self, text, **values):
        """Asks, follows to the end, and gives the question as it was saved."""
        question = await self.ask(text, **values)
        followed = await self.follow(question)
        await finished()
        await question.arefresh_from_db()
        question.followed = followed
        return question


async def finished():
    """Waits for every answer that this process writes."""
    tasks = [running.task for running in producer.RUNNING.values()]
    if tasks:
        await asyncio.wait(tasks, timeout=60)


@pytest.fixture
async def browser():
    """Call it with a user."""

    async def open_for(user):
        return await Browser().sign_in(user)

    yield open_for
    await streaming.finish_running_answers(timeout=0)
    await llm.aclose()


@pytest.fixture
def prices(alice):
    make_once("prices", alice, lambda: make_indexed(alice, PRICES, name="prices.txt"))
    return Document.objects.get(title="prices")


@pytest.fixture
def writer(fake_openai, settings):
    """A provider that writes answers, over local vectors."""
    settings.EMBEDDING_MODEL = "all-MiniLM-L6-v2"
    return fake_openai


def plain(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())
