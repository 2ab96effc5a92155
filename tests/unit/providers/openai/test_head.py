"""The head of an upstream request: what is cached, what the request adds, and what cannot get in."""

import pytest

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.format import Format
from fastgate.domain.snapshot import Deployment, Provider
from fastgate.providers.interface import Header, RequestPlan
from fastgate.providers.openai import OpenAIDialect


def plan(
    *,
    method: bytes = b"POST",
    path: str = "/chat/completions",
    endpoint: Endpoint = Endpoint.CHAT,
    content_type: bytes = b"application/json",
    query: str = "",
    headers: tuple[Header, ...] = (),
    heads: dict[tuple[object, ...], bytes] | None = None,
    azure: bool = False,
    secret: str | None = "sk-1",
    format: Format | None = Format.CHAT,
    translated: bool = False,
) -> RequestPlan:
    provider = Provider(
        name="p",
        dialect="openai",
        auth_header="authorization",
        auth_prefix="Bearer ",
        headers=(("X-Team", "blue"),),
        query="api-version=1" if azure else "",
        azure_deployments=azure,
    )
    deployment = Deployment(
        id="p/m", provider="p", model="m", upstream_model=None, base_url="https://a.example:8443/openai"
    )
    return RequestPlan(
        method=method,
        path=path,
        endpoint=endpoint,
        format=format,
        translated=translated,
        stream=False,
        provider=provider,
        deployment=deployment,
        model="gpt 4",
        secret=secret,
        content_type=content_type,
        query=query,
        headers=headers,
        heads={} if heads is None else heads,
    )


def lines(planned: RequestPlan, size: int = 7) -> list[bytes]:
    head = OpenAIDialect().build_head(planned, b"x" * size)
    assert head.endswith(b"\r\n\r\n")
    return head[:-4].split(b"\r\n")


def test_the_whole_head() -> None:
    first, *rest = lines(plan(headers=((b"openai-beta", b"x"),)))
    assert first == b"POST /openai/chat/completions HTTP/1.1"
    assert {line for line in rest if not line.startswith(b"user-agent: fastgate/")} == {
        b"host: a.example:8443",
        b"accept-encoding: identity",
        b"accept: */*",
        b"authorization: Bearer sk-1",
        b"x-team: blue",
        b"content-type: application/json",
        b"openai-beta: x",
        b"content-length: 7",
    }


def test_nothing_that_a_client_chooses_is_cached() -> None:
    heads: dict[tuple[object, ...], bytes] = {}
    for number in range(500):
        head = lines(
            plan(
                path=f"/responses/resp_{number}",
                endpoint=Endpoint.RESPONSES,
                query=f"after={number}",
                content_type=b"multipart/form-data; boundary=%d" % number,
                heads=heads,
            )
        )
        assert head[0] == b"POST /openai/responses/resp_%d?after=%d HTTP/1.1" % (number, number)
        assert b"content-type: multipart/form-data; boundary=%d" % number in head
    assert len(heads) == 2


def test_methods_share_a_cache() -> None:
    heads: dict[tuple[object, ...], bytes] = {}
    assert lines(plan(heads=heads))[0].startswith(b"POST ")
    got = lines(plan(heads=heads, method=b"GET", content_type=b""), 0)
    assert got[0].startswith(b"GET ")
    assert not any(line.startswith(b"content-type") for line in got)


@pytest.mark.parametrize(
    ("endpoint", "path", "target"),
    [
        (Endpoint.CHAT, "/chat/completions", b"/openai/deployments/gpt%204/chat/completions?api-version=1"),
        (Endpoint.RESPONSES, "/responses", b"/openai/responses?api-version=1"),
        (Endpoint.RESPONSES, "/responses/resp_1", b"/openai/responses/resp_1?api-version=1"),
    ],
)
def test_azure_names_the_deployment_where_it_has_one(endpoint: Endpoint, path: str, target: bytes) -> None:
    heads: dict[tuple[object, ...], bytes] = {}
    lines(plan(azure=True, heads=heads))
    assert lines(plan(azure=True, endpoint=endpoint, path=path, heads=heads))[0].split()[1] == target


