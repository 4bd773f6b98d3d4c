"""Streaming of answers: one producer task writes to a Redis Stream, and any number of consumers follow it.

A consumer starts after the last entry it received, so reloads, second tabs, other web processes and lost connections
are harmless. While Redis is down, answers are still written and saved, and consumers read them from the database.
"""

from qa.streaming.clients import close_clients
from qa.streaming.consumer import answer_events
from qa.streaming.producer import (
    begin_answer,
    finish_running_answers,
    interrupt_lost_answers,
    request_stop,
    write_answer_now,
)

__all__ = [
    "answer_events",
    "begin_answer",
    "close_clients",
    "finish_running_answers",
    "interrupt_lost_answers",
    "request_stop",
    "write_answer_now",
]
