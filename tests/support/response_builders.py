"""Bodies and events of OpenAI's Responses API, as its published types have them."""

from typing import Any

from tests.support.builders import sse


def response_object(
    response_id: str, text: str | None = "Hello there", model: str = "gpt-4o", **more: Any
) -> dict[str, Any]:
    """A completed response, or with `text` None one that is in progress."""
    done = text is not None
    return {
        "id": response_id,
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "completed" if done else "in_progress",
        "model": model,
        "output": [] if text is None else [message(text)],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "usage": usage() if done else None,
        **more,
    }


def message(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    return {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": content}


def usage() -> dict[str, Any]:
    return {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 10,
    }


def created(response_id: str, model: str = "gpt-4o") -> list[bytes]:
    """The two events before anything that a user sees: numbers 0 and 1."""
    response = response_object(response_id, None, model)
    return [
        _event(f"response.{name}", n, response=response) for n, name in enumerate(("created", "in_progress"))
    ]


def deltas(*pieces: str, start: int = 2) -> list[bytes]:
    return [
        _event(
            "response.output_text.delta",
            number,
            item_id="msg_1",
            output_index=0,
            content_index=0,
            delta=piece,
            logprobs=[],
        )
        for number, piece in enumerate(pieces, start)
    ]


def ended(response_id: str, number: int, text: str = "Hello there", status: str = "completed") -> bytes:
    return _event(f"response.{status}", number, response=response_object(response_id, text, status=status))


def events(response_id: str, *pieces: str) -> list[bytes]:
    """A whole stream."""
    text = "".join(pieces)
    return [*created(response_id), *deltas(*pieces), ended(response_id, 2 + len(pieces), text)]


def _event(name: str, number: int, **more: Any) -> bytes:
    return sse({"type": name, "sequence_number": number, **more}, name)