@pytest.mark.parametrize("secret", ["sk-1", None])
@pytest.mark.parametrize(
    "name",
    [
        b"authorization",
        b"X-Team",
        b"user-agent",
        b"accept",
        b"host",
        b"content-type",
        b"content-length",
        b"accept-encoding",
        b"transfer-encoding",
        b"connection",
        b"expect",
    ],
)
def test_a_header_of_the_gateways_own_is_not_taken_from_the_client(name: bytes, secret: str | None) -> None:
    head = lines(plan(headers=((name, b"client"),), secret=secret))
    assert not any(b"client" in line for line in head)
    names = [line.partition(b":")[0].lower() for line in head[1:]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "planned",
    [
        plan(headers=((b"x-a", b"1\r\nx-b: 2"),)),
        plan(headers=((b"x-a", b"1\0"),)),
        plan(content_type=b"multipart/form-data; boundary=x\r\nx-b: 2"),
        plan(path="/responses/a b"),
        plan(path="/responses/a\r\nx-b: 2"),
        plan(path="/responses/\u00e9"),
        plan(path="responses"),
        plan(query="a=1 HTTP/1.1\r\n"),
    ],
)
def test_nothing_splits_the_request(planned: RequestPlan) -> None:
    with pytest.raises(ValueError, match=r"line break|target|ascii"):
        OpenAIDialect().build_head(planned, b"")


def test_a_secret_that_cannot_be_sent_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="Latin-1") as caught:
        OpenAIDialect().build_head(plan(secret="sk-\u20ac"), b"")
    assert "\\u20ac" not in str(caught.value)
    assert "\u20ac" not in str(caught.value)


@pytest.mark.parametrize(
    ("format_", "target"),
    [
        (Format.CHAT, b"/openai/chat/completions"),
        (Format.EMBEDDINGS, b"/openai/embeddings"),
        (Format.RERANK, b"/openai/rerank"),
    ],
)
def test_what_is_translated_goes_to_the_path_of_its_format(format_: Format, target: bytes) -> None:
    planned = plan(path="/v1/messages", query="beta=true", format=format_, translated=True)
    assert lines(planned)[0].split()[1] == target


def test_other_vendors_headers_stay_here() -> None:
    names = (
        b"anthropic-version",
        b"Anthropic-Beta",
        b"x-goog-user-project",
        b"x-amz-date",
        b"x-amzn-trace-id",
    )
    head = lines(plan(headers=(*((name, b"client") for name in names), (b"openai-beta", b"x"))))
    assert [line for line in head if b"client" in line] == []
    assert b"openai-beta: x" in head


@pytest.mark.parametrize(
    ("endpoints", "wanted", "spoken"),
    [
        ([Endpoint.CHAT], Format.CHAT, Format.CHAT),
        ([Endpoint.CHAT, Endpoint.RESPONSES], Format.RESPONSES, Format.RESPONSES),
        ([Endpoint.CHAT], Format.RESPONSES, Format.CHAT),
        ([Endpoint.CHAT], Format.MESSAGES, Format.CHAT),
        ([Endpoint.CHAT], Format.COMPLETIONS, Format.CHAT),
        ([Endpoint.RESPONSES], Format.MESSAGES, None),
        ([Endpoint.CHAT], Format.EMBEDDINGS, None),
        ([Endpoint.EMBEDDINGS], Format.EMBED_CONTENT, Format.EMBEDDINGS),
        ([Endpoint.RERANK], Format.COHERE_RERANK, Format.RERANK),
        ([Endpoint.CHAT, Endpoint.EMBEDDINGS], Format.RERANK, None),
    ],
)
def test_the_same_format_where_it_is_offered_else_the_common_one(
    endpoints: list[Endpoint], wanted: Format, spoken: Format | None
) -> None:
    provider = Provider(
        name="p", dialect="openai", auth_header="a", auth_prefix="", endpoints=tuple(endpoints)
    )
    assert OpenAIDialect().format_for(wanted, provider, "m") is spoken


def test_a_credential_that_is_replaced_is_not_kept() -> None:
    heads: dict[tuple[object, ...], bytes] = {}
    assert b"authorization: Bearer sk-1" in lines(plan(heads=heads))
    assert b"authorization: Bearer sk-2" in lines(plan(heads=heads, secret="sk-2"))
    assert not any(b"sk-" in cached for cached in heads.values())
