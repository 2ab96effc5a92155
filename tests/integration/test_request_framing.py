"""Requests at the edge of HTTP/1.1's framing: none is taken for two, and none gets more upstream than it is.

Behind granian, what is not HTTP is answered by hyper with an empty 400, 414 or 431 that the gateway is not
told of (docs/errors.md), so it has no log line and counts as none; the native edge tells it.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.gateway_process import provider_config
from tests.support.gateway_rig import GatewayRig, plain_config
from tests.support.hostile import SMUGGLED_ID, no_request, the_one_response
from tests.support.raw_client import Response, chat_body, raw_client, request

from fastgate.launch import Edge

BODY = chat_body()
CHUNKED = ("Transfer-Encoding", "chunked")
LENGTH = ("Content-Length", str(len(BODY)))
SMUGGLED = request(BODY, ("X-Request-Id", SMUGGLED_ID))


def configure(provider_url: str) -> dict[str, Any]:
    config = plain_config(provider_url)
    config["providers"]["wild"] = provider_config(provider_url, any_model=True)
    config["providers"]["wild-azure"] = {
        "dialect": "openai",
        "base_url": provider_url.replace("/v1", "/openai"),
        "url_style": "deployments",
        "api_version": "2024-10-21",
        "any_model": True,
        "credentials": [{"id": "main", "secret": "upstream-secret-main"}],
    }
    return config


@pytest.fixture(scope="module")
def _rig(tmp_path_factory: pytest.TempPathFactory, edge: Edge) -> Iterator[GatewayRig]:
    with GatewayRig(tmp_path_factory.mktemp("gateway"), configure, edge=edge) as rig:
        yield rig


@pytest.fixture
def rig(_rig: GatewayRig) -> Iterator[GatewayRig]:
    yield _rig
    _rig.check()


def chunked(body: bytes, *sizes: int, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    """The body in chunks of these sizes, the rest in a last one."""
    pieces = []
    for size in sizes:
        pieces.append(body[:size])
        body = body[size:]
    pieces.append(body)
    coded = b"".join(b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces if piece)
    return coded + b"0\r\n" + trailer + b"\r\n"


# --- what is good HTTP ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "coded",
    [
        chunked(BODY),
        chunked(BODY, *[1] * len(BODY)),
        chunked(BODY, 5, extension=b";name=value"),
        pytest.param(chunked(BODY, trailer=b"X-Trailer: 1\r\n"), id="trailer"),
    ],
)
async def test_chunked_bodies(rig: GatewayRig, coded: bytes) -> None:
    """Upstream it has a length, whatever framing the client chose."""
    if rig.edge == "rsgi" and b"X-Trailer" in coded:
        await rig.refused(request(framing=[CHUNKED]) + coded, 400, "invalid_body")
        return
    _, upstream = await rig.answered(request(framing=[CHUNKED]) + coded)
    assert upstream.body == BODY
    assert upstream.header("content-length") == str(len(BODY))
    assert upstream.header("transfer-encoding") is None
    assert upstream.header("x-trailer") is None


async def test_expect_100_continue(rig: GatewayRig) -> None:
    async with raw_client(rig.url) as client:
        await client.send(request(b"", ("Expect", "100-continue"), framing=[LENGTH]))
        assert (await client.response_head()).status == 100
        await client.send(BODY)
        assert (await client.response()).status == 200
    assert rig.provider.requests[0].header("expect") is None


async def test_expect_100_continue_of_a_request_that_is_refused(rig: GatewayRig) -> None:
    """The refusal comes at once: the body is not asked for."""
    async with raw_client(rig.url) as client:
        await client.send(request(b"", ("Expect", "100-continue"), framing=[LENGTH], secret=None))
        assert (await client.response()).status == 401


async def test_pipelined_requests(rig: GatewayRig) -> None:
    """They are answered one after the other, in order."""
    before = await rig.gateway.ascrape()
    async with raw_client(rig.url) as client:
        requests = [request(BODY, ("X-Request-Id", f"pipelined-{n}")) for n in range(5)]
        await client.send(b"".join(requests) + request(method="GET", path="/health/live"))
        for number in range(5):
            response = await client.response()
            assert (response.status, response.request_id) == (200, f"pipelined-{number}")
        assert (await client.response()).json() == {"status": "alive"}
    await rig.counted(before, "fastgate_requests_total", 5, endpoint="chat", status="200")


async def test_http_1_0(rig: GatewayRig) -> None:
    data = request(BODY).replace(b"HTTP/1.1", b"HTTP/1.0")
    async with raw_client(rig.url) as client:
        await client.send(data)
        assert (await client.response()).status == 200
        assert await client.rest() == b""


async def test_an_upgrade_is_not_made(rig: GatewayRig) -> None:
    data = request(
        BODY, ("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AA")
    )
    _, upstream = await rig.answered(data)
    assert {"connection", "upgrade", "http2-settings"}.isdisjoint(dict(upstream.headers))


# --- two framings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", [[CHUNKED, ("Content-Length", "4")], [("Content-Length", "4"), CHUNKED]])
async def test_length_and_chunked_at_once(rig: GatewayRig, lengths: list[tuple[str, str]]) -> None:
    """RFC 9112 6.1 lets a server refuse it, or let chunked count and end the connection with the answer:
    either way, what follows is nobody's."""
    data = request(framing=lengths) + chunked(BODY) + SMUGGLED
    if rig.edge == "native":
        await no_request(rig, [data], 400, "malformed_request")
        return
    assert (await the_one_response(rig, data)).status == 200
    (upstream,) = rig.provider.requests
    assert upstream.body == BODY
    assert [name for name, _ in upstream.headers if name in {"content-length", "transfer-encoding"}] == [
        "content-length"
    ]


