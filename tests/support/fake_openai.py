"""A small OpenAI-compatible server on loopback, with faults to order.

In tests it is the fixture `fake_openai`; by hand, and for drills, it is `python -m tests.support.fake_openai --port 9999`.
It answers a prompt of numbered sources with the sentence that shares most words with the question, and embeds
texts so that equal words are near. Faults are set by `server.fault("status", status=500, times=3)` or by
`POST /control {"faults": [{"name": "status", "status": 500, "times": 3}]}`; `GET /control` tells what was asked.

Faults that take the place of an answer; each request consumes one, in the order in which they were set:
    status (status, code, message, retry_after)   quota   bad_key   hang   html   broken_json   empty_object
    drip (seconds between bytes; an answer that never ends)   no_choices   null_content   missing_vector   wrong_dimension   reversed   nan   zero   same_index   text_vector
    body (value, status, headers; any answer)   items (of: a function from the list of embeddings to what is sent instead)
    stall (after)   stall_at_end   reset (after)   no_finish (after)   stream_error (after, code)   broken_stream (after)
    sends (parts: what is sent as the body of the answer, of tests/support/provider_payloads.py; pause; media_type)
    flood (part: what is sent without end, as fast as it is read; status)
    finish (reason, after)   whole (answers a streamed request unstreamed)   no_usage   none (a good answer)
Faults that hold for all requests while they last:
    slow (seconds per token)   late (seconds before the answer)   thinking (text, how: tags, field or open)
    max_texts (most)   max_tokens (most)   refuse (parameter, status, body)   no_system_role (status, body)
    window (most tokens of one text, status, message)   word_pieces (most of one text, as BERT counts them)
Every fault may carry `times` (default 1; 0: always; always is the default for those that hold) and
`on` ("chat" or "embeddings").
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
from urllib.parse import urlsplit

import numpy as np
import pytest

KEY = "sk-test-5f1d0c7a9b3e4d21"  # planted, so that a test can look for it where it must not be
DIMENSIONS = 1536
HOLDING = {
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
class Asked:
    """One request as it came, and when the other side hung up on it, if it did."""

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


class FakeOpenAI:
    """The server and its memory. `url` is what OPENAI_BASE_URL is set to."""

    def __init__(self, port=0):
        self.requests: list[Asked] = []
        self.faults: list[dict] = []
        self.answer = None  # a text to answer every question with
        self.refusals = 0  # of texts that were too long
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
        return [asked for asked in self.requests if asked.path == "chat"]

    @property
    def embeddings(self):
        return [asked for asked in self.requests if asked.path == "embeddings"]

    @property
    def embedded_texts(self):
        return [text for asked in self.embeddings for text in asked.texts]

    def start(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()

    def take_faults(self, path):
        """(the fault that takes the place of the answer or {}, those that hold by name)."""
        with self.lock:
            here = [fault for fault in self.faults if fault.get("on", path) == path]
            holding = [fault for fault in here if fault["name"] in HOLDING]
            instead = next((fault for fault in here if fault["name"] not in HOLDING), {})
            for fault in [*holding, *([instead] if instead else [])]:
                self._use_up(fault)
        return instead, holding

    def _use_up(self, fault):
        times = fault.get("times", 0 if fault["name"] in HOLDING else 1)
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
            "hung_up": sum(asked.hung_up_at is not None for asked in self.requests),
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
    """The server, with the site's settings pointing at it and nothing remembered from before."""
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


# --- what a model would do


def vector_of(text, dimensions=DIMENSIONS):
    """Every word stands for a direction of its own: texts with equal words are near."""
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
    """The sentence of the numbered sources that shares most words with the question, and the source's number."""
    prompt = "\n".join(str(m.get("content") or "") for m in messages if m.get("role") != "system")
    whole = "\n".join(str(m.get("content") or "") for m in messages)
    sources = _sources_in(prompt) or _sources_in(whole)
    if not sources:
        return " ".join(_sentences_in(prompt)[:2]) or "ready"
    asked = re.findall(r"^\s*(?:question|q)\s*:\s*(.+)", prompt, re.IGNORECASE | re.MULTILINE)
    wanted = set(words_of(asked[-1] if asked else str(messages[-1].get("content", "")).splitlines()[-1]))
    rated = [(len(wanted & set(words_of(s))), -n, s) for n, text in sources for s in _sentences_in(text)]
    shared, number, sentence = max(rated, default=(0, 0, ""))
    return f"{sentence} [{-number}]" if shared else NOT_FOUND


