"""What goes to Bedrock: paths, headers, signatures, formats; and its errors."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import botocore.session
import msgspec
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from tests.support.bedrock_schema import service_model

from fastgate import clock
from fastgate.domain.credential import AwsKeys, Secret
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import FailureKind
from fastgate.domain.format import CONVERSATIONS, Format
from fastgate.domain.snapshot import Deployment, Provider
from fastgate.providers.bedrock import BedrockDialect
from fastgate.providers.interface import Header, RequestPlan, Sees
from fastgate.wire.converse.exceptions import STATUS_OF
from fastgate.wire.converse.frames import frame
from fastgate.wire.pieces import Body

_DIALECT = BedrockDialect()
_KEYS = AwsKeys("AKIDEXAMPLE", "a/secret+key", "a token")
_CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
_ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"
_HOST = "bedrock-runtime.us-east-1.amazonaws.com"
_NOW_S = 1_795_500_000


@pytest.fixture(autouse=True)
def moment() -> Any:
    clock.install(lambda: 0, lambda: _NOW_S * 1_000_000_000)
    yield
    clock.reset()


def plan(
    *,
    format: Format | None = Format.CONVERSE,
    translated: bool = False,
    stream: bool = False,
    model: str = _CLAUDE,
    secret: Secret | None = _KEYS,
    headers: tuple[Header, ...] = (),
    configured: tuple[tuple[str, str], ...] = (),
    base_url: str = f"https://{_HOST}",
    region: str | None = "us-east-1",
) -> RequestPlan:
    return RequestPlan(
        method=b"POST",
        path="/client/path",
        endpoint=Endpoint.CONVERSE,
        format=format,
        translated=translated,
        stream=stream,
        provider=Provider(
            name="bedrock",
            dialect="bedrock",
            auth_header="authorization",
            auth_prefix="Bearer ",
            headers=configured,
        ),
        deployment=Deployment(
            id="b/m", provider="bedrock", model="m", upstream_model=None, base_url=base_url, region=region
        ),
        model=model,
        secret=secret,
        content_type=b"application/json",
        query="client=query",
        headers=headers,
        heads={},
    )


def head(planned: RequestPlan, body: Body = b"{}") -> tuple[str, dict[str, str]]:
    first, *lines = _DIALECT.build_head(planned, body).decode("latin-1").split("\r\n")
    assert lines[-2:] == ["", ""]
    headers = dict(line.split(": ", 1) for line in lines[:-2])
    assert len(headers) == len(lines) - 2, "a header stands twice"
    return first, headers


@pytest.mark.parametrize(
    ("operation", "format_", "stream"),
    [
        ("Converse", Format.CONVERSE, False),
        ("ConverseStream", Format.CONVERSE, True),
        ("InvokeModel", Format.INVOKE, False),
        ("InvokeModelWithResponseStream", Format.INVOKE, True),
        ("InvokeModel", Format.TITAN_EMBED, False),
        ("InvokeModel", Format.BEDROCK_COHERE_EMBED, False),
    ],
)
@pytest.mark.parametrize("model", [_CLAUDE, _ARN, "amazon.nova-pro-v1:0"])
def test_as_boto3_would_ask(operation: str, format_: Format, stream: bool, model: str) -> None:
    """The request line and the signature, for the headers that are signed here."""
    sent = _by_boto3(operation, model)
    first, headers = head(plan(format=format_, stream=stream, model=model), sent.body)
    assert first == f"POST {urlsplit(sent.url).path} HTTP/1.1"
    assert headers["host"] == urlsplit(sent.url).netloc
    assert headers["content-length"] == str(len(sent.body))
    again = AWSRequest("POST", sent.url, headers={"content-type": "application/json"}, data=sent.body)
    assert headers["authorization"] == _signed_by_botocore(again)
    assert headers["x-amz-security-token"] == _KEYS.session_token


def _by_boto3(operation: str, model: str) -> Any:
    """What boto3 was about to send."""
    session = botocore.session.Session()
    session.set_credentials(*_KEYS)
    client = session.create_client(
        "bedrock-runtime", region_name="us-east-1", config=Config(retries={"total_max_attempts": 1})
    )
    caught: list[Any] = []

    def catch(request: Any, **_: Any) -> Any:
        caught.append(request)
        raise StopIteration

    client.meta.events.register("before-send", catch)
    body: dict[str, Any] = {"body": b"{}"} if operation.startswith("Invoke") else {"messages": []}
    with pytest.raises(StopIteration):
        client._make_api_call(operation, {"modelId": model, **body})
    return caught[0]


def _signed_by_botocore(request: AWSRequest) -> str:
    with patch("botocore.auth.get_current_datetime", return_value=datetime.fromtimestamp(_NOW_S, UTC)):
        SigV4Auth(Credentials(*_KEYS), "bedrock", "us-east-1").add_auth(request)
    signed: str = request.headers["Authorization"]
    return signed


def test_a_bearer_key_is_presented_and_nothing_signed() -> None:
    _, headers = head(plan(secret="bedrock-api-key"))
    assert headers["authorization"] == "Bearer bedrock-api-key"
    assert not [name for name in headers if name.startswith("x-amz-")]


def test_what_the_client_signed_with_stays_here() -> None:
    client: tuple[Header, ...] = (
        (b"Authorization", b"AWS4-HMAC-SHA256 Credential=sk-fg-1/x"),
        (b"X-Amz-Date", b"20200101T000000Z"),
        (b"X-Amz-Security-Token", b"client"),
        (b"X-Amz-Content-Sha256", b"0"),
        (b"X-Amzn-Bedrock-Trace", b"ENABLED"),
        (b"anthropic-beta", b"a"),
    )
    _, headers = head(plan(headers=client))
    assert headers["x-amz-date"] != "20200101T000000Z"
    assert headers["X-Amzn-Bedrock-Trace"] == "ENABLED"
    assert "client" not in headers.values()
    assert not {"X-Amz-Content-Sha256", "X-Amz-Date", "anthropic-beta"} & set(headers)


def test_an_own_endpoint_in_front_of_bedrock() -> None:
    first, headers = head(plan(base_url="http://vpce.example:8443/runtime", secret=_KEYS))
    assert first.startswith("POST /runtime/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse ")
    request = AWSRequest(
        "POST",
        "http://vpce.example:8443" + first.split()[1],
        headers={"content-type": "application/json"},
        data=b"{}",
    )
    assert headers["authorization"] == _signed_by_botocore(request)


def test_the_region_may_stand_in_the_url_alone() -> None:
    _, headers = head(plan(region=None, base_url="https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com"))
    assert "/us-gov-west-1/bedrock/aws4_request" in headers["authorization"]


def test_without_a_region_nothing_can_be_signed() -> None:
    with pytest.raises(ValueError, match="region"):
        head(plan(region=None, base_url="https://gateway.example"))


@pytest.mark.parametrize("model", [".", "..", ""])
def test_a_model_is_no_step_in_the_path(model: str) -> None:
    with pytest.raises(ValueError, match="model"):
        head(plan(model=model))


def test_no_secret_in_what_a_plan_says_of_itself() -> None:
    assert "secret+key" not in repr(plan())


@pytest.mark.parametrize("wanted", sorted(CONVERSATIONS))
def test_formats_of_conversations(wanted: Format) -> None:
    provider = plan().provider
    claude = Format.INVOKE if wanted in {Format.MESSAGES, Format.INVOKE} else Format.CONVERSE
    other = Format.INVOKE if wanted is Format.INVOKE else Format.CONVERSE
    assert _DIALECT.format_for(wanted, provider, _CLAUDE) is claude
    assert _DIALECT.format_for(wanted, provider, "meta.llama4-v1:0") is other


def test_formats_of_embeddings() -> None:
    provider = plan().provider
    for model, expected in (
        ("amazon.titan-embed-text-v2:0", Format.TITAN_EMBED),
        ("cohere.embed-v4:0", Format.BEDROCK_COHERE_EMBED),
        ("us.cohere.embed-v4:0", Format.BEDROCK_COHERE_EMBED),
        ("amazon.nova-pro-v1:0", None),
    ):
        assert _DIALECT.format_for(Format.EMBEDDINGS, provider, model) is expected
    assert _DIALECT.format_for(Format.RERANK, provider, _CLAUDE) is None


def test_a_body_that_passes_through_is_left_alone() -> None:
    assert _DIALECT.adapt(plan()) is None
    assert _DIALECT.adapt(plan(format=Format.INVOKE)) is None


def test_a_messages_body_gets_its_version_and_the_betas_that_bedrock_knows() -> None:
    said = b"claude-code-20250219, interleaved-thinking-2025-05-14,advanced-tool-use-2025-11-20"
    adapt = _DIALECT.adapt(plan(format=Format.INVOKE, translated=True, headers=((b"Anthropic-Beta", said),)))
    assert adapt is not None
    members: dict[str, Any] = {"model": "m", "stream": True, "max_tokens": 1}
    adapt(members)
    assert members == {
        "max_tokens": 1,
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": [
            "interleaved-thinking-2025-05-14",
            "tool-search-tool-2025-10-19",
            "tool-examples-2025-10-29",
        ],
    }


@pytest.mark.parametrize(
    ("spoken", "named"),
    [
        (Format.INVOKE, ["claude-code-20250219"]),
        (
            Format.CONVERSE,
            ["claude-code-20250219", "interleaved-thinking-2025-05-14", "advanced-tool-use-2025-11-20"],
        ),
    ],
)
def test_betas_that_bedrock_is_not_told_are_named(spoken: Format, named: list[str]) -> None:
    said = b"claude-code-20250219, interleaved-thinking-2025-05-14,advanced-tool-use-2025-11-20"
    asked = plan(format=spoken, translated=True, headers=((b"Anthropic-Beta", said), (b"x-other", b"y")))
    assert _DIALECT.unsaid(asked, b"") == [f"anthropic-beta: {beta}" for beta in named]


def test_a_configured_guardrail() -> None:
    configured = (
        ("X-Amzn-Bedrock-GuardrailIdentifier", "gr1"),
        ("X-Amzn-Bedrock-GuardrailVersion", "3"),
        ("X-Amzn-Bedrock-Trace", "ENABLED"),
    )
    adapt = _DIALECT.adapt(plan(configured=configured))
    assert adapt is not None
    members: dict[str, Any] = {"messages": [], "guardrailConfig": {"guardrailIdentifier": "the client's"}}
    adapt(members)
    said = {"guardrailIdentifier": "gr1", "guardrailVersion": "3", "trace": "enabled"}
    assert members == {"messages": [], "guardrailConfig": said}
    client = (b"x-amzn-bedrock-guardrailidentifier", b"the client's")
    _, headers = head(plan(format=Format.INVOKE, configured=configured, headers=(client,)))
    assert headers["x-amzn-bedrock-guardrailidentifier"] == "gr1"


def _errors() -> list[tuple[str, int]]:
    shapes = service_model().operation_model("InvokeModelWithResponseStream").error_shapes
    return [(shape.name, shape.metadata["error"]["httpStatusCode"]) for shape in shapes]


def test_all_errors_of_the_service_model_are_known() -> None:
    assert dict(_errors()) == STATUS_OF


_KINDS = {
    "ThrottlingException": FailureKind.RATE_LIMITED,
    "ModelNotReadyException": FailureKind.RATE_LIMITED,
    "ServiceQuotaExceededException": FailureKind.RATE_LIMITED,
    "AccessDeniedException": FailureKind.CREDENTIAL_REJECTED,
    "ValidationException": FailureKind.CLIENT_ERROR,
    "ResourceNotFoundException": FailureKind.CLIENT_ERROR,
    "ModelTimeoutException": FailureKind.SERVER_ERROR,
    "ModelErrorException": FailureKind.SERVER_ERROR,
    "ModelStreamErrorException": FailureKind.SERVER_ERROR,
    "InternalServerException": FailureKind.SERVER_ERROR,
    "ServiceUnavailableException": FailureKind.SERVER_ERROR,
}


@pytest.mark.parametrize(("name", "status"), _errors())
def test_errors(name: str, status: int) -> None:
    header = (b"x-amzn-errortype", f"{name}:http://internal.amazon.com/coral/".encode())
    error = _DIALECT.classify_error(status, (header,), b'{"message":"no"}')
    assert error.kind is _KINDS[name]
    assert error.status == status
    in_body = msgspec.json.encode({"__type": f"com.amazon.coral.service#{name}"})
    assert _DIALECT.classify_error(status, (), in_body).kind is _KINDS[name]


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize(
    "name", ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"]
)
def test_keys_that_are_no_good(name: str, status: int) -> None:
    error = _DIALECT.classify_error(status, ((b"x-amzn-errortype", name.encode()),), b"")
    assert error.kind is FailureKind.CREDENTIAL_REJECTED


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"__type":1}'])
def test_errors_without_a_name_go_by_their_status(body: bytes) -> None:
    assert _DIALECT.classify_error(429, (), body).kind is FailureKind.RATE_LIMITED
    assert _DIALECT.classify_error(502, (), body).kind is FailureKind.SERVER_ERROR


def test_streams_that_pass_through() -> None:
    decoder = _DIALECT.stream_decoder(Endpoint.CONVERSE, 1)
    event = frame("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"a"}}')
    assert decoder.event(event) is Sees.CONTENT
    assert decoder.sent_for(event) == event
    chunk = frame("chunk", b'{"bytes":"eyJ0eXBlIjoibWVzc2FnZV9zdG9wIn0="}')
    assert _DIALECT.stream_decoder(Endpoint.INVOKE, 1).event(chunk) is Sees.END


def test_answers_that_pass_through() -> None:
    converse = b'{"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7}}'
    usage = _DIALECT.read_answer(Endpoint.CONVERSE, converse).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (3, 4)
    invoke = b'{"type":"message","id":"msg_1","usage":{"input_tokens":3,"output_tokens":4}}'
    assert _DIALECT.read_answer(Endpoint.INVOKE, invoke).response_id == "msg_1"
    assert (
        _DIALECT.read_answer(Endpoint.INVOKE, b'{"generation":"a","usage":{"inputTokens":1}}').usage is None
    )
