"""Where requests go at the Gemini API and at Vertex AI, and what bodies are changed."""

from typing import Any

import msgspec
import pytest

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.format import CONVERSATIONS, EMBEDDINGS, RERANKS, Format
from fastgate.domain.snapshot import Deployment, Provider
from fastgate.domain.usage import Usage
from fastgate.errors import GatewayError
from fastgate.providers.google import GeminiDialect, VertexDialect
from fastgate.providers.interface import Dialect, Header, RequestPlan, Sees

GEMINI = GeminiDialect()
VERTEX = VertexDialect()
GEMINI_PROVIDER = Provider(name="gemini", dialect="gemini", auth_header="x-goog-api-key", auth_prefix="")
VERTEX_PROVIDER = Provider(
    name="vertex", dialect="vertex", auth_header="authorization", auth_prefix="Bearer "
)
GEMINI_URL = "https://generativelanguage.googleapis.com/v1beta"
VERTEX_URL = "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west1"


def plan(
    dialect: Dialect,
    model: str,
    endpoint: Endpoint,
    spoken: Format | None = None,
    *,
    stream: bool = False,
    translated: bool = False,
    headers: tuple[Header, ...] = (),
    query: str = "",
) -> RequestPlan:
    gemini = dialect is GEMINI
    return RequestPlan(
        method=b"POST",
        path="/chat/completions" if endpoint is Endpoint.CHAT else "",
        endpoint=endpoint,
        format=spoken or Format.GENERATE_CONTENT,
        translated=translated,
        stream=stream,
        provider=GEMINI_PROVIDER if gemini else VERTEX_PROVIDER,
        deployment=Deployment(
            id="d",
            provider="p",
            model="m",
            upstream_model=None,
            base_url=GEMINI_URL if gemini else VERTEX_URL,
        ),
        model=model,
        secret="s3cret",
        content_type=b"application/json",
        query=query,
        headers=headers,
        heads={},
    )


def target_of(dialect: Dialect, planned: RequestPlan, body: bytes = b"{}") -> str:
    line = dialect.build_head(planned, body).partition(b"\r\n")[0].decode()
    method, target, version = line.split(" ")
    assert (method, version) == ("POST", "HTTP/1.1")
    return target


def lines(dialect: Dialect, planned: RequestPlan) -> list[bytes]:
    return dialect.build_head(planned, b"{}").split(b"\r\n")


def adapted(dialect: Dialect, planned: RequestPlan, body: Any) -> Any:
    adapt = dialect.adapt(planned)
    if adapt is None:
        return None
    members = msgspec.json.decode(msgspec.json.encode(body), type=dict[str, msgspec.Raw])
    adapt(members)
    return msgspec.json.decode(msgspec.json.encode(members))


# --- the Gemini API ------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", Format)
def test_what_the_gemini_api_speaks(wanted: Format) -> None:
    spoken = GEMINI.format_for(wanted, GEMINI_PROVIDER, "gemini-3-pro")
    if wanted in CONVERSATIONS:
        assert spoken is Format.GENERATE_CONTENT
    elif wanted in EMBEDDINGS:
        assert spoken is Format.EMBED_CONTENT
    else:
        assert wanted in RERANKS
        assert spoken is None


@pytest.mark.parametrize(
    ("model", "endpoint", "stream", "target"),
    [
        ("gemini-3-pro", Endpoint.CHAT, False, "/v1beta/models/gemini-3-pro:generateContent"),
        (
            "gemini-3-pro",
            Endpoint.GENERATE_CONTENT,
            True,
            "/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse",
        ),
        ("gemini-3-pro", Endpoint.CONTENT_TOKENS, False, "/v1beta/models/gemini-3-pro:countTokens"),
        ("tunedModels/x", Endpoint.GENERATE_CONTENT, False, "/v1beta/tunedModels/x:generateContent"),
        ("models/x", Endpoint.GENERATE_CONTENT, False, "/v1beta/models/x:generateContent"),
        ("a b?c#d", Endpoint.GENERATE_CONTENT, False, "/v1beta/models/a%20b%3Fc%23d:generateContent"),
    ],
)
def test_paths_of_the_gemini_api(model: str, endpoint: Endpoint, stream: bool, target: str) -> None:
    assert target_of(GEMINI, plan(GEMINI, model, endpoint, stream=stream)) == target


