"""A stand-in for a language model's server, with delays that can be set, for measurements.

python bench/provider.py [--port 9999] [--embed-ms 150] [--input-ms 1] [--first-token-ms 300] [--token-ms 20] [--tokens 60]

It speaks OpenAI's protocol: GET /v1/models, POST /v1/embeddings and /v1/chat/completions, streamed or whole. Texts that
share words get similar vectors. `POST /settings {"token_ms": 5}` changes delays while it runs, `GET /stats` reports what
it was asked, `POST /reset` sets those counters to zero. `running()` starts it in a process of its own.

A token costs it about 20 µs: timers call the protocol directly, since a task for each stream would cost several times that.
"""

import argparse
import asyncio
import base64
import json
import subprocess
import sys
import time
import urllib.request
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from itertools import cycle, islice
from typing import Any

import numpy as np

ANSWER = "The sources say so in the passage that is quoted here [1] and in no other place."
DIMENSIONS = 1536


@dataclass
class Settings:
    """Delays in milliseconds, and the number of tokens in an answer."""

    embed_ms: float = 150.0
    input_ms: float = 1.0
    first_token_ms: float = 300.0
    token_ms: float = 20.0
    tokens: int = 60
    answer: str = ""  # default: ANSWER, repeated to the number of tokens


@dataclass
class Stats:
    """What was asked since the last reset; `hung_up` counts answers that the client left early."""

    chats: int = 0
    streams: int = 0
    embeddings: int = 0
    inputs: int = 0
    tokens: int = 0
    hung_up: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    cpu_seconds: float = 0.0
    first_token_at: float = 0.0  # of the newest stream, by the machine's monotonic clock


class Provider:
    """The settings and counters that all connections share."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.stats = settings, Stats()
        self.cpu_at_reset = time.process_time()

    def reset(self) -> None:
        self.stats = Stats(in_flight=self.stats.in_flight)
        self.cpu_at_reset = time.process_time()

    def report(self) -> dict[str, Any]:
        self.stats.cpu_seconds = round(time.process_time() - self.cpu_at_reset, 3)
        return asdict(self.stats)

    def change(self, values: dict[str, Any]) -> None:
        for name in {field.name for field in fields(Settings)} & values.keys():
            setattr(self.settings, name, values[name])

    def words(self) -> list[str]:
        if self.settings.answer:
            return self.settings.answer.split()
        return list(islice(cycle(ANSWER.split()), self.settings.tokens))

    def began(self) -> None:
        self.stats.in_flight += 1
        self.stats.most_in_flight = max(self.stats.most_in_flight, self.stats.in_flight)


class Connection(asyncio.Protocol):
    """One client's connection, which serves one request after the other."""

    transport: asyncio.Transport

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.received = bytearray()
        self.timer: asyncio.TimerHandle | None = None
        self.is_busy = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        if self.timer:
            self.timer.cancel()
        if self.is_busy:
            self.provider.stats.hung_up += 1
            self.provider.stats.in_flight -= 1

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, mark, rest = self.received.partition(b"\r\n\r\n")
        if not mark:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        size = int(headers.get("content-length", 0))
        if len(rest) >= size:
            self.received = rest[size:]
            method, path, _version = lines[0].split(" ", 2)
            self.serve(f"{method} {path.partition('?')[0]}", json.loads(rest[:size] or b"{}"))

    def serve(self, request: str, body: dict[str, Any]) -> None:
        match request:
            case "POST /v1/embeddings":
                self.embed(body)
            case "POST /v1/chat/completions":
                self.chat(body)
            case "GET /v1/models":
                self.send({"object": "list", "data": [{"id": "gpt-4.1-mini", "object": "model"}]})
            case "GET /stats":
                self.send(self.provider.report())
            case "POST /reset":
                self.provider.reset()
                self.send({})
            case "POST /settings":
                self.provider.change(body)
                self.send(asdict(self.provider.settings))
            case _:
                self.send({"error": {"message": "no such page", "code": "not_found"}}, status="404 Not Found")

    def send(self, answer: dict[str, Any], status: str = "200 OK") -> None:
        self.write_whole(json.dumps(answer, separators=(",", ":")).encode(), status)

    def write_whole(self, body: bytes, status: str = "200 OK") -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)

    def later(self, milliseconds: float, call: Any, *values: Any) -> None:
        self.timer = asyncio.get_running_loop().call_later(milliseconds / 1000, call, *values)

    def begin(self) -> None:
        self.is_busy = True
        self.provider.began()

    def end(self) -> None:
        self.is_busy = False
        self.provider.stats.in_flight -= 1

    # --- embeddings

    def embed(self, body: dict[str, Any]) -> None:
        began = time.perf_counter()
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        self.provider.stats.embeddings += 1
        self.provider.stats.inputs += len(texts)
        self.begin()
        answer = embedding_answer(body, texts)
        delay = self.provider.settings.embed_ms + self.provider.settings.input_ms * len(texts)
        self.later(delay - (time.perf_counter() - began) * 1000, self.end_with, answer)

    def end_with(self, answer: bytes) -> None:
        self.end()
        self.write_whole(answer)

    # --- chat

    def chat(self, body: dict[str, Any]) -> None:
        self.provider.stats.chats += 1
        self.begin()
        settings, words = self.provider.settings, self.provider.words()
        if not body.get("stream"):
            self.provider.stats.tokens += len(words)
            answer = json.dumps(whole_answer(body, words)).encode()
            self.later(settings.first_token_ms + settings.token_ms * len(words), self.end_with, answer)
            return
        self.provider.stats.streams += 1
        self.pieces = iter(stream_pieces(body, words))
        self.due = asyncio.get_running_loop().time() + settings.first_token_ms / 1000
        self.timer = asyncio.get_running_loop().call_at(self.due, self.first_piece)

    def first_piece(self) -> None:
        self.provider.stats.first_token_at = time.monotonic()
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        self.next_piece()

    def next_piece(self) -> None:
        piece, is_last = next(self.pieces)
        self.provider.stats.tokens += 1
        if is_last:
            self.end()
        else:
            self.due += self.provider.settings.token_ms / 1000  # a late token does not delay the others
            self.timer = asyncio.get_running_loop().call_at(self.due, self.next_piece)
        self.transport.write(piece)


