"""Optional request parameters, and how a request is repeated without a rejected one."""

import logging
from typing import Any

import openai

from ragsite.llm.backends.openai.parameters import SYSTEM_ROLE, rejected_parameter
from ragsite.llm.quirks import Quirks

REQUIRED = {"model", "messages", "input"}

logger = logging.getLogger("ragsite.llm")


def accepted(wanted: dict[str, Any], quirks: Quirks) -> dict[str, Any]:
    """The parameters that are set and that the server has not rejected."""
    return {name: value for name, value in wanted.items() if value is not None and name not in quirks.dropped}


def drop_rejected(error: openai.APIStatusError, body: dict[str, Any], quirks: Quirks) -> None:
    """Record the parameter that the server rejects; raise the error again if it is about something else."""
    optional = sorted(body.keys() - REQUIRED)
    if any(message["role"] == "system" for message in body.get("messages", [])):
        optional.append(SYSTEM_ROLE)
    name = rejected_parameter(error, optional)
    if name is None:
        raise error
    logger.info("parameter=%s outcome=dropped", name)
    quirks.drop(name)


def sendable(text: str) -> str:
    """Replace unpaired surrogates, which broken PDFs contain and UTF-8 cannot encode."""
    return text.encode("utf-8", "replace").decode()