@pytest.mark.parametrize(
    ("body", "verb"), [(b'{"requests":[]}', "batchEmbedContents"), (b'{"content":{}}', "embedContent")]
)
def test_the_body_tells_a_batch(body: bytes, verb: str) -> None:
    planned = plan(GEMINI, "e", Endpoint.EMBED_CONTENT, Format.EMBED_CONTENT)
    assert target_of(GEMINI, planned, body) == f"/v1beta/models/e:{verb}"


def test_nothing_of_the_clients_query_goes_upstream() -> None:
    planned = plan(GEMINI, "m", Endpoint.GENERATE_CONTENT, query="key=sk-fg-1&fields=candidates", stream=True)
    assert target_of(GEMINI, planned) == "/v1beta/models/m:streamGenerateContent?alt=sse"


def test_keys_and_headers_of_the_gemini_api() -> None:
    headers = ((b"x-goog-api-client", b"sdk"), (b"anthropic-beta", b"b"), (b"x-goog-api-key", b"client"))
    head = lines(GEMINI, plan(GEMINI, "m", Endpoint.GENERATE_CONTENT, headers=headers))
    assert b"x-goog-api-key: s3cret" in head
    assert b"x-goog-api-client: sdk" in head
    assert not any(b"client" in line for line in head if line.startswith(b"x-goog-api-key"))
    assert not any(line.startswith(b"anthropic") for line in head)


def test_bodies_for_the_gemini_api_name_the_deployments_model() -> None:
    batch = plan(GEMINI, "e-2", Endpoint.EMBED_CONTENT, Format.EMBED_CONTENT)
    body = {"requests": [{"model": "models/alias", "content": {}}, {"content": {}}]}
    assert adapted(GEMINI, batch, body) == {
        "requests": [{"model": "models/e-2", "content": {}}, {"model": "models/e-2", "content": {}}]
    }
    assert adapted(GEMINI, batch, {"model": "models/alias", "content": {}}) == {"content": {}}
    count = plan(GEMINI, "m-2", Endpoint.CONTENT_TOKENS)
    whole = {"generateContentRequest": {"model": "models/alias", "contents": []}}
    assert adapted(GEMINI, count, whole) == {
        "generateContentRequest": {"model": "models/m-2", "contents": []}
    }
    assert adapted(GEMINI, count, {"contents": []}) == {"contents": []}


def test_what_passes_through_is_left_alone() -> None:
    assert GEMINI.adapt(plan(GEMINI, "m", Endpoint.GENERATE_CONTENT)) is None
    translated = plan(GEMINI, "m", Endpoint.EMBEDDINGS, Format.EMBED_CONTENT, translated=True)
    assert GEMINI.adapt(translated) is None


# --- Vertex AI -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "conversation", "embeddings"),
    [
        ("gemini-3-pro", Format.GENERATE_CONTENT, Format.EMBED_CONTENT),
        ("google/gemini-3-pro", Format.GENERATE_CONTENT, Format.EMBED_CONTENT),
        ("endpoints/123", Format.GENERATE_CONTENT, Format.VERTEX_PREDICT),
        ("claude-sonnet-4-6@default", Format.MESSAGES, None),
        ("anthropic/claude-sonnet-4-6", Format.MESSAGES, None),
        ("meta/llama-4-maas", Format.CHAT, None),
        ("gemini-embedding-001", Format.GENERATE_CONTENT, Format.VERTEX_PREDICT),
        ("gemini-embedding-2", Format.GENERATE_CONTENT, Format.EMBED_CONTENT),
        ("text-embedding-005", Format.GENERATE_CONTENT, Format.VERTEX_PREDICT),
    ],
)
def test_what_vertex_speaks(model: str, conversation: Format, embeddings: Format | None) -> None:
    for wanted in CONVERSATIONS:
        assert VERTEX.format_for(wanted, VERTEX_PROVIDER, model) is conversation
    for wanted in EMBEDDINGS:
        assert VERTEX.format_for(wanted, VERTEX_PROVIDER, model) is embeddings
    assert VERTEX.format_for(Format.RERANK, VERTEX_PROVIDER, model) is None


