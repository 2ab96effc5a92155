"""What a request is taken for before it is made."""

import base64
from typing import Any

import msgspec
import pytest
from msgspec import Raw
from tests.support.till import Till
from tests.unit.pipeline.conftest import Open

from fastgate.api.operations import BEDROCK, COHERE, COUNT_TOKENS, GOOGLE, MESSAGES, OPERATIONS
from fastgate.pipeline.demand import MAX_ANSWERS, MAX_OUTPUT, SEARCHES, Demand, demand_of
from fastgate.pipeline.operation import Operation

PICTURE = base64.b64encode(b"\x00" * 3_000).decode()


@pytest.fixture
async def till(opened: Open) -> Any:
    async with opened(budgets={"default_output_hold_tokens": 700}) as till:
        yield till


def demand(till: Till, path: str = "/chat/completions", **body: Any) -> Demand:
    return demand_of(till.exchange(msgspec.json.encode({"model": "gpt", **body}), path))


def output(till: Till, path: str = "/chat/completions", **body: Any) -> tuple[int, bool]:
    found = demand(till, path, **body)
    return found.output_cap, found.capped


async def test_the_output_is_what_the_client_caps_or_what_is_configured(till: Till) -> None:
    assert output(till) == (700, False)
    for path, field in {
        "/chat/completions": "max_tokens",
        "/completions": "max_tokens",
        "/responses": "max_output_tokens",
    }.items():
        assert output(till, path, **{field: 5}) == (5, True), path
        assert output(till, path, **{field: None}) == (700, False), path
    assert output(till, max_completion_tokens=6, max_tokens=7) == (7, True), "whichever is read"
    assert output(till, "/responses", max_tokens=5) == (700, False), "no field of a response"
    assert output(till, max_tokens=0) == (0, True)
    assert output(till, max_tokens=-1) == (700, False), "to some servers, as much as it takes"
    assert output(till, max_tokens=1 << 60) == (MAX_OUTPUT, True)


@pytest.mark.parametrize("path", ["/embeddings", "/moderations", "/rerank", "/audio/speech"])
async def test_what_generates_no_text_has_no_output(till: Till, path: str) -> None:
    found = demand(till, path, n=4)
    assert (found.output_cap, found.capped, found.size.n) == (0, True, 1)


async def test_answers_and_images_are_counted(till: Till) -> None:
    assert demand(till, n=3).size.n == 3
    assert demand(till, n=None).size.n == 1
    assert demand(till, n=-3).size.n == 1
    assert demand(till, n=1 << 60).size.n == MAX_ANSWERS
    found = demand(till, "/images/generations", n=4)
    assert (found.size.n, found.output_cap) == (4, 0)


@pytest.mark.parametrize(
    ("fields", "answers"),
    [
        ({"prompt": "one"}, 1),
        ({"prompt": ["one", "two"]}, 2),
        ({"prompt": ["one", "two"], "n": 3}, 6),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": [[1, 2], [3]]}, 2),
        ({"prompt": []}, 1),
        ({"prompt": "one", "n": 2, "best_of": 5}, 5),
        ({"prompt": "one", "n": 2, "best_of": None}, 2),
        ({"prompt": "one", "best_of": 1 << 70}, MAX_ANSWERS),
        ({"prompt": "one", "n": 2, "best_of": Raw(b"1e999")}, 2),
        ({"prompt": "one", "n": 2, "best_of": Raw(b"9" * 5_000)}, 2),
        ({"prompt": Raw(b"[1e999]"), "n": 2}, 2),
    ],
)
async def test_a_completion_answers_each_prompt(till: Till, fields: dict[str, Any], answers: int) -> None:
    assert demand(till, "/completions", **fields).size.n == answers


async def test_the_text_of_the_body_is_the_input(till: Till) -> None:
    assert demand(till, messages=[]).size.input_bytes == len(b'{"model":"gpt","messages":[]}')
    short, long = demand(till, user="x"), demand(till, user="x" * 3_001)
    assert long.input_tokens - short.input_tokens == 1_000


async def test_an_image_is_no_text(till: Till) -> None:
    """It is billed by its size on the screen, and not by the bytes that it takes in base64."""
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}
    found = demand(till, messages=[{"role": "user", "content": [url, url]}])
    assert found.size.images == 2
    assert found.size.input_bytes < 400
    by_url = {"type": "input_image", "image_url": "https://example.com/a.png"}
    assert demand(till, "/responses", input=[{"role": "user", "content": [by_url]}]).size.images == 1


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {"data": PICTURE, "format": "wav"}},
        {"type": "file", "file": {"file_data": PICTURE}},
        {"type": "input_file", "file_id": "file-1"},
    ],
    ids=lambda part: part["type"],
)
async def test_a_file_counts_for_what_it_may_hold(till: Till, part: dict[str, Any]) -> None:
    found = demand(till, messages=[{"role": "user", "content": [part]}])
    assert found.size.files == 1
    assert found.size.input_bytes < 300


async def test_base64_in_a_message_without_a_file_is_text(till: Till) -> None:
    found = demand(till, messages=[{"role": "user", "content": f"decode ;base64,{PICTURE}"}])
    assert found.size.input_bytes > len(PICTURE)


async def test_base64_in_a_message_beside_an_image_is_text(till: Till) -> None:
    url = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    text = {"type": "text", "text": f"decode ;base64,{PICTURE}"}
    found = demand(till, messages=[{"role": "user", "content": [url, text]}])
    assert found.size.input_bytes > len(PICTURE)


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"conversation": {"id": "conv_1"}},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        {"prompt": {"id": "pmpt_1"}},
    ],
)
async def test_what_the_provider_has_counts_as_a_file(till: Till, fields: dict[str, Any]) -> None:
    assert demand(till, "/responses", **fields).size.files == 1


