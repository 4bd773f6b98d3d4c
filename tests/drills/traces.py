"""What a forged job would do if it ran: leave a file."""

from pathlib import Path


def leave(job_or_path, *args):
    path = job_or_path if isinstance(job_or_path, str) else job_or_path.meta.get("to", "/tmp/ragsite-forged")
    Path(path).touch()