def stream_pieces(body: dict[str, Any], words: list[str]) -> Iterator[tuple[bytes, bool]]:
    """The answer as chunks of HTTP, and whether each is the last: one for each token; what ends the stream comes with the last."""
    delta = {"index": 0, "delta": {"content": "WORD"}, "finish_reason": None}
    before, after = event(chunk_of(body, [delta])).split(b'"WORD"')
    for place, word in enumerate(words):
        piece = before + json.dumps(word if place == 0 else f" {word}").encode() + after
        if place < len(words) - 1:
            yield http_chunk(piece), False
        else:
            yield http_chunk(piece + ending(body, words)) + b"0\r\n\r\n", True


def ending(body: dict[str, Any], words: list[str]) -> bytes:
    end = event(chunk_of(body, [{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    if (body.get("stream_options") or {}).get("include_usage"):
        end += event({**chunk_of(body, []), "usage": usage(body, words)})
    return end + b"data: [DONE]\n\n"


def chunk_of(body: dict[str, Any], choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": body.get("model"),
        "choices": choices,
    }


def event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def http_chunk(content: bytes) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


def whole_answer(body: dict[str, Any], words: list[str]) -> dict[str, Any]:
    message = {"role": "assistant", "content": " ".join(words)}
    return {
        **chunk_of(body, [{"index": 0, "message": message, "finish_reason": "stop"}]),
        "object": "chat.completion",
        "usage": usage(body, words),
    }


def usage(body: dict[str, Any], words: list[str]) -> dict[str, int]:
    asked = sum(len(str(message.get("content") or "")) for message in body.get("messages", [])) // 4
    return {
        "prompt_tokens": asked,
        "completion_tokens": len(words),
        "total_tokens": asked + len(words),
    }


def embedding_answer(body: dict[str, Any], texts: list[str]) -> bytes:
    """The answer as bytes. Built by hand: json.dumps of 1,536 floats takes longer than all the rest."""
    width = body.get("dimensions") or DIMENSIONS
    vectors = (vector_of(text, width) for text in texts)
    if body.get("encoding_format") == "base64":
        shown: Iterable[str] = (f'"{base64.b64encode(vector.tobytes()).decode()}"' for vector in vectors)
    else:
        shown = map(as_numbers, vectors)
    items = ",".join(
        f'{{"object":"embedding","index":{place},"embedding":{vector}}}' for place, vector in enumerate(shown)
    )
    tokens = sum(map(len, texts)) // 4
    model = json.dumps(body.get("model"))
    return (
        f'{{"object":"list","model":{model},"data":[{items}],'
        f'"usage":{{"prompt_tokens":{tokens},"total_tokens":{tokens}}}}}'
    ).encode()


def as_numbers(vector: np.ndarray) -> str:
    """The vector as JSON. Few of its numbers differ: each is written once, which takes a tenth of the time."""
    values, places = np.unique(vector, return_inverse=True)
    shown = np.array([json.dumps(value) for value in values.tolist()], dtype=object)
    return f"[{','.join(shown[places])}]"


def vector_of(text: str, width: int) -> np.ndarray:
    """A vector of length 1: each word adds to one dimension, so that texts with the same words are similar."""
    numbers = np.fromiter((zlib.crc32(word.encode()) for word in text.lower().split() or [""]), np.uint32)
    signs = np.where(numbers & 0x80000000, 1.0, -1.0)
    vector = np.bincount(numbers % width, weights=signs, minlength=width) + 1e-6
    return (vector / np.linalg.norm(vector)).astype("<f4")


# --- a process of its own


@dataclass
class Running:
    """A provider in a process of its own. `url` is the value for OPENAI_BASE_URL."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def stats(self) -> dict[str, Any]:
        return self._ask("/stats")

    def reset(self) -> None:
        self._ask("/reset", {})

    def change(self, **values: float) -> None:
        self._ask("/settings", values)

    def _ask(self, path: str, values: dict[str, float] | None = None) -> dict[str, Any]:
        body = None if values is None else json.dumps(values).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body)
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 (loopback)
            found: dict[str, Any] = json.load(answer)
            return found


@contextmanager
def running(**settings: float) -> Iterator[Running]:
    """Start a provider on a free port, with `Settings` by name; end it with the block."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    command = [sys.executable, __file__, "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield Running(int(process.stdout.readline().rsplit(":", 1)[1].split("/")[0]), process.pid)
        finally:
            process.terminate()


async def serve(port: int, settings: Settings) -> None:
    provider = Provider(settings)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(provider), "127.0.0.1", port, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--port", type=int, default=9999)
    for field in fields(Settings):
        kind = type(field.default)
        arguments.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default)
    options = vars(arguments.parse_args())
    port = options.pop("port")
    asyncio.run(serve(port, Settings(**options)))


if __name__ == "__main__":
    main()
