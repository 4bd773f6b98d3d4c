"""A small OpenAI-compatible server on loopback with fault injection.

Tests use the fixture `fake_openai`; to run it by hand: `python -m tests.support.fake_openai --port 9999`.
It answers a prompt of numbered sources with the sentence that shares most words with the question, and returns similar
embeddings for texts with the same words. Faults are set by `server.fault("status", status=500, times=3)` or by
`POST /control {"faults": [{"name": "status", "status": 500, "times": 3}]}`; `GET /control` reports the requests.

Faults that replace an answer; each request consumes one, in the order in which they were set:
    status (status, code, message, retry_after)   quota   bad_key   hang   html   broken_json   empty_object
    drip (seconds between bytes; an answer that never ends)   no_choices   null_content   missing_vector   wrong_dimension   reversed   nan   zero   same_index   text_vector
    body (value, status, headers; any answer)   items (of: a function that maps the list of embeddings to its replacement)
    stall (after)   stall_at_end   reset (after)   no_finish (after)   stream_error (after, code)   broken_stream (after)
    sends (parts: the raw body of the answer, see tests/support/provider_payloads.py; pause; media_type)
    flood (part: sent endlessly, as fast as the client reads; status)
    finish (reason, after)   whole (answers a streamed request unstreamed)   no_usage   none (a good answer)
Persistent faults, which apply to all requests:
    slow (seconds per token)   late (seconds before the answer)   thinking (text, how: tags, field or open)
    max_texts (most)   max_tokens (most)   refuse (parameter, status, body)   no_system_role (status, body)
    window (most tokens of one text, status, message)   word_pieces (most of one text, as BERT counts them)
Every fault may have `times` (0: always; the default is 1, and 0 for persistent faults) and `on` ("chat" or "embeddings").
"""

import argparse
import base64
import json
import os
import re
import select
import socket
import struct
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import pytest

KEY = "sk-test-5f1d0c7a9b3e4d21"  # tests search logs and pages for it
DIMENSIONS = 1536
PERSISTENT = {
    "slow",
    "late",
    "thinking",
    "max_texts",
    "max_tokens",
    "refuse",
    "window",
    "word_pieces",
    "no_system_role",
    "no_list",
    "wants_input_type",
}
NOT_FOUND = "I cannot find that in the documents."
COMMON_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by can did do does for from had has have how i in is it its many much of on or that "
        "the there they this to was were what when where which who whom whose why will with would you your",
    )
)


@dataclass
class RecordedRequest:
    """A received request, and the time at which its client disconnected early, if it did."""

    path: str
    body: dict
    headers: dict
    address: str = ""
    at: float = field(default_factory=time.monotonic)
    hung_up_at: float | None = None

    @property
    def texts(self):
        given = self.body.get("input", [])
        return [given] if isinstance(given, str) else given


class Refusal(NamedTuple):
    status: int
    code: str
    message: str = ""
    parameter: str | None = None


def refusal_of(fault, request):
    """The error of a persistent fault that limits requests, if this one exceeds the limit."""
    check = {
        "no_system_role": refuses_system_role,
        "refuse": refuses_parameter,
        "max_texts": exceeds_texts,
        "max_tokens": exceeds_tokens,
        "window": exceeds_window,
        "word_pieces": exceeds_window,
        "wants_input_type": misses_input_type,
        "no_list": is_list,
    }.get(fault["name"])
    return check and check(fault, request)


def refuses_system_role(fault, request):
    roles = [message.get("role") for message in request.body.get("messages", [])]
    return Refusal(400, "invalid_request_error") if "system" in roles and "body" in fault else None


def refuses_parameter(fault, request):
    if (parameter := fault["parameter"]) not in request.body:
        return None
    message = f"Unsupported parameter: '{parameter}' is not supported with this model."
    return Refusal(400, "unsupported_parameter", message, parameter)


def exceeds_texts(fault, request):
    count = len(request.texts)
    message = f"batch size {count} > maximum allowed {fault['most']}"
    return Refusal(413, "invalid_request_error", message) if count > fault["most"] else None


def exceeds_tokens(fault, request):
    total = sum(map(count_tokens, request.texts))
    message = f"Requested {total} tokens, max {fault['most']} tokens per request"
    return Refusal(400, "max_tokens_per_request", message) if total > fault["most"] else None