async def test_what_is_made_and_no_text_has_tokens_too(till: Till) -> None:
    """gpt-image-1 makes 6,240 of its largest image, at $40 a million; limits of tokens are spared."""
    image = demand(till, "/images/generations", n=4)
    assert (image.output_cap, image.made) == (0, 8_192)
    assert demand(till, "/audio/speech", input="x" * 100).made > 400
    assert demand(till).made == demand(till, "/embeddings", input="x").made == 0


@pytest.mark.parametrize("tool", ["web_search", "web_search_preview", "file_search", "code_interpreter"])
async def test_tools_that_search(till: Till, tool: str) -> None:
    assert demand(till, "/responses", tools=[{"type": tool}]).size.searches == SEARCHES
    assert demand(till, "/responses", tools=[{"type": "function"}]).size.searches == 0


async def test_a_chat_that_searches_without_a_tool(till: Till) -> None:
    assert demand(till, web_search_options={}).size.searches == SEARCHES


async def test_the_tier_is_the_clients(till: Till) -> None:
    assert demand(till).service_tier is None
    assert demand(till, service_tier="flex").service_tier == "flex"


async def test_an_upload_is_a_file(till: Till) -> None:
    exchange = till.exchange(b'{"model":"gpt"}')
    exchange.envelope = None
    found = demand_of(exchange)
    assert (found.size.files, found.output_cap, found.capped) == (1, 0, True)


# --- other formats -------------------------------------------------------------------------------------

CONTENT, CONVERSE, INVOKE = GOOGLE["generateContent"], BEDROCK["converse"], BEDROCK["invoke"]


def asked(till: Till, operation: Operation, **body: Any) -> Demand:
    return demand_of(till.exchange(msgspec.json.encode(body), "/", operation=operation))


CAPS: list[tuple[Operation, dict[str, Any]]] = [
    (MESSAGES, {"max_tokens": 5}),
    (INVOKE, {"max_tokens": 5}),
    (CONTENT, {"generationConfig": {"maxOutputTokens": 5}}),
    (CONTENT, {"generation_config": {"max_output_tokens": 5}}),
    (CONVERSE, {"inferenceConfig": {"maxTokens": 5}}),
]


async def test_every_format_caps_its_output(till: Till) -> None:
    for operation, body in CAPS:
        found, without = asked(till, operation, **body), asked(till, operation)
        assert (found.output_cap, found.capped) == (5, True)
        assert (without.output_cap, without.capped) == (700, False)
    assert asked(till, CONTENT, generationConfig={"candidateCount": 3}).size.n == 3


async def test_what_only_reads_has_no_output(till: Till) -> None:
    embeds, counts = (GOOGLE["embedContent"], COHERE["/v2/embed"]), (COUNT_TOKENS, GOOGLE["countTokens"])
    for operation in (*embeds, *counts, COHERE["/v2/rerank"]):
        found = asked(till, operation, n=4)
        assert (found.output_cap, found.capped, found.size.n, found.made) == (0, True, 1, 0)


TIERS: list[tuple[Operation, dict[str, Any], str | None]] = [
    (MESSAGES, {"service_tier": "standard_only"}, "standard_only"),
    (CONTENT, {"serviceTier": "flex"}, "flex"),
    (CONVERSE, {"serviceTier": {"type": "priority"}}, "priority"),
    (CONVERSE, {"serviceTier": None}, None),
]


async def test_every_format_names_its_tier(till: Till) -> None:
    for operation, body, tier in TIERS:
        assert asked(till, operation, **body).service_tier == tier


MEDIA: list[tuple[Operation, dict[str, Any]]] = [
    (
        MESSAGES,
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
    ),
    (CONTENT, {"inlineData": {"mimeType": "image/png", "data": PICTURE}}),
    (CONVERSE, {"image": {"format": "png", "source": {"bytes": PICTURE}}}),
]


async def test_an_image_of_any_format_is_no_text(till: Till) -> None:
    for operation, part in MEDIA:
        size = asked(till, operation, content=[part]).size
        assert (size.images, size.files) == (1, 0)
        assert size.input_bytes < 250


async def test_a_providers_own_tools_search(till: Till) -> None:
    size = asked(till, CONTENT, tools=[{"googleSearch": {}}]).size
    assert (size.searches, size.files) == (SEARCHES, 1)


async def test_documents_are_ranked_by_the_hundred(till: Till) -> None:
    """Long ones are several to who bills them."""
    for operation in (OPERATIONS["/rerank"], COHERE["/v2/rerank"]):
        for documents, searches in ((1, 1), (80, 1), (150, 2), (1_000, 13)):
            found = asked(till, operation, query="q", documents=["a document" * 10] * documents)
            assert found.size.searches == searches
        assert asked(till, operation, query="q", documents="none").size.searches == 1


@pytest.mark.parametrize(
    "options",
    [
        {"gemini": {"cachedContent": "cachedContents/1"}},
        {"anthropic": {"container": "c"}},
        {"gemini": {"tools": [{"googleSearch": {}}]}},
        {"bedrock": {"toolConfig": {"tools": [{"systemTool": {"name": "x"}}]}}},
    ],
)
async def test_what_is_passed_on_counts_whatever_its_format(till: Till, options: Any) -> None:
    assert demand(till).size.files == 0
    assert demand(till, provider_options=options).size.files == 1
    body = msgspec.json.encode({"model": "gpt", **next(iter(options.values()))})
    passed = till.exchange(body, headers=((b"x-fastgate-compat", b"pass"),))
    assert demand_of(passed).size.files == 1
