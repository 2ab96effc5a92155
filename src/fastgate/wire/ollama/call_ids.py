"""Ids of tool calls, for servers that give none."""

import os
from base64 import b64encode


def new_call_id() -> str:
    """Random, so that no two of a conversation are the same, however many turns it has."""
    return "call_" + b64encode(os.urandom(18), b"aZ").decode()
