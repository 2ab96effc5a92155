"""Cohere's errors: a sentence, and the id of the request."""

import msgspec

from fastgate.wire.interface import Header, Problem
from fastgate.wire.openai import JSON


class _Error(msgspec.Struct):
    message: str
    id: str


def write_problem(problem: Problem) -> tuple[list[Header], bytes]:
    """As `ClientFormat.write_problem`."""
    return [JSON], msgspec.json.encode(_Error(problem.message, problem.request_id))
