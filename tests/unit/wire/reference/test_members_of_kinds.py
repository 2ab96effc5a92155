"""A member that one kind of block has is not known on the others: there it is named, as an unheard-of one."""

from typing import Any

import pytest

from fastgate.domain.format import CONVERSATIONS, Format
from fastgate.wire.messages import block_reader
from fastgate.wire.reference.requests import SIDES, TARGETS, read, written
from fastgate.wire.reference.samples import PIXEL, SOUND
from fastgate.wire.responses import item_reader, part_reader

_EPHEMERAL = {"type": "ephemeral"}
_SOUND = {"data": SOUND, "format": "wav"}
_FUNCTION = {"name": "look", "parameters": {"type": "object"}}
_CALL = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
_BASE64 = {"type": "base64", "media_type": "image/png", "data": PIXEL}
_INLINE = {"mimeType": "image/png", "data": PIXEL}


def _chat(*messages: Any, **more: Any) -> Any:
    return {"messages": [*messages, {"role": "user", "content": "Go on."}], **more}


def _asked(*parts: Any) -> Any:
    return _chat({"role": "user", "content": list(parts)})


def _messages(role: str, *blocks: Any) -> Any:
    return {"max_tokens": 9, "messages": [{"role": role, "content": list(blocks)}]}


def _responses(*items: Any) -> Any:
    return {"input": list(items)}


def _gemini(role: str, *parts: Any) -> Any:
    return {"contents": [{"role": role, "parts": list(parts)}]}


_SAID: list[tuple[Format, Any, str]] = [
    (
        Format.CHAT,
        _asked({"type": "input_audio", "input_audio": _SOUND, "cache_control": _EPHEMERAL}),
        "messages[0].content[0].cache_control",
    ),
    (
        Format.CHAT,
        _asked({"type": "text", "text": "a", "image_url": {"url": "https://example.com/"}}),
        "messages[0].content[0].image_url",
    ),
    (
        Format.CHAT,
        _asked({"type": "video_url", "video_url": {"url": "https://example.com/", "detail": "low"}}),
        "messages[0].content[0].video_url.detail",
    ),
    (Format.CHAT, _chat({"role": "user", "content": "a", "refusal": "No."}), "messages[0].refusal"),
    (
        Format.CHAT,
        _chat({"role": "user", "content": "a", "reasoning_content": "Hm."}),
        "messages[0].reasoning_content",
    ),
    (
        Format.CHAT,
        _chat(
            {
                "role": "assistant",
                "content": "a",
                "thinking_blocks": [{"type": "redacted_thinking", "data": "x", "signature": "s"}],
            }
        ),
        "messages[0].thinking_blocks[0].signature",
    ),
    (
        Format.CHAT,
        _chat({"role": "assistant", "content": None, "tool_calls": [_CALL], "cache_control": _EPHEMERAL}),
        "messages[0].cache_control",
    ),
    (
        Format.CHAT,
        _chat(
            {
                "role": "user",
                "content": [{"type": "input_audio", "input_audio": _SOUND}],
                "cache_control": _EPHEMERAL,
            }
        ),
        "messages[0].cache_control",
    ),
    (
        Format.CHAT,
        _chat(tools=[{"type": "function", "function": _FUNCTION, "custom": {"name": "other"}}]),
        "tools[0].custom",
    ),
    (
        Format.CHAT,
        _chat(
            tools=[{"type": "function", "function": _FUNCTION}],
            tool_choice={"type": "function", "function": {"name": "look"}, "custom": {"name": "other"}},
        ),
        "tool_choice.custom",
    ),
    (
        Format.MESSAGES,
        _messages("assistant", {"type": "thinking", "thinking": "Hm.", "cache_control": _EPHEMERAL}),
        "messages[0].content[0].cache_control",
    ),
    (
        Format.MESSAGES,
        _messages("user", {"type": "text", "text": "a", "title": "A"}),
        "messages[0].content[0].title",
    ),
    (
        Format.MESSAGES,
        _messages("user", {"type": "image", "source": {**_BASE64, "file_id": "f"}}),
        "messages[0].content[0].source.file_id",
    ),
    (
        Format.MESSAGES,
        _messages(
            "assistant", {"type": "tool_use", "id": "c", "name": "look", "input": {}, "is_error": True}
        ),
        "messages[0].content[0].is_error",
    ),
    (
        Format.RESPONSES,
        _responses(
            {
                "role": "user",
                "content": [
                    {
                        "type": "input_audio",
                        "input_audio": _SOUND,
                        "prompt_cache_breakpoint": {"mode": "explicit"},
                    }
                ],
            }
        ),
        "input[0].content[0].prompt_cache_breakpoint",
    ),
    (
        Format.RESPONSES,
        _responses({"type": "message", "role": "user", "content": "a", "arguments": "{}"}),
        "input[0].arguments",
    ),
    (
        Format.RESPONSES,
        _responses({"role": "user", "content": [{"type": "input_text", "text": "a", "detail": "low"}]}),
        "input[0].content[0].detail",
    ),
    (
        Format.GENERATE_CONTENT,
        _gemini("model", {"functionCall": {"name": "look"}, "thought": True}),
        "contents[0].parts[0].thought",
    ),
    (
        Format.GENERATE_CONTENT,
        _gemini("user", {"inlineData": {"mimeType": "video/mp4", "data": PIXEL}, "thoughtSignature": "s"}),
        "contents[0].parts[0].thoughtSignature",
    ),
    (
        Format.GENERATE_CONTENT,
        _gemini("user", {"text": "a", "inlineData": _INLINE}),
        "contents[0].parts[0].inlineData",
    ),
    (
        Format.GENERATE_CONTENT,
        _gemini("user", {"text": "a", "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}}),
        "contents[0].parts[0].mediaResolution",
    ),
]


@pytest.mark.parametrize(
    ("client", "members", "path", "upstream"),
    [(*said, upstream) for said in _SAID for upstream in TARGETS if upstream in CONVERSATIONS - {said[0]}],
)
def test_it_is_named(client: Format, members: Any, path: str, upstream: Format) -> None:
    _, losses = written(read(client, {**SIDES[client].plain, **members}), upstream)
    # Where all that it stands in is left out, that is named.
    assert any(path == name or path.startswith((f"{name}.", f"{name}[")) for name in losses)


def test_every_kind_that_is_read_is_known() -> None:
    assert block_reader.KNOWN.kinds.keys() == block_reader._READERS.keys()
    assert item_reader.KNOWN_ITEMS.kinds.keys() == {None, *item_reader._READERS}
    assert part_reader.KNOWN_PARTS.kinds.keys() == {*part_reader._READERS, "reasoning_text"}