@pytest.mark.parametrize(
    "framing",
    [
        [LENGTH, ("Content-Length", "4")],
        [("Content-Length", "4"), LENGTH],
        [("Content-Length", f"{len(BODY)}, 4")],
        [("Content-Length", f"+{len(BODY)}")],
        [("Content-Length", "-1")],
        [("Content-Length", f"0x{len(BODY):x}")],
        [("Content-Length", "99999999999999999999999")],
        [("Content-Length", "")],
        [("Content-Length ", str(len(BODY)))],
        [(" Content-Length", str(len(BODY)))],
        [("Content-Length", f"1\r\n {len(BODY)}")],
        [("Transfer-Encoding", "xchunked")],
        [("Transfer-Encoding", "chunked, identity")],
        [("Transfer-Encoding", "identity")],
        [("Transfer-Encoding", "\x0bchunked")],
        [("Transfer-Encoding", "chu\r\n nked")],
        [CHUNKED, ("Transfer-Encoding", "identity")],
        [("Transfer-Encoding ", "chunked")],
    ],
)
async def test_ambiguous_framing(rig: GatewayRig, framing: list[tuple[str, str]]) -> None:
    await no_request(rig, [request(BODY, framing=framing) + SMUGGLED], 400, "malformed_request")


@pytest.mark.parametrize(
    "data",
    [
        request(BODY, ("X-Folded", "one\r\n two")),
        request(BODY, ("X-Bare", "one\rtwo")),
        request(BODY, ("X-Nul", "one\0two")),
        request(BODY, ("X-Control", "one\x01two")),
        request(BODY, ("X-\0Name", "one")),
        request(BODY, ("", "one")),
        request(BODY).replace(b"Host:", b"Host"),
        request(BODY, path="/v1/\0"),
        request(BODY).replace(b"HTTP/1.1", b"HTTP/9.9"),
        b"\x16\x03\x01\x02\x00 this is no HTTP\r\n\r\n",
    ],
)
async def test_malformed_heads(rig: GatewayRig, data: bytes) -> None:
    await no_request(rig, [data], 400, "malformed_request")


@pytest.mark.parametrize(
    "coded",
    [
        b"zz\r\n" + BODY,
        b"-1\r\n" + BODY,
        b"ffffffffffffffffffff\r\n" + BODY,
        b"5\n{}{}{\n0\n\n",
        b"2\r\n{}XX0\r\n\r\n",
    ],
)
async def test_malformed_chunks(rig: GatewayRig, coded: bytes) -> None:
    data = request(framing=[CHUNKED]) + coded + SMUGGLED
    await rig.refused(data, 400, "invalid_body")
    assert (await the_one_response(rig, data)).error()["code"] == "invalid_body"
    assert rig.provider.requests == []


async def test_chunks_that_break_off(rig: GatewayRig) -> None:
    """To the gateway they are malformed ones; who closed only its sending side can read that."""
    before = await rig.gateway.ascrape()
    async with raw_client(rig.url) as client:
        await client.send(request(b"5\r\n{", ("X-Request-Id", "cut-chunk"), framing=[CHUNKED]))
        client.half_close()
        response = await client.response()
    assert (response.status, response.error()["code"]) == (400, "invalid_body")
    line = await rig.line("cut-chunk")
    assert (line["status"], line["code"], line["finish"]) == (400, "invalid_body", "error")
    await rig.counted(before, "fastgate_requests_total", endpoint="chat", status="400")
    assert rig.provider.requests == []