BASE = "/v1/projects/p/locations/europe-west1"
OPENAPI = BASE + "/endpoints/openapi/chat/completions"
CONTENT = Format.GENERATE_CONTENT
PREDICT = Format.VERTEX_PREDICT
EMBED = Format.EMBED_CONTENT
GOOGLE = BASE + "/publishers/google/models/"
CLAUDE = BASE + "/publishers/anthropic/models/"


@pytest.mark.parametrize(
    ("model", "endpoint", "spoken", "stream", "target"),
    [
        (
            "gemini-3-pro",
            Endpoint.CHAT,
            CONTENT,
            False,
            GOOGLE + "gemini-3-pro:generateContent",
        ),
        (
            "google/gemini-3-pro",
            Endpoint.CHAT,
            CONTENT,
            True,
            GOOGLE + "gemini-3-pro:streamGenerateContent?alt=sse",
        ),
        ("gemini-3-pro", Endpoint.CONTENT_TOKENS, None, False, GOOGLE + "gemini-3-pro:countTokens"),
        ("endpoints/123", Endpoint.CHAT, None, False, BASE + "/endpoints/123:generateContent"),
        (
            "text-embedding-5",
            Endpoint.EMBEDDINGS,
            PREDICT,
            False,
            GOOGLE + "text-embedding-5:predict",
        ),
        (
            "gemini-embedding-2",
            Endpoint.EMBEDDINGS,
            EMBED,
            False,
            GOOGLE + "gemini-embedding-2:embedContent",
        ),
        (
            "claude-x@1",
            Endpoint.MESSAGES,
            Format.MESSAGES,
            False,
            CLAUDE + "claude-x@1:rawPredict",
        ),
        ("anthropic/claude-x", Endpoint.CHAT, Format.MESSAGES, True, CLAUDE + "claude-x:streamRawPredict"),
        ("claude-x", Endpoint.COUNT_TOKENS, Format.MESSAGES, False, CLAUDE + "count-tokens:rawPredict"),
        ("meta/llama-4-maas", Endpoint.CHAT, Format.CHAT, True, OPENAPI),
        (
            "meta/llama-4-maas",
            Endpoint.MESSAGES,
            Format.CHAT,
            False,
            OPENAPI,
        ),
    ],
)
def test_paths_of_vertex(
    model: str, endpoint: Endpoint, spoken: Format | None, stream: bool, target: str
) -> None:
    assert target_of(VERTEX, plan(VERTEX, model, endpoint, spoken, stream=stream)) == target


def test_claudes_betas_are_a_header_and_the_token_is_a_bearers() -> None:
    headers = ((b"anthropic-beta", b"b"),)
    head = lines(VERTEX, plan(VERTEX, "claude-x", Endpoint.MESSAGES, Format.MESSAGES, headers=headers))
    assert b"anthropic-beta: b" in head
    assert b"authorization: Bearer s3cret" in head
    head = lines(VERTEX, plan(VERTEX, "gemini-3-pro", Endpoint.MESSAGES, headers=headers, translated=True))
    assert b"anthropic-beta: b" not in head


@pytest.mark.parametrize(
    ("headers", "translated", "version"),
    [
        ((), False, "vertex-2023-10-16"),
        (((b"anthropic-version", b"2023-06-01"),), False, "vertex-2023-10-16"),
        (((b"anthropic-version", b"2026-10-21"),), False, "2026-10-21"),
        (((b"anthropic-version", b"2026-10-21"),), True, "vertex-2023-10-16"),
    ],
)
def test_claudes_version_is_in_the_body(headers: tuple[Header, ...], translated: bool, version: str) -> None:
    planned = plan(
        VERTEX, "claude-x", Endpoint.MESSAGES, Format.MESSAGES, headers=headers, translated=translated
    )
    body = adapted(VERTEX, planned, {"model": "alias", "stream": True, "messages": []})
    assert body == {"stream": True, "messages": [], "anthropic_version": version}


