"""Fork server: preload the readers, then fork one sandboxed process per request.

`client.py` runs it as `python -m documents.extraction.sandbox.server CONTROL LIFELINE`. Each datagram on the control
socket is one request and carries the socket for its messages. The server exits when its lifeline is closed.
"""

import array
import gc
import json
import os
import pkgutil
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
from documents.extraction.sandbox import run_loader
from documents.extraction.sandbox.forked import die_with_parent
from documents.extraction.sandbox.protocol import encode

Work = Callable[..., Iterator[dict[str, Any]]]
WORK: dict[str, Work] = {
    "read": reader.read,
    "render": child.render,
    "locate": child.locate,
}
# Imported by the process that needs it: held here, its modules would add to the memory of every process.
RARE_WORK = {"unpack": "documents.extraction.sandbox.unpack.unpack"}


class ForkServer:
    """Serve requests until the lifeline closes. A hostile file can crash only the process forked for it."""

    def __init__(self, control: socket.socket, lifeline: int) -> None:
        self.control = control
        self.lifeline = lifeline
        self.processes: dict[int, socket.socket] = {}
        self.killed: set[int] = set()

    def serve(self) -> None:
        wakeup_reader, wakeup_writer = os.pipe()
        for end in (wakeup_reader, wakeup_writer):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup_writer, warn_on_full_buffer=False)
        while True:
            answers = [answer for pid, answer in self.processes.items() if pid not in self.killed]
            watched: list[Any] = [self.lifeline, wakeup_reader, self.control, *answers]
            readable = select.select(watched, [], [])[0]
            if self.lifeline in readable:
                return self.kill_all()
            if wakeup_reader in readable:
                os.read(wakeup_reader, 4096)
                self.report_exits()
            if self.control in readable:
                self.fork_process()
            self.kill_abandoned(readable)

    def fork_process(self) -> None:
        request, ancillary, _flags, _address = self.control.recvmsg(65536, socket.CMSG_SPACE(4))
        descriptors = array.array("i")
        for _level, _kind, content in ancillary:
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
        if not descriptors:
            return
        answer = socket.socket(fileno=descriptors[0])
        pid = os.fork()
        if pid == 0:
            self.run_request(json.loads(request), answer)
        self.processes[pid] = answer

    def run_request(self, request: dict[str, Any], answer: socket.socket) -> None:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in (self.control, *self.processes.values()):
                other.close()
            os.close(self.lifeline)
            limit_this_process()
            for message in work_of(request)(**request):
                answer.sendall(encode(message))
            code = 0
        except MemoryError:
            code = 3
        finally:
            os._exit(code)

    def report_exits(self) -> None:
        while self.processes:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.killed.discard(pid)
            answer = self.processes.pop(pid, None)
            if answer is None:
                continue
            message = {
                "kind": "exit",
                "code": os.waitstatus_to_exitcode(status),
                "cpu": usage.ru_utime + usage.ru_stime,
                "memory": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            }
            try:
                # A slow or absent worker must not block the server.
                answer.settimeout(5)
                answer.sendall(encode(message))
            except OSError:
                pass
            answer.close()

    def kill_abandoned(self, readable: list[Any]) -> None:
        """Kill processes whose socket became readable: the worker never writes to it, so it has closed it."""
        for pid, answer in self.processes.items():
            if answer in readable:
                os.kill(pid, signal.SIGKILL)
                self.killed.add(pid)

    def kill_all(self) -> None:
        for pid in self.processes:
            os.kill(pid, signal.SIGKILL)


def work_of(request: dict[str, Any]) -> Work:
    """The function that serves the request. Takes its name out of the request, which leaves the arguments."""
    if "loader" in request:
        reader.limit_cpu(CPU_SECONDS)
        return run_loader.read
    name = request.pop("work", "read")
    if name in RARE_WORK:
        work: Work = pkgutil.resolve_name(RARE_WORK[name])
        return work
    return WORK[name]


def limit_this_process() -> None:
    """Limit memory, core dumps and file size, so that a hostile document can only crash its own process."""
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
            pass  # macOS rejects some limits; `watch_memory` replaces RLIMIT_AS there
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
    # Signals to the whole process group (Ctrl-C) are handled by the worker.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    ForkServer(control, int(sys.argv[2])).serve()


if __name__ == "__main__":
    main()
