"""The nursery: a small process that holds only what reads files and forks one limited child per document.

Run as `python -m documents.extraction.sandbox.server CONTROL LIFELINE` by `child.py`. Each datagram on the control
socket asks for one document and carries the socket to answer on. The nursery ends when its lifeline does.
"""

import array
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from documents.extraction.limits import CPU_SECONDS, MEMORY
from documents.extraction.pdf import reader
from documents.extraction.render import child
from documents.extraction.sandbox import run_loader, unpack
from documents.extraction.sandbox.aside import die_with_parent
from documents.extraction.sandbox.protocol import encode

WORK: dict[str, Callable[..., Iterator[dict[str, Any]]]] = {
    "read": reader.read,
    "paint": child.paint,
    "locate": child.locate,
    "unpack": unpack.unpack,
}


class Nursery:
    """Answers requests until the lifeline closes; no request can harm it, only the child that reads it."""

    def __init__(self, control: socket.socket, lifeline: int) -> None:
        self.control = control
        self.lifeline = lifeline
        self.children: dict[int, socket.socket] = {}
        self.condemned: set[int] = set()

    def serve(self) -> None:
        wakeup_reader, wakeup_writer = os.pipe()
        for end in (wakeup_reader, wakeup_writer):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup_writer, warn_on_full_buffer=False)
        while True:
            answers = [answer for pid, answer in self.children.items() if pid not in self.condemned]
            waiting: list[Any] = [self.lifeline, wakeup_reader, self.control, *answers]
            readable = select.select(waiting, [], [])[0]
            if self.lifeline in readable:
                return self.end()
            if wakeup_reader in readable:
                os.read(wakeup_reader, 4096)
                self.report_ended_children()
            if self.control in readable:
                self.start_child()
            self.end_abandoned_children(readable)

    def start_child(self) -> None:
        request, ancillary, _flags, _address = self.control.recvmsg(65536, socket.CMSG_SPACE(4))
        descriptors = array.array("i")
        for _level, _kind, content in ancillary:
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
        if not descriptors:
            return
        answer = socket.socket(fileno=descriptors[0])
        pid = os.fork()
        if pid == 0:
            self.become_child(json.loads(request), answer)
        self.children[pid] = answer

    def become_child(self, request: dict[str, Any], answer: socket.socket) -> None:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in (self.control, *self.children.values()):
                other.close()
            os.close(self.lifeline)
            limit_this_process()
            if "loader" in request:
                reader.limit_cpu(CPU_SECONDS)
                work = run_loader.read
            else:
                work = WORK[request.pop("work", "read")]
            for message in work(**request):
                answer.sendall(encode(message))
            code = 0
        except MemoryError:
            code = 3
        finally:
            os._exit(code)

    def report_ended_children(self) -> None:
        while self.children:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.condemned.discard(pid)
            answer = self.children.pop(pid, None)
            if answer is None:
                continue
            message = {
                "kind": "exit",
                "code": os.waitstatus_to_exitcode(status),
                "cpu": usage.ru_utime + usage.ru_stime,
                "memory": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            }
            try:
                # The reader may be slow or gone; the nursery waits for nobody.
                answer.settimeout(5)
                answer.sendall(encode(message))
            except OSError:
                pass
            answer.close()

    def end_abandoned_children(self, readable: list[Any]) -> None:
        """Nobody writes on an answer's socket: that it can be read means the asker has hung up."""
        for pid, answer in self.children.items():
            if answer in readable:
                os.kill(pid, signal.SIGKILL)
                self.condemned.add(pid)

    def end(self) -> None:
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)


def limit_this_process() -> None:
    """Memory, core files, files written: after this a hostile document can only end its own process."""
    if sys.platform == "linux":
        die_with_parent()
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        try:
            resource.setrlimit(kind, (limit, limit))
        except (ValueError, OSError):
            pass  # macOS refuses some; the watch below stands in for memory
    if sys.platform != "linux":
        threading.Thread(target=watch_memory, daemon=True).start()
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    gc.freeze()


def watch_memory() -> None:
    while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < MEMORY:
        time.sleep(0.05)
    os._exit(3)


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    # Signals for the worker's whole process group (Ctrl-C) are the worker's to act upon.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    Nursery(control, int(sys.argv[2])).serve()


if __name__ == "__main__":
    main()