def test_claudes_counter_is_told_the_model() -> None:
    planned = plan(VERTEX, "anthropic/claude-x", Endpoint.COUNT_TOKENS, Format.MESSAGES)
    assert adapted(VERTEX, planned, {"model": "alias", "messages": []})["model"] == "claude-x"


def test_contents_for_vertex_have_roles_and_no_ids() -> None:
    planned = plan(VERTEX, "gemini-3-pro", Endpoint.GENERATE_CONTENT)
    call = {"functionCall": {"id": "1", "name": "f", "args": {"id": 1}}}
    result = {"function_response": {"id": "1", "name": "f", "response": {"id": 1}}}
    body = {
        "model": "models/x",
        "contents": [
            {"parts": [{"text": "a"}]},
            {"role": "model", "parts": [call]},
            {"role": "user", "parts": [result, 1]},
        ],
        "serviceTier": "flex",
        "generationConfig": {"topK": 1},
    }
    assert adapted(VERTEX, planned, body) == {
        "contents": [
            {"role": "user", "parts": [{"text": "a"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"id": 1}}}]},
            {"role": "user", "parts": [{"function_response": {"name": "f", "response": {"id": 1}}}, 1]},
        ],
        "generationConfig": {"topK": 1},
    }


@pytest.mark.parametrize(
    "body",
    [
        {"contents": [{"role": "user", "parts": [{"text": "a"}]}]},
        {"contents": {"parts": {"text": "a"}}},
        {"contents": [1]},
        {"contents": [{"role": "user", "parts": {"text": "a"}}]},
        {},
    ],
)
def test_all_other_contents_are_left_alone(body: Any) -> None:
    assert adapted(VERTEX, plan(VERTEX, "gemini-3-pro", Endpoint.GENERATE_CONTENT), body) == body


def test_counts_for_vertex_are_flat() -> None:
    planned = plan(VERTEX, "gemini-3-pro", Endpoint.CONTENT_TOKENS)
    inner = {"model": "models/x", "contents": [{"parts": []}], "tools": []}
    flat = {"contents": [{"role": "user", "parts": []}], "tools": []}
    assert adapted(VERTEX, planned, {"generateContentRequest": inner}) == flat
    assert adapted(VERTEX, planned, {"generate_content_request": inner}) == flat
    assert adapted(VERTEX, planned, inner) == flat


def test_vertex_has_no_batches() -> None:
    planned = plan(VERTEX, "gemini-embedding-2", Endpoint.EMBED_CONTENT, Format.EMBED_CONTENT)
    assert adapted(VERTEX, planned, {"model": "x", "content": {}}) == {"content": {}}
    with pytest.raises(GatewayError) as raised:
        adapted(VERTEX, planned, {"requests": []})
    assert raised.value.param == "requests"


@pytest.mark.parametrize(
    ("model", "endpoint", "spoken"),
    [
        ("gemini-3-pro", Endpoint.CHAT, Format.GENERATE_CONTENT),
        ("meta/llama", Endpoint.CHAT, Format.CHAT),
        ("text-embedding-005", Endpoint.EMBEDDINGS, Format.VERTEX_PREDICT),
    ],
)
def test_what_vertex_takes_as_it_is(model: str, endpoint: Endpoint, spoken: Format) -> None:
    assert VERTEX.adapt(plan(VERTEX, model, endpoint, spoken, translated=spoken is not Format.CHAT)) is None


@pytest.mark.parametrize(("dialect", "model"), [(GEMINI, "x\ny"), (VERTEX, "x\r\ny"), (VERTEX, "é\0")])
def test_a_model_cannot_split_the_request(dialect: Dialect, model: str) -> None:
    head = dialect.build_head(plan(dialect, model, Endpoint.GENERATE_CONTENT), b"{}")
    assert head.count(b"\r\n\r\n") == 1
    assert b"\0" not in head
    assert head.splitlines()[0].endswith(b":generateContent HTTP/1.1")


# --- what passes through is read -----------------------------------------------------------------------