async def test_a_body_that_is_shorter_than_its_length(rig: GatewayRig) -> None:
    """Only a client that left can be the cause, so it counts as one."""
    before = await rig.gateway.ascrape()
    async with raw_client(rig.url) as client:
        await client.send(request(b"{", ("X-Request-Id", "cut-body"), framing=[("Content-Length", "100")]))
        client.half_close()
        response = await client.response()
    assert (response.status, response.body) == (400, b"")
    line = await rig.line("cut-body")
    assert (line["client"], line["finish"], line.get("status", 0)) == ("disconnected", "cancelled", 0)
    await rig.counted(before, "fastgate_requests_total", endpoint="chat", status="0")
    await rig.counted(before, "fastgate_client_disconnects_total", endpoint="chat")
    assert rig.provider.requests == []


async def test_bare_line_feeds(rig: GatewayRig) -> None:
    """RFC 9112 2.2 lets a recipient take them as line ends; upstream every line ends with CRLF."""
    head, _, body = request(BODY).partition(b"\r\n\r\n")
    data = head.replace(b"\r\n", b"\n") + b"\n\n" + body
    if rig.edge == "native":
        await no_request(rig, [data + SMUGGLED], 400, "malformed_request")
        return
    _, upstream = await rig.answered(data)
    head = upstream.raw[: -len(BODY)]
    assert head.count(b"\n") == head.count(b"\r\n")


# --- injection through values -------------------------------------------------------------------


INJECTIONS = [
    "x\r\nX-Injected: 1",
    "x\nX-Injected: 1",
    "x\0y",
    "x HTTP/1.1\r\n\r\nGET /",
    "ü\r\n",
    "../../x?y#z",
]


@pytest.mark.parametrize("name", INJECTIONS)
async def test_a_model_name_with_line_breaks_in_the_body(rig: GatewayRig, name: str) -> None:
    """As JSON it is harmless, in the answer's headers it is made so."""
    response, upstream = await rig.answered(request(chat_body(model=f"wild/{name}")))
    assert upstream.json()["model"] == name
    assert_nothing_injected(response, upstream.raw[: -len(upstream.body)])


@pytest.mark.parametrize("name", INJECTIONS)
async def test_a_model_name_with_line_breaks_in_the_path(rig: GatewayRig, name: str) -> None:
    response, upstream = await rig.answered(request(chat_body(model=f"wild-azure/{name}")))
    assert_nothing_injected(response, upstream.raw[: -len(upstream.body)])
    prefix, _, rest = upstream.target.partition("/openai/deployments/")
    assert prefix == ""
    assert rest.count("/") == 2, "the name is one segment"
    assert rest.endswith("/chat/completions?api-version=2024-10-21")


def assert_nothing_injected(response: Response, head: bytes) -> None:
    assert response.header("x-injected") is None
    assert b"x-injected:" not in head.lower()
    assert head.count(b"\n") == head.count(b"\r\n")
    model = response.header("x-fastgate-model")
    assert model is not None
    assert model.isascii()
    assert model.isprintable()


@pytest.mark.parametrize("name", INJECTIONS)
async def test_an_unknown_model_name_with_line_breaks(rig: GatewayRig, name: str) -> None:
    response = await rig.refused(request(chat_body(model=name)), 404, "model_not_found", param="model")
    assert response.header("x-injected") is None


@pytest.mark.parametrize("path", ["%0d%0aX-Injected:1", "a%00b", "%ff%fe", ".."])
async def test_escapes_in_the_path(rig: GatewayRig, path: str) -> None:
    data = request(method="GET", path=f"/v1/models/{path}")
    await rig.refused(data, 404, "model_not_found", param="model", endpoint="models")
    data = request(BODY, path=f"/openai/deployments/{path}/chat/completions")
    await rig.refused(data, 404, "model_not_found", param="model")


@pytest.mark.parametrize(
    "offered", ["a b", "a%0d%0ab?", "a\\r\\nX-Injected: 1", "a" * 129, "a;b", "ü", '"a"', ""]
)
async def test_a_request_id_that_is_not_fit(rig: GatewayRig, offered: str) -> None:
    response, upstream = await rig.answered(request(BODY, ("X-Request-Id", offered)))
    assert response.request_id.startswith("req_")
    assert upstream.header("x-request-id") is None


@pytest.mark.parametrize(
    "offered", ["a", "a" * 128, "req-1.2_3:4/5+6=7@8", "0f8fad5b-d9cb-469f-a165-70867728950e"]
)
async def test_a_request_id_that_is_kept(rig: GatewayRig, offered: str) -> None:
    response, _ = await rig.answered(request(BODY, ("X-Request-Id", offered)))
    assert response.request_id == offered
