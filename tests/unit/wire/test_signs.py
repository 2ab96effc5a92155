"""What a body is seen to have beside text."""

import base64
from typing import Any

import msgspec
import pytest

from fastgate.domain.format import Format
from fastgate.wire.signs import NOTHING, OPENAI, SIGNS, Found

PICTURE = base64.b64encode(bytes(3_000)).decode()
WEB_SAFE = base64.urlsafe_b64encode(b"\xff\xfe" * 1_500).decode()
DATA_URL = f"data:image/png;base64,{PICTURE}"

CHAT, RESPONSES, COHERE = Format.CHAT, Format.RESPONSES, Format.COHERE_EMBED
MESSAGES, INVOKE, CONVERSE = Format.MESSAGES, Format.INVOKE, Format.CONVERSE
CONTENT, EMBED_CONTENT = Format.GENERATE_CONTENT, Format.EMBED_CONTENT


def found(format_: Format, part: Any) -> Found:
    return SIGNS.get(format_, OPENAI).find(msgspec.json.encode({"a": [part]}))


def block(kind: str, **source: str) -> dict[str, Any]:
    return {"type": kind, "source": source}


IMAGES = [
    (CHAT, {"type": "image_url", "image_url": {"url": DATA_URL}}),
    (RESPONSES, {"type": "input_image", "image_url": DATA_URL}),
    (MESSAGES, block("image", type="base64", media_type="image/png", data=PICTURE)),
    (MESSAGES, block("image", type="url", url="https://example.com/a.png")),
    (INVOKE, block("image", type="base64", media_type="image/png", data=PICTURE)),
    (CONTENT, {"inlineData": {"mimeType": "image/png", "data": PICTURE}}),
    (CONTENT, {"inlineData": {"mimeType": "image/png", "data": WEB_SAFE}}),
    (CONTENT, {"inline_data": {"data": PICTURE, "mime_type": "image/png"}}),
    (CONTENT, {"fileData": {"mimeType": "image/png", "fileUri": "gs://a/b"}}),
    (EMBED_CONTENT, {"inlineData": {"mimeType": "image/png", "data": PICTURE}}),
    (CONVERSE, {"image": {"format": "png", "source": {"bytes": PICTURE}}}),
    (CONVERSE, {"image": {"source": {"s3Location": {"uri": "s3://a/b"}}, "format": "png"}}),
    (COHERE, {"type": "image_url", "image_url": {"url": DATA_URL}}),
    (COHERE, {"images": [DATA_URL]}),
]


@pytest.mark.parametrize(("format_", "part"), IMAGES)
def test_images(format_: Format, part: dict[str, Any]) -> None:
    seen = found(format_, part)
    assert (seen.images, seen.files) == (1, 0)
    encoded = any(text in str(part) for text in (PICTURE, WEB_SAFE))
    assert (seen.encoded > len(PICTURE)) is encoded


@pytest.mark.parametrize(
    ("format_", "part"),
    [
        (CHAT, {"type": "input_audio", "input_audio": {"data": PICTURE, "format": "wav"}}),
        (RESPONSES, {"type": "input_file", "file_id": "file-1"}),
        (MESSAGES, block("document", type="base64", media_type="application/pdf", data=PICTURE)),
        (MESSAGES, block("document", type="file", file_id="file_1")),
        (CONTENT, {"inlineData": {"mimeType": "audio/wav", "data": PICTURE}}),
        (CONTENT, {"fileData": {"fileUri": "https://youtu.be/a"}}),
        (CONVERSE, {"document": {"format": "pdf", "name": "a", "source": {"bytes": PICTURE}}}),
        (CONVERSE, {"video": {"format": "mp4", "source": {"bytes": PICTURE}}}),
        (CONVERSE, {"audio": {"format": "wav", "source": {"bytes": PICTURE}}}),
    ],
)
def test_files(format_: Format, part: dict[str, Any]) -> None:
    seen = found(format_, part)
    assert (seen.images, seen.files) == (0, 1)
    assert (seen.encoded > len(PICTURE)) is (PICTURE in str(part))


@pytest.mark.parametrize(
    ("format_", "part"),
    [
        (RESPONSES, {"conversation": "conv_1"}),
        (RESPONSES, {"type": "item_reference", "id": "msg_1"}),
        (MESSAGES, {"container": "container_1"}),
        (MESSAGES, {"thread": {"previous_message_id": "msg_1"}}),
        (CONTENT, {"cachedContent": "cachedContents/a"}),
    ],
)
def test_what_the_provider_has(format_: Format, part: dict[str, Any]) -> None:
    assert found(format_, part) == Found(stored=True)


@pytest.mark.parametrize(
    ("format_", "tool"),
    [
        (RESPONSES, {"type": "web_search_preview"}),
        (MESSAGES, {"type": "web_search_20250305", "name": "web_search"}),
        (INVOKE, {"type": "web_fetch_20250910", "name": "web_fetch"}),
        (MESSAGES, {"type": "code_execution_20250825", "name": "code_execution"}),
        (CONTENT, {"googleSearch": {}}),
        (CONTENT, {"google_search": {}}),
        (CONTENT, {"googleSearchRetrieval": {}}),
        (CONTENT, {"googleMaps": {}}),
        (CONTENT, {"enterpriseWebSearch": {}}),
        (CONTENT, {"urlContext": {}}),
        (CONTENT, {"fileSearch": {}}),
        (CONTENT, {"codeExecution": {}}),
        (CONTENT, {"retrieval": {}}),
        (CONVERSE, {"systemTool": {"name": "nova_grounding"}}),
    ],
)
def test_tools_of_the_providers_own(format_: Format, tool: dict[str, Any]) -> None:
    assert found(format_, tool) == Found(searches=True)


@pytest.mark.parametrize(
    ("format_", "part"),
    [
        (CHAT, {"text": '"type":"image_url"'}),
        (CHAT, {"conversation": "conv_1"}),
        (MESSAGES, {"name": "web_search", "input_schema": {"type": "object"}}),
        (MESSAGES, {"content": '{"type": "image"}'}),
        (CONTENT, {"text": '{"inlineData": {"mimeType": "image/png"}}'}),
        (CONTENT, {"functionDeclarations": [{"name": "googleSearch"}]}),
        (CONVERSE, {"properties": {"image": {"type": "string"}, "document": {"type": "object"}}}),
        (COHERE, {"texts": ["look at data:image/png"]}),
    ],
)
def test_what_only_looks_like_it(format_: Format, part: dict[str, Any]) -> None:
    assert found(format_, part) == NOTHING


def test_base64_beside_a_part_is_text() -> None:
    text = {"type": "text", "text": f"decode {PICTURE}"}
    for format_, part in IMAGES:
        both = SIGNS.get(format_, OPENAI).find(msgspec.json.encode([part, text]))
        assert both.encoded == found(format_, part).encoded