def exceeds_window(fault, request):
    count = count_word_pieces if fault["name"] == "word_pieces" else count_tokens
    message = f"This model's maximum context length is {fault['most']} tokens."
    longest = max(map(count, request.texts), default=0)
    return Refusal(400, "invalid_request_error", message) if longest > fault["most"] else None


def misses_input_type(fault, request):
    return Refusal(400, "invalid_request_error") if "input_type" not in request.body else None


def is_list(fault, request):
    return Refusal(400, "invalid_request_error") if isinstance(request.body.get("input"), list) else None


class FakeOpenAI:
    """The server, its faults and the requests it received. `url` is the value for OPENAI_BASE_URL."""

    def __init__(self, port=0):
        self.requests: list[RecordedRequest] = []
        self.faults: list[dict] = []
        self.answer = None  # a fixed answer to every question
        self.models = ["gpt-4.1-mini", "text-embedding-3-small"]
        self.refusals = 0  # number of rejected texts that were too long
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        handler = type("Handler", (_Handler,), {"fake": self})
        self.server = _Server(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def fault(self, name, **values):
        with self.lock:
            self.faults.append({"name": name, **values})

    def heal(self):
        with self.lock:
            self.faults.clear()

    @property
    def chats(self):
        return [request for request in self.requests if request.path == "chat"]

    @property
    def embeddings(self):
        return [request for request in self.requests if request.path == "embeddings"]

    @property
    def embedded_texts(self):
        return [text for request in self.embeddings for text in request.texts]

    def start(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()

    def consume_faults(self, path):
        """Return the fault that replaces the answer (or {}) and the persistent ones, and count their use."""
        with self.lock:
            matching = [fault for fault in self.faults if fault.get("on", path) == path]
            persistent = [fault for fault in matching if fault["name"] in PERSISTENT]
            replacement = next((fault for fault in matching if fault["name"] not in PERSISTENT), {})
            for fault in [*persistent, *([replacement] if replacement else [])]:
                self._count_use(fault)
        return replacement, persistent

    def _count_use(self, fault):
        times = fault.get("times", 0 if fault["name"] in PERSISTENT else 1)
        if times == 1:
            self.faults.remove(fault)
        elif times > 1:
            fault["times"] = times - 1

    def control(self, order):
        with self.lock:
            if order.get("reset"):
                self.requests.clear()
                self.faults.clear()
                self.answer = None
            if "faults" in order:
                self.faults[:] = order["faults"]
            self.answer = order.get("answer", self.answer)

    def report(self):
        return {
            "chats": len(self.chats),
            "embeddings": len(self.embeddings),
            "texts": len(self.embedded_texts),
            "distinct_texts": len(set(self.embedded_texts)),
            "hung_up": sum(request.hung_up_at is not None for request in self.requests),
            "faults": self.faults,
            "requests": [
                {"path": a.path, "at": a.at, "hung_up_at": a.hung_up_at, "texts": len(a.texts)}
                for a in self.requests
            ],
        }


@contextmanager
def running_fake_openai(port=0):
    fake = FakeOpenAI(port)
    fake.start()
    try:
        yield fake
    finally:
        fake.stop()


@pytest.fixture
def fake_openai(settings):
    """A running server that the site's settings point to, with empty caches."""
    from django.core.cache import cache

    from ragsite.llm import cache as llm_cache

    cache.clear()
    llm_cache.forget_everything_here()
    with running_fake_openai() as fake:
        settings.OPENAI_API_KEY = KEY
        settings.OPENAI_BASE_URL = fake.url
        settings.CHAT_MODEL = "gpt-4.1-mini"
        settings.EMBEDDING_MODEL = "text-embedding-3-small"
        yield fake


# --- answers and embeddings


def vector_of(text, dimensions=DIMENSIONS):
    """Return the normalized sum of one pseudo-random vector per word, so that texts with the same words are similar."""
    vector = np.zeros(dimensions, np.float32)
    for word in words_of(text) or ["nothing"]:
        numbers = np.frombuffer(blake2b(word.encode(), digest_size=32).digest(), "<u4")
        vector[numbers % dimensions] += np.where(numbers & 0x80000000, 1.0, -1.0)
    length = float(np.linalg.norm(vector))
    return vector / length if length else np.full(dimensions, dimensions**-0.5, np.float32)


def words_of(text):
    words = re.findall(r"\w+", text.lower())
    return [re.sub(r"(?<=\w{3})(ies|es|s)$", "", word) for word in words if word not in COMMON_WORDS]


def answer_to(messages):
    """Return the sentence of the sources that shares most words with the question, and its source's number."""
    prompt = "\n".join(str(m.get("content") or "") for m in messages if m.get("role") != "system")
    whole = "\n".join(str(m.get("content") or "") for m in messages)
    sources = _sources_in(prompt) or _sources_in(whole)
    if not sources:
        return " ".join(_sentences_in(prompt)[:2]) or "ready"
    questions = re.findall(r"^\s*(?:question|q)\s*:\s*(.+)", prompt, re.IGNORECASE | re.MULTILINE)
    question = questions[-1] if questions else str(messages[-1].get("content", "")).splitlines()[-1]
    wanted = set(words_of(question))
    rated = [(len(wanted & set(words_of(s))), -n, s) for n, text in sources for s in _sentences_in(text)]
    shared, number, sentence = max(rated, default=(0, 0, ""))
    return f"{sentence} [{-number}]" if shared else NOT_FOUND


def _sources_in(prompt):
    """Return (number, text) of the blocks that start with a line such as `[1] Title, page 3`."""
    before_question = re.split(r"^\s*question\s*:", prompt, flags=re.IGNORECASE | re.MULTILINE)[0]
    parts = re.split(r"^[ \t]*\[(\d+)\][^\n]*\n", before_question, flags=re.MULTILINE)
    return [(int(number), text) for number, text in zip(parts[1::2], parts[2::2], strict=True)]


def _sentences_in(text):
    text = re.sub(r"</?\w+[^>]*>", " ", text)  # fences around a source
    return [s for s in re.split(r"(?<=[.!?])\s+", " ".join(text.split())) if s]


def tokens_of(text):
    """Split a text into words with the space before them, as a model streams it."""
    return re.findall(r"\s*\S+|\s+$", text)


def count_tokens(text):
    return max(1, len(text) // 4)


def count_word_pieces(text):
    """Count as models with BERT's English vocabulary do, including the two special pieces."""
    from ragsite.llm.backends import local

    return local.tokenizer.count(text) + 2


# --- HTTP


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass  # many tests disconnect on purpose


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    fake: FakeOpenAI

    def log_message(self, *args):
        pass

    def do_GET(self):
        if self.path == "/control":
            return self._json(self.fake.report())
        if self.path.endswith("/models"):
            return self._list_models()
        return self._error(404, "not_found", "No such page.")

    def _list_models(self):
        self.recorded = RecordedRequest("models", {}, dict(self.headers), self.path)
        with self.fake.lock:
            self.fake.requests.append(self.recorded)
        self.replacement, self.persistent = self.fake.consume_faults("models")
        if self._rejects() or self._replaces_answer():
            return None
        return self._json(
            {"object": "list", "data": [{"id": name, "object": "model"} for name in self.fake.models]}
        )

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if self.path == "/control":
            self.fake.control(body)
            return self._json({"ok": True})
        path = self._endpoint(urlsplit(self.path).path)
        if path is None:
            return self._error(404, "not_found", "No such page.")
        self.recorded = RecordedRequest(path, body, dict(self.headers), self.path)
        with self.fake.lock:
            self.fake.requests.append(self.recorded)
        self.replacement, self.persistent = self.fake.consume_faults(path)
        if self._rejects() or self._replaces_answer():
            return None
        return self._chat() if path == "chat" else self._embed()

    def _endpoint(self, path):
        """Return "chat", "embeddings" or None. Azure's /openai/deployments/NAME/chat/completions is supported too."""
        endpoints = {"chat/completions": "chat", "embeddings": "embeddings"}
        return endpoints.get(re.sub(r"^/(v1|openai/v1|openai/deployments/[^/]+)/", "", path))

    # faults that both kinds of request share

    def _persistent_fault(self, name):
        return next((fault for fault in self.persistent if fault["name"] == name), None)

    def _rejects(self):
        """Send the error of the first persistent fault that the request runs into; return whether there was one."""
        for fault in self.persistent:
            if refusal := refusal_of(fault, self.recorded):
                self.fake.refusals += fault["name"] in ("window", "word_pieces")
                if "body" in fault:
                    self._json(fault["body"], fault["status"])
                else:
                    message = fault.get("message", refusal.message)
                    self._error(
                        fault.get("status", refusal.status), refusal.code, message, param=refusal.parameter
                    )
                return True
        return False

    def _replaces_answer(self):  # noqa: C901 (one branch per fault)
        """Send the fault that replaces the answer; return False if there is none."""
        if late := self._persistent_fault("late"):
            self._wait(late["seconds"])
        fault, name = self.replacement, self.replacement.get("name")
        if name == "status":
            extra = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
            if fault.get("html"):
                self._send(b"<html><h1>Bad gateway</h1></html>", "text/html", fault["status"], extra)
            else:
                code = fault.get("code", "rate_limit_exceeded" if fault["status"] == 429 else "server_error")
                self._error(fault["status"], code, fault.get("message", "Injected fault."), extra=extra)
        elif name == "body":
            self._json(fault["value"], fault.get("status", 200), fault.get("headers"))
        elif name == "quota":
            self._error(429, "insufficient_quota", "You exceeded your current quota, please check your plan.")
        elif name == "bad_key":
            key = self.headers.get("Authorization", "")[7:]
            self._error(401, "invalid_api_key", f"Incorrect API key provided: {key}.")
        elif name in ("hang", "drip"):
            self._send_endlessly(name, fault)
        elif name == "html":
            self._send(b"<html><body>Welcome to the proxy</body></html>", "text/html")
        elif name == "broken_json":
            self._send(b'{"id": "x", "choices": [{"mess', "application/json")
        elif name == "empty_object":
            self._json({})
        else:
            return False
        return True

    def _send_endlessly(self, name, fault):
        self.close_connection = True
        if name == "hang":
            return self._wait(fault.get("seconds", 3600))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "100000")
        self.end_headers()
        while True:
            self.wfile.write(b" ")
            self._wait(fault.get("seconds", 0.1))

    # chat

    def _chat(self):
        body, name = self.recorded.body, self.replacement.get("name")
        self.text = self.fake.answer or answer_to(body.get("messages", []))
        if name == "no_choices":
            return self._json({"id": "x", "choices": []})
        if name == "null_content":
            return self._json(self._whole(None))
        if name in ("sends", "flood"):
            return self._send_parts(name)
        if not body.get("stream") or name == "whole":
            return self._json(self._whole(self.text))
        return self._stream()

    def _whole(self, text):
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {
            "id": "x",
            "object": "chat.completion",
            "model": self._model(),
            "choices": [choice],
            "usage": self._usage(),
        }

    def _send_parts(self, name):
        self.send_response(self.replacement.get("status", 200))
        self.send_header("Content-Type", self.replacement.get("media_type", "text/event-stream"))
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while name == "flood":
            self._write_chunk(self.replacement["part"])
        for part in self.replacement["parts"]:
            self._wait(self.replacement.get("pause", 0))
            self._write_chunk(part)
        self._end(None)

    def _stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        name, after = self.replacement.get("name"), self.replacement.get("after", 3)
        self._event(self._delta(role="assistant", content=""))
        for number, delta in enumerate(self._deltas()):
            if number == after and self._interrupts(name):
                return
            if name == "finish" and number >= self.replacement.get("after", 10**9):
                break
            if slow := self._persistent_fault("slow"):
                self._wait(slow["seconds"])
            self._event(self._delta(**delta))
        if self._interrupts(name):
            return
        self._event(
            self._delta(reason=self.replacement.get("reason", "length") if name == "finish" else "stop")
        )
        if name == "stall_at_end":
            self._wait(3600)
        if self.recorded.body.get("stream_options", {}).get("include_usage") and name != "no_usage":
            self._event({"id": "x", "model": self._model(), "choices": [], "usage": self._usage()})
        self._end("[DONE]")

    def _deltas(self):
        thinking = self._persistent_fault("thinking")
        if thinking:
            thought, how = thinking.get("text", "Let me think about it."), thinking.get("how", "tags")
            if how == "tags":  # three characters at a time, so that the tags are split
                text = f"<think>{thought}</think>\n\n"
                yield from ({"content": text[at : at + 3]} for at in range(0, len(text), 3))
            elif how == "open":  # the opening tag is part of the prompt
                yield from ({"content": token} for token in [*tokens_of(thought), "</think>"])
            else:
                yield from ({how: token} for token in tokens_of(thought))
        yield from ({"content": token} for token in tokens_of(self.text))

    def _interrupts(self, name):
        """End the stream as the fault requires; return False if there is none."""
        if name == "stall":
            self._wait(self.replacement.get("seconds", 3600))
            self.close_connection = True
        elif name == "reset":
            time.sleep(0.05)  # a reset discards data that the client has not read yet
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
            self.close_connection = True
        elif name == "no_finish":
            self._end(None)
        elif name == "stream_error":
            code = self.replacement.get("code", "server_error")
            self._event({"error": {"message": "Something went wrong.", "type": code, "code": code}})
            self._end("[DONE]")
        elif name == "broken_stream":
            self._write_chunk(b'data: {"id": "x", "choices": [{"del\n\n')
            self._end("[DONE]")
        else:
            return False
        return True

    def _delta(self, reason=None, **delta):
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {"id": "x", "object": "chat.completion.chunk", "model": self._model(), "choices": [choice]}

    def _usage(self):
        prompt = count_tokens(json.dumps(self.recorded.body.get("messages", [])))
        completion = count_tokens(self.text)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }

    def _model(self):
        return self.recorded.body.get("model", "gpt-4.1-mini")

    # embeddings

    def _embed(self):
        body, name = self.recorded.body, self.replacement.get("name")
        width = body.get("dimensions", DIMENSIONS)
        texts = self.recorded.texts
        if not texts or not all(isinstance(text, str) and text for text in texts):
            return self._error(400, "invalid_request_error", "'$.input' is invalid.")
        vectors = [vector_of(text, 8 if name == "wrong_dimension" else width) for text in texts]
        if name == "nan":
            vectors[-1][0] = np.nan
        if name == "zero":
            vectors[-1][:] = 0
        items = [
            {
                "object": "embedding",
                "index": 0 if name == "same_index" else number,
                "embedding": self._encoded(vector),
            }
            for number, vector in enumerate(vectors)
        ]
        if name == "missing_vector":
            items.pop()
        if name == "reversed":
            items.reverse()
        if name == "text_vector":
            items[0]["embedding"] = ["a", "b"]
        if name == "items":
            items = self.replacement["of"](items)
        tokens = sum(map(count_tokens, texts))
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return self._json({"object": "list", "model": self._model(), "data": items, "usage": usage})

    def _encoded(self, vector):
        if self.recorded.body.get("encoding_format") == "base64":
            return base64.b64encode(vector.astype("<f4").tobytes()).decode()
        return [float(number) for number in vector]

    # writing, waiting

    def _json(self, value, status=200, extra=None):
        self._send(json.dumps(value).encode(), "application/json", status, extra)

    def _error(self, status, code, message, param=None, extra=None):
        error = {"message": message, "type": code, "code": code, "param": param}
        self._json({"error": error}, status, extra)

    def _send(self, content, media_type, status=200, extra=None):
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _event(self, value):
        self._write_chunk(f"data: {json.dumps(value)}\n\n".encode())

    def _write_chunk(self, content):
        if self._has_hung_up():
            raise ConnectionResetError
        try:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
        except OSError:
            self.recorded.hung_up_at = time.monotonic()
            raise

    def _end(self, last):
        if last:
            self._write_chunk(f"data: {last}\n\n".encode())
        self.wfile.write(b"0\r\n\r\n")

    def _wait(self, seconds):
        """Sleep, but raise ConnectionResetError when the client disconnects or the server stops."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.fake.stopping.wait(min(0.02, max(until - time.monotonic(), 0))) or self._has_hung_up():
                raise ConnectionResetError

    def _has_hung_up(self):
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            is_closed = bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            is_closed = True
        if is_closed:
            self.recorded.hung_up_at = time.monotonic()
        return is_closed


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=9999)
    fake = FakeOpenAI(parser.parse_args().port)
    print(f"OPENAI_BASE_URL={fake.url}", flush=True)
    try:
        fake.server.serve_forever()
    except KeyboardInterrupt:
        fake.stopping.set()


if __name__ == "__main__":
    main()
