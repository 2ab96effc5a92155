"""What Anthropic is sent beside the body, for clients of its own API and for others."""

import pytest

from fastgate.domain.credential import AwsKeys, Secret
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.format import CONVERSATIONS, Format
from fastgate.domain.snapshot import Deployment, Provider
from fastgate.domain.usage import Usage
from fastgate.providers.anthropic import AnthropicDialect
from fastgate.providers.interface import Header, RequestPlan, Sees

DIALECT = AnthropicDialect()
PROVIDER = Provider(name="anthropic", dialect="anthropic", auth_header="x-api-key", auth_prefix="")


def plan(
    *,
    path: str = "/v1/messages",
    endpoint: Endpoint = Endpoint.MESSAGES,
    headers: tuple[Header, ...] = (),
    query: str = "",
    translated: bool = False,
    secret: Secret | None = "sk-ant-api03-x",
    heads: dict[tuple[object, ...], bytes] | None = None,
) -> RequestPlan:
    return RequestPlan(
        method=b"POST",
        path=path,
        endpoint=endpoint,
        format=Format.MESSAGES,
        translated=translated,
        stream=False,
        provider=PROVIDER,
        deployment=Deployment(
            id="anthropic/m",
            provider="anthropic",
            model="m",
            upstream_model=None,
            base_url="https://api.anthropic.com",
        ),
        model="m",
        secret=secret,
        content_type=b"application/json",
        query=query,
        headers=headers,
        heads={} if heads is None else heads,
    )


def lines(planned: RequestPlan) -> list[bytes]:
    head = DIALECT.build_head(planned, b"{}")
    assert head.endswith(b"\r\n\r\n")
    return head[:-4].split(b"\r\n")


def about(name: bytes, planned: RequestPlan) -> list[bytes]:
    return [line.partition(b": ")[2] for line in lines(planned) if line.startswith(name + b": ")]


def test_the_whole_head() -> None:
    first, *rest = lines(plan())
    assert first == b"POST /v1/messages HTTP/1.1"
    assert {line for line in rest if not line.startswith(b"user-agent: fastgate/")} == {
        b"host: api.anthropic.com",
        b"accept-encoding: identity",
        b"accept: */*",
        b"x-api-key: sk-ant-api03-x",
        b"content-type: application/json",
        b"anthropic-version: 2023-06-01",
        b"content-length: 2",
    }


def test_the_version_in_the_body_of_a_client_of_vertex_is_taken_out() -> None:
    edit = DIALECT.adapt(plan())
    assert edit is not None
    members = {"model": "m", "anthropic_version": "vertex-2023-10-16"}
    edit(members)
    assert members == {"model": "m"}


@pytest.mark.parametrize(
    "planned",
    [plan(headers=((b"anthropic-version", b"2023-06-01"),)), plan(translated=True)],
    ids=["its-own", "translated"],
)
def test_other_bodies_are_left_alone(planned: RequestPlan) -> None:
    assert DIALECT.adapt(planned) is None


def test_a_client_of_this_api_says_its_version_its_betas_and_its_query() -> None:
    headers = ((b"anthropic-version", b"2026-10-21"), (b"anthropic-beta", b"a,b"), (b"openai-beta", b"x"))
    planned = plan(headers=headers, query="beta=true")
    assert lines(planned)[0] == b"POST /v1/messages?beta=true HTTP/1.1"
    assert about(b"anthropic-version", planned) == [b"2026-10-21"]
    assert about(b"anthropic-beta", planned) == [b"a,b"]
    assert about(b"openai-beta", planned) == []


def test_what_is_written_here_is_of_the_first_version() -> None:
    """The one that knows a temperature."""
    planned = plan(
        path="/chat/completions",
        endpoint=Endpoint.CHAT,
        translated=True,
        query="x=y",
        headers=((b"anthropic-version", b"2026-10-21"),),
    )
    assert lines(planned)[0] == b"POST /v1/messages HTTP/1.1"
    assert about(b"anthropic-version", planned) == [b"2023-06-01"]


def test_tokens_are_counted_at_their_own_path() -> None:
    planned = plan(path="/v1/messages/count_tokens", endpoint=Endpoint.COUNT_TOKENS)
    assert lines(planned)[0] == b"POST /v1/messages/count_tokens HTTP/1.1"


def test_an_oauth_token_is_a_bearer() -> None:
    planned = plan(secret="sk-ant-oat01-x", headers=((b"anthropic-beta", b"a"),))
    assert about(b"authorization", planned) == [b"Bearer sk-ant-oat01-x"]
    assert about(b"x-api-key", planned) == []
    assert about(b"anthropic-beta", planned) == [b"a,oauth-2025-04-20"]
    assert about(b"anthropic-version", planned) == [b"2023-06-01"]


def test_an_api_key_and_a_token_of_one_deployment_do_not_mix() -> None:
    heads: dict[tuple[object, ...], bytes] = {}
    for _ in range(2):
        assert about(b"x-api-key", plan(heads=heads)) == [b"sk-ant-api03-x"]
        token = plan(heads=heads, secret="sk-ant-oat01-x")
        assert (about(b"x-api-key", token), about(b"authorization", token)) == (
            [],
            [b"Bearer sk-ant-oat01-x"],
        )


def test_without_a_secret_none_is_presented() -> None:
    for secret in (None, AwsKeys("a", "b")):
        planned = plan(secret=secret)
        assert about(b"x-api-key", planned) == about(b"authorization", planned) == []


@pytest.mark.parametrize("header", [(b"anthropic-beta", b"a\r\nx: y"), (b"anthropic-version", b"\n")])
@pytest.mark.parametrize("secret", ["sk-ant-api03-x", "sk-ant-oat01-x"])
def test_nothing_splits_the_request(header: Header, secret: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        DIALECT.build_head(plan(headers=(header,), secret=secret), b"{}")


@pytest.mark.parametrize("wanted", Format)
def test_every_conversation_is_held_in_messages(wanted: Format) -> None:
    spoken = Format.MESSAGES if wanted in CONVERSATIONS else None
    assert DIALECT.format_for(wanted, PROVIDER, "m") is spoken


def test_a_stream_that_passes_through() -> None:
    decoder = DIALECT.stream_decoder(Endpoint.MESSAGES, 1)
    start = b'data: {"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":3}}}\n\n'
    block = b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
    text = b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}\n\n'
    end = b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":4}}\n\n'
    seen = [decoder.event(event) for event in (start, block, text, end)]
    assert seen == [Sees.NOTHING, Sees.NOTHING, Sees.CONTENT, Sees.NOTHING]
    assert decoder.sent_for(end) == end
    assert decoder.complete()
    assert decoder.event(b'data: {"type":"message_stop"}\n\n') == Sees.END
    assert (decoder.response_id, decoder.usage) == ("msg_1", Usage(input_tokens=3, output_tokens=4))
    assert b"event: error\n" in decoder.failure("It broke.", "upstream_error", b"")


def test_an_answer_that_passes_through() -> None:
    body = b'{"id":"msg_1","type":"message","usage":{"input_tokens":3,"output_tokens":4}}'
    answer = DIALECT.read_answer(Endpoint.MESSAGES, body)
    assert answer == (Usage(input_tokens=3, output_tokens=4), "msg_1", None)
    error = DIALECT.read_answer(
        Endpoint.MESSAGES, b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}'
    ).error
    assert error is not None
    assert error.status == 529
