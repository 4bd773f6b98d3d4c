"""Answers as they are written, for anyone who may see them: one task writes to a Redis Stream, readers only follow it.

A reload, a second tab, another web process and a lost connection are all harmless: whoever reads starts after the last
entry that arrived. With Redis away the answer is still written and saved, and readers get it from the database.
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