@pytest.mark.parametrize("dialect", [GEMINI, VERTEX])
def test_streams_of_gemini(dialect: Dialect) -> None:
    decoder = dialect.stream_decoder(Endpoint.GENERATE_CONTENT, 1)
    first = b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}],"responseId":"r"}\r\n\r\n'
    last = b'data: {"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3}}\r\n\r\n'
    assert Sees.CONTENT in decoder.event(first)
    assert decoder.sent_for(first) == first
    decoder.event(last)
    assert decoder.complete()
    assert (decoder.usage, decoder.response_id) == (Usage(input_tokens=3), "r")
    assert decoder.ending() == b""
    failure = decoder.failure("it broke", "upstream_error", b"")
    assert failure.startswith(b'data: {"error":{"code":502,')
    assert failure.endswith(b"}\r\n\r\n")


def test_streams_of_the_others_on_vertex() -> None:
    message = b'{"id":"m","usage":{"input_tokens":3}}'
    event = b'event: message_start\ndata: {"type":"message_start","message":%b}\n\n' % message
    decoder = VERTEX.stream_decoder(Endpoint.MESSAGES, 1)
    decoder.event(event)
    assert decoder.response_id == "m"
    decoder = VERTEX.stream_decoder(Endpoint.CHAT, 1)
    assert Sees.CONTENT in decoder.event(b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n')


def test_answers() -> None:
    body = b'{"usageMetadata":{"promptTokenCount":3},"responseId":"r"}'
    for dialect in (GEMINI, VERTEX):
        answer = dialect.read_answer(Endpoint.GENERATE_CONTENT, body)
        assert (answer.usage, answer.response_id, answer.error) == (Usage(input_tokens=3), "r", None)
        embedded = dialect.read_answer(Endpoint.EMBED_CONTENT, body)
        assert (embedded.usage, embedded.response_id) == (Usage(input_tokens=3), None)
        failed = dialect.read_answer(Endpoint.GENERATE_CONTENT, b'{"error":{"code":503,"message":"m"}}')
        assert failed.error is not None
        assert failed.error.status == 503
    chat = b'{"id":"c","choices":[],"usage":{"prompt_tokens":4,"completion_tokens":0,"total_tokens":4}}'
    assert VERTEX.read_answer(Endpoint.CHAT, chat).usage == Usage(input_tokens=4)
    message = b'{"id":"m","type":"message","usage":{"input_tokens":5,"output_tokens":1}}'
    answer = VERTEX.read_answer(Endpoint.MESSAGES, message)
    assert answer.usage is not None
    assert answer.usage.input_tokens == 5


@pytest.mark.parametrize(
    ("dialect", "model", "path"),
    [
        (GEMINI, "models/../../v1/x", "/v1beta/models/..%2F..%2Fv1%2Fx:generateContent"),
        (GEMINI, "tunedModels/../files/x", "/v1beta/tunedModels/..%2Ffiles%2Fx:generateContent"),
        (GEMINI, "x:predict", "/v1beta/models/x%3Apredict:generateContent"),
        (GEMINI, "tunedModels/mine", "/v1beta/tunedModels/mine:generateContent"),
        (VERTEX, "endpoints/../x", "/endpoints/..%2Fx:generateContent"),
        (VERTEX, "google/x:predict", "/publishers/google/models/x%3Apredict:generateContent"),
    ],
)
def test_a_model_leads_to_no_other_path(dialect: Dialect, model: str, path: str) -> None:
    assert target_of(dialect, plan(dialect, model, Endpoint.GENERATE_CONTENT)).endswith(path)


@pytest.mark.parametrize(
    ("dialect", "model"),
    [
        (GEMINI, ".."),
        (GEMINI, "models/.."),
        (GEMINI, "tunedModels/"),
        (VERTEX, "google/"),
        (VERTEX, "google/.."),
        (VERTEX, "endpoints/.."),
        (VERTEX, "endpoints/"),
    ],
)
def test_a_model_is_no_step_in_the_path(dialect: Dialect, model: str) -> None:
    with pytest.raises(ValueError, match="step"):
        dialect.build_head(plan(dialect, model, Endpoint.GENERATE_CONTENT), b"{}")