def _sources_in(prompt):
    """[(number, text)] of the blocks that begin with a line such as `[1] Title, page 3`."""
    before_question = re.split(r"^\s*question\s*:", prompt, flags=re.IGNORECASE | re.MULTILINE)[0]
    parts = re.split(r"^[ \t]*\[(\d+)\][^\n]*\n", before_question, flags=re.MULTILINE)
    return [(int(number), text) for number, text in zip(parts[1::2], parts[2::2], strict=True)]


def _sentences_in(text):
    text = re.sub(r"</?\w+[^>]*>", " ", text)  # fences around a source
    return [s for s in re.split(r"(?<=[.!?])\s+", " ".join(text.split())) if s]


def tokens_of(text):
    """Pieces such as a model streams: a word with the space before it."""
    return re.findall(r"\s*\S+|\s+$", text)


def count_tokens(text):
    return max(1, len(text) // 4)


def count_word_pieces(text):
    """As models with BERT's English vocabulary do, with the two pieces that they add."""
    from ragsite.llm.backends import local

    return local.tokenizer.count(text) + 2


# --- HTTP


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass  # a client that hangs up is what many tests are about


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
            return self._json({"object": "list", "data": [{"id": "gpt-4.1-mini", "object": "model"}]})
        return self._error(404, "not_found", "No such page.")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if self.path == "/control":
            self.fake.control(body)
            return self._json({"ok": True})
        path = self._called(urlsplit(self.path).path)
        if path is None:
            return self._error(404, "not_found", "No such page.")
        self.asked = Asked(path, body, dict(self.headers), self.path)
        with self.fake.lock:
            self.fake.requests.append(self.asked)
        self.instead, self.holding = self.fake.take_faults(path)
        if self._is_refused() or self._is_away():
            return None
        return self._chat() if path == "chat" else self._embed()

    def _called(self, path):
        """What is asked for, also by Azure's classic address: /openai/deployments/NAME/chat/completions."""
        ways = {"chat/completions": "chat", "embeddings": "embeddings"}
        return ways.get(re.sub(r"^/(v1|openai/v1|openai/deployments/[^/]+)/", "", path))

    # faults that both kinds of request share

    def _held(self, name):
        return next((fault for fault in self.holding if fault["name"] == name), None)

    def _is_refused(self):
        """Answers requests that break a limit."""
        for fault in self.holding:
            parameter = fault.get("parameter")
            roles = [message.get("role") for message in self.asked.body.get("messages", [])]
            refuses = fault["name"] == "no_system_role" and "system" in roles
            if (refuses or (fault["name"] == "refuse" and parameter in self.asked.body)) and "body" in fault:
                self._json(fault["body"], fault["status"])
                return True
            if fault["name"] == "refuse" and parameter in self.asked.body:
                message = fault.get(
                    "message", f"Unsupported parameter: '{parameter}' is not supported with this model."
                )
                self._error(fault.get("status", 400), "unsupported_parameter", message, param=parameter)
                return True
            if fault["name"] == "max_texts" and len(self.asked.texts) > fault["most"]:
                message = fault.get(
                    "message", f"batch size {len(self.asked.texts)} > maximum allowed {fault['most']}"
                )
                self._error(fault.get("status", 413), "invalid_request_error", message)
                return True
            count = count_word_pieces if fault["name"] == "word_pieces" else count_tokens
            longest = max(map(count, self.asked.texts), default=0)
            if fault["name"] in ("window", "word_pieces") and longest > fault["most"]:
                self.fake.refusals += 1
                message = fault.get(
                    "message", f"This model's maximum context length is {fault['most']} tokens."
                )
                self._error(fault.get("status", 400), "invalid_request_error", message)
                return True
            if fault["name"] == "wants_input_type" and "input_type" not in self.asked.body:
                self._error(400, "invalid_request_error", fault["message"])
                return True
            if fault["name"] == "no_list" and isinstance(self.asked.body.get("input"), list):
                self._error(400, "invalid_request_error", fault["message"])
                return True
            total = sum(map(count_tokens, self.asked.texts))
            if fault["name"] == "max_tokens" and total > fault["most"]:
                message = f"Requested {total} tokens, max {fault['most']} tokens per request"
                self._error(400, "max_tokens_per_request", message)
                return True
        return False

    def _is_away(self):  # noqa: C901 (a list of what can be ordered)
        """Acts out what takes the place of any answer."""
        if late := self._held("late"):
            self._wait(late["seconds"])
        fault, name = self.instead, self.instead.get("name")
        if name == "status":
            extra = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
            if fault.get("html"):
                self._send(b"<html><h1>Bad gateway</h1></html>", "text/html", fault["status"], extra)
            else:
                code = fault.get("code", "rate_limit_exceeded" if fault["status"] == 429 else "server_error")
                self._error(fault["status"], code, fault.get("message", "As ordered."), extra=extra)
        elif name == "body":
            self._json(fault["value"], fault.get("status", 200), fault.get("headers"))
        elif name == "quota":
            self._error(429, "insufficient_quota", "You exceeded your current quota, please check your plan.")
        elif name == "bad_key":
            key = self.headers.get("Authorization", "")[7:]
            self._error(401, "invalid_api_key", f"Incorrect API key provided: {key}.")
        elif name in ("hang", "drip"):
            self._never_end(name, fault)
        elif name == "html":
            self._send(b"<html><body>Welcome to the proxy</body></html>", "text/html")
        elif name == "broken_json":
            self._send(b'{"id": "x", "choices": [{"mess', "application/json")
        elif name == "empty_object":
            self._json({})
        else:
            return False
        return True

    def _never_end(self, name, fault):
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
        body, name = self.asked.body, self.instead.get("name")
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
        self.send_response(self.instead.get("status", 200))
        self.send_header("Content-Type", self.instead.get("media_type", "text/event-stream"))
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while name == "flood":
            self._write_chunk(self.instead["part"])
        for part in self.instead["parts"]:
            self._wait(self.instead.get("pause", 0))
            self._write_chunk(part)
        self._end(None)

    def _stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        name, after = self.instead.get("name"), self.instead.get("after", 3)
        self._event(self._delta(role="assistant", content=""))
        for number, delta in enumerate(self._deltas()):
            if number == after and self._breaks_off(name):
                return
            if name == "finish" and number >= self.instead.get("after", 10**9):
                break
            if slow := self._held("slow"):
                self._wait(slow["seconds"])
            self._event(self._delta(**delta))
        if self._breaks_off(name):
            return
        self._event(self._delta(reason=self.instead.get("reason", "length") if name == "finish" else "stop"))
        if name == "stall_at_end":
            self._wait(3600)
        if self.asked.body.get("stream_options", {}).get("include_usage") and name != "no_usage":
            self._event({"id": "x", "model": self._model(), "choices": [], "usage": self._usage()})
        self._end("[DONE]")

    def _deltas(self):
        thinking = self._held("thinking")
        if thinking:
            thought, how = thinking.get("text", "Let me think about it."), thinking.get("how", "tags")
            if how == "tags":  # in pieces of three characters, so that the tags are split
                text = f"<think>{thought}</think>\n\n"
                yield from ({"content": text[at : at + 3]} for at in range(0, len(text), 3))
            elif how == "open":  # the opening tag stood in the prompt
                yield from ({"content": token} for token in [*tokens_of(thought), "</think>"])
            else:
                yield from ({how: token} for token in tokens_of(thought))
        yield from ({"content": token} for token in tokens_of(self.text))

    def _breaks_off(self, name):
        """Ends the stream in the way that was ordered; False if none was."""
        if name == "stall":
            self._wait(self.instead.get("seconds", 3600))
            self.close_connection = True
        elif name == "reset":
            time.sleep(0.05)  # a reset throws away what the client has not read yet
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
            self.close_connection = True
        elif name == "no_finish":
            self._end(None)
        elif name == "stream_error":
            code = self.instead.get("code", "server_error")
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
        given = count_tokens(json.dumps(self.asked.body.get("messages", [])))
        said = count_tokens(self.text)
        return {"prompt_tokens": given, "completion_tokens": said, "total_tokens": given + said}

    def _model(self):
        return self.asked.body.get("model", "gpt-4.1-mini")

    # embeddings

    def _embed(self):
        body, name = self.asked.body, self.instead.get("name")
        width = body.get("dimensions", DIMENSIONS)
        texts = self.asked.texts
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
                "embedding": self._written(vector),
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
            items = self.instead["of"](items)
        tokens = sum(map(count_tokens, texts))
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return self._json({"object": "list", "model": self._model(), "data": items, "usage": usage})

    def _written(self, vector):
        if self.asked.body.get("encoding_format") == "base64":
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
            self.asked.hung_up_at = time.monotonic()
            raise

    def _end(self, last):
        if last:
            self._write_chunk(f"data: {last}\n\n".encode())
        self.wfile.write(b"0\r\n\r\n")

    def _wait(self, seconds):
        """Sleeps, but notices the client hanging up and the server being stopped."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.fake.stopping.wait(min(0.02, max(until - time.monotonic(), 0))) or self._has_hung_up():
                raise ConnectionResetError

    def _has_hung_up(self):
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            gone = bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            gone = True
        if gone:
            self.asked.hung_up_at = time.monotonic()
        return gone


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
