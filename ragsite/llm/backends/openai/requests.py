"""What requests for answers and for vectors share: optional parameters, and how a refused one is left out."""

import logging
from typing import Any

import openai

from ragsite.llm.backends.openai.errors import SYSTEM_ROLE, refused_parameter
from ragsite.llm.quirks import Quirks

NEEDED = {"model", "messages", "input"}

logger = logging.getLogger("ragsite.llm")


def accepted(wanted: dict[str, Any], quirks: Quirks) -> dict[str, Any]:
    """Those of the parameters that are set and that the server has not refused."""
    return {name: value for name, value in wanted.items() if value is not None and name not in quirks.dropped}


def drop_refused(error: openai.APIStatusError, body: dict[str, Any], quirks: Quirks) -> None:
    """Note the parameter that the server refuses; raise the error again if it is about something else."""
    optional = sorted(body.keys() - NEEDED)
    if any(message["role"] == "system" for message in body.get("messages", [])):
        optional.append(SYSTEM_ROLE)
    name = refused_parameter(error, optional)
    if name is None:
        raise error
    logger.info("parameter=%s outcome=dropped", name)
    quirks.drop(name)


def sendable(text: str) -> str:
    """Half characters, as broken PDFs have them, cannot be sent."""
    return text.encode("utf-8", "replace").decode()
