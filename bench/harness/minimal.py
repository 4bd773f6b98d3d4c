"""The least that asking takes: an ASGI application without Django that stores a question, searches and relays an answer.

`GET /ask` does what no design can leave out: it reads the session, embeds the question, stores it in a committed row, finds
the nearest passages among those the person may read, calls the provider and relays each piece as a server-sent event.
Run by uvicorn as the Procfile's web process is; DATABASE and PROVIDER_PORT come from the environment.
"""

import asyncio
import base64
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import numpy as np
from pgvector import HalfVector
from pgvector.psycopg import register_vector_async
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

Send = Callable[[dict[str, Any]], Awaitable[None]]
POOL_SIZE = 10
WORD = re.compile(rb'"content":("(?:[^"\\]|\\.)*")')
SESSION = "select user_id from session where key = %s"
STORE = "insert into question (user_id, text) values (%s, %s) returning id"
SEARCH = "select id, text from passage where reader in (0, %s) order by embedding <=> %s limit 8"
SAVE = "update question set answer = %s where id = %s"

pool: AsyncConnectionPool[AsyncConnection[Any]]


async def application(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})  # fmt: skip
    if scope["path"] == "/ask":
        await answer(scope["query_string"].decode(), send)
    await send({"type": "http.response.body", "body": b"event: final\ndata: \n\n"})


async def lifespan(receive: Callable[[], Awaitable[Any]], send: Send) -> None:
    global pool
    pool = AsyncConnectionPool(
        os.environ["DATABASE"], min_size=POOL_SIZE, max_size=POOL_SIZE, kwargs={"autocommit": True}, open=False,
        configure=register_vector_async, timeout=120,
    )  # fmt: skip
    await receive()
    await pool.open(wait=True)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await pool.close()
    await send({"type": "lifespan.shutdown.complete"})


async def answer(question: str, send: Send) -> None:
    """Everything from the session to the saved answer, with two stays at the database."""
    vector = await embed(question)
    async with pool.connection() as database:
        user = await value(database, SESSION, "key")
        number = await value(database, STORE, user, question)
        passages = await (await database.execute(SEARCH, (user, HalfVector(vector)))).fetchall()
    prompt = "\n\n".join(text for _id, text in passages)
    words = []
    async for word in stream([{"role": "user", "content": f"{prompt}\n\n{question}"}]):
        words.append(word)
        event = b"event: token\ndata: " + word + b"\n\n"
        await send({"type": "http.response.body", "body": event, "more_body": True})
    async with pool.connection() as database:
        await database.execute(SAVE, (b"".join(words).decode(), number))


async def value(database: AsyncConnection[Any], query: str, *values: object) -> Any:
    row = await (await database.execute(query, values)).fetchone()
    return row[0] if row else None


# --- the provider, without a client library


async def embed(text: str) -> np.ndarray:
    body = {"model": "bench", "input": [text], "dimensions": 384, "encoding_format": "base64"}
    reader, writer = await request("/v1/embeddings", body)
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length: ")[2].split()[0])
    found = json.loads(await reader.readexactly(size))
    writer.close()
    return np.frombuffer(base64.b64decode(found["data"][0]["embedding"]), "<f4")


async def stream(messages: list[dict[str, str]]) -> AsyncIterator[bytes]:
    """The words of a streamed answer as they arrive, as JSON strings."""
    reader, writer = await request("/v1/chat/completions", {"model": "bench", "messages": messages, "stream": True})  # fmt: skip
    while (line := await reader.readline()) and not line.startswith(b"data: [DONE]"):
        if found := WORD.search(line):
            yield found[1]
    writer.close()


async def request(path: str, body: dict[str, Any]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(os.environ["PROVIDER_PORT"]))
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(content)}\r\n\r\n"
    writer.write(head.encode() + content)
    return reader, writer
