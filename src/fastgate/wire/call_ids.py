"""Ids of tool calls, for providers that give none."""

from secrets import token_hex


def new_call_id() -> str:
    """Random, so that no two of a conversation are the same, however many turns it has."""
    return f"call_{token_hex(12)}"
