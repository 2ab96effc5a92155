"""Bodies that cannot be used: each with its status, its error, its log line and its count."""

from collections.abc import Iterator

import pytest
from tests.support.gateway_rig import GatewayRig, plain_config
from tests.support.raw_client import chat_body, raw_client, request

from fastgate.launch import Edge

MAX_BODY = 64 * 1024
BODY_TIMEOUT_S = 0.3
MIB = 1024 * 1024
HUNDRED_MB = 100_000_000

CHUNKED = [("Transfer-Encoding", "chunked")]


@pytest.fixture(scope="module")
def _rig(tmp_path_factory: pytest.TempPathFactory, edge: Edge) -> Iterator[GatewayRig]:
    with GatewayRig(
        tmp_path_factory.mktemp("gateway"),
        lambda url: plain_config(url, max_body_bytes=MAX_BODY, body_timeout_s=BODY_TIMEOUT_S),
        edge=edge,
    ) as rig:
        yield rig


@pytest.fixture
def rig(_rig: GatewayRig) -> Iterator[GatewayRig]:
    yield _rig
    _rig.check()


def with_field(text: str) -> bytes:
    return f'{{"model": "gpt-4o", "messages": [], {text}}}'.encode()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "(byte 0)"),
        (b"{", "(byte 1)"),
        (b'{"model":"gpt-4o"', "(byte 17)"),
        (b'{"model":"gpt-4o",}', "(byte 18)"),
        (b'{"model":"gpt-4o"}{}', "(byte 19)"),
        (b"{'model':'gpt-4o'}", "(byte 1)"),
        (b'{"model":"gpt-4o","temperature":NaN}', "(byte 32)"),
        (b'{"model":"gpt-4o","x":01}', "(byte 23)"),
        (b'{"model":"gpt-4o","x":"a\nb"}', "(byte 24)"),
        (b'{"model":"gpt-4o","x":"\\u00"}', "byte"),
        (b'{"model":"gpt-4o","x":"\xff"}', "UTF-8 (byte 23)"),
        (b'{"model":"gpt-4o","x":"\xed\xa0\x80"}', "UTF-8 (byte 23)"),
        ('{"model":"gpt-4o"}'.encode("utf-16"), "byte"),
        (b'\xef\xbb\xbf{"model":"gpt-4o"}', "(byte 0)"),
        (b'{"model":"gpt-4o","x":"\x00"}', "(byte 23)"),
        (b'{"model":"gpt-4o","x":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "nested too deeply"),
        (b'{"model":"gpt-4o","x":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}", "nested too deeply"),
        (b'{"x":' + b"[" * 60_000, "nested too deeply"),
    ],
)
async def test_invalid_json(rig: GatewayRig, body: bytes, says: str) -> None:
    response = await rig.refused(request(body), 400, "invalid_json")
    assert response.error()["type"] == "invalid_request_error"
    assert says in response.error()["message"]


@pytest.mark.parametrize("body", [b"[]", b'"gpt-4o"', b"null", b"true", b"7"])
async def test_not_an_object(rig: GatewayRig, body: bytes) -> None:
    await rig.refused(request(body), 400, "invalid_body")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"model":"gpt-4o","model":"other"}', "model"),
        (b'{"model":"gpt-4o","mod\\u0065l":"other"}', "model"),
        (b'{"model":"gpt-4o","temperature":1,"temperature":1}', "temperature"),
        (b'{"model":"gpt-4o","fallbacks":[],"fallbacks":["other"]}', "fallbacks"),
        (b'{"model":"gpt-4o","":1,"":2}', ""),
    ],
)
async def test_duplicate_keys(rig: GatewayRig, body: bytes, param: str) -> None:
    response = await rig.refused(request(body), 400, "duplicate_key", param=param)
    assert "byte" in response.error()["message"]


@pytest.mark.parametrize("body", [b"{}", b'{"model":null}', b'{"messages":[]}', b'{"model":""}'])
async def test_no_model(rig: GatewayRig, body: bytes) -> None:
    await rig.refused(request(body), 400, "missing_field", param="model")


@pytest.mark.parametrize("value", ["5", "true", "[]", "{}", "1.5"])
async def test_a_model_of_the_wrong_type(rig: GatewayRig, value: str) -> None:
    response = await rig.refused(
        request(f'{{"messages":[],"model":{value}}}'.encode()), 400, "invalid_field", param="model"
    )
    assert "(byte 23)" in response.error()["message"]


@pytest.mark.parametrize(
    ("field", "param"),
    [
        ('"stream": "yes"', "stream"),
        ('"stream": 1', "stream"),
        ('"stream_options": []', "stream_options"),
        ('"stream_options": {"include_usage": "yes"}', "stream_options.include_usage"),
        ('"max_tokens": "many"', "max_tokens"),
        ('"max_tokens": 1.5', "max_tokens"),
        ('"max_completion_tokens": {}', "max_completion_tokens"),
        ('"n": "2"', "n"),
        ('"user": 5', "user"),
        ('"metadata": []', "metadata"),
        ('"fallbacks": "gpt-4o"', "fallbacks"),
        ('"fallbacks": [5]', "fallbacks[0]"),
        ('"fallbacks": [{"provider": "local"}]', "fallbacks[0]"),
        ('"fallbacks": [{"model": "gpt-4o", "region": "eu"}]', "fallbacks[0]"),
    ],
)
async def test_fields_of_the_wrong_type(rig: GatewayRig, field: str, param: str) -> None:
    response = await rig.refused(request(with_field(field)), 400, "invalid_field", param=param)
    assert "byte" in response.error()["message"]


@pytest.mark.parametrize("name", ["temperature", "messages", "tools", "x"])
@pytest.mark.parametrize("value", ["null", "{}", "[]", '"text"', "-1e400", "123456789012345678901234567890"])
async def test_fields_that_are_not_looked_at_may_be_anything(rig: GatewayRig, name: str, value: str) -> None:
    body = f'{{"model":"gpt-4o","{name}":{value}}}'.encode()
    _, upstream = await rig.answered(request(body))
    assert upstream.body == body


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip"])
async def test_a_compressed_body(rig: GatewayRig, coding: str) -> None:
    data = request(chat_body(), ("Content-Encoding", coding))
    await rig.refused(data, 415, "unsupported_media_type")


TRANSCRIPTIONS = "/v1/audio/transcriptions"
PART = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'


WITH_BOUNDARY = "multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("application/json", b"{}"), ("multipart/form-data", PART + b"--b--\r\n"), ("", PART + b"--b--\r\n")],
)
async def test_what_is_no_form(rig: GatewayRig, content_type: str, body: bytes) -> None:
    data = request(body, path=TRANSCRIPTIONS).replace(b"application/json", content_type.encode())
    await rig.refused(data, 415, "unsupported_media_type", endpoint="audio_transcriptions")


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (PART, "invalid_body", None),
        (b"no form at all", "invalid_body", None),
        (b"", "invalid_body", None),
        (PART + PART + b"--b--\r\n", "duplicate_key", "model"),
        (PART.replace(b"whisper-1", b"\xff") + b"--b--\r\n", "invalid_field", "model"),
        (b"--b--\r\n", "missing_field", "model"),
    ],
)
async def test_broken_forms(rig: GatewayRig, body: bytes, code: str, param: str | None) -> None:
    data = request(body, path=TRANSCRIPTIONS).replace(b"application/json", WITH_BOUNDARY.encode())
    await rig.refused(data, 400, code, param=param, endpoint="audio_transcriptions")


# --- too large, too slow ----------------------------------------------------------------------------


async def test_the_largest_body_that_is_taken(rig: GatewayRig) -> None:
    empty = chat_body(x="")
    body = chat_body(x="a" * (MAX_BODY - len(empty)))
    _, upstream = await rig.answered(request(body))
    assert upstream.body == body
    await rig.refused(request(body + b" "), 413, "request_too_large")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_hundred_megabytes(rig: GatewayRig, chunked: bool) -> None:
    """Refused while it is read, or before that where its length is announced."""
    before = await rig.gateway.ascrape()
    data = b"a" * 65_536
    framing = CHUNKED if chunked else [("Content-Length", str(HUNDRED_MB))]
    with rig.memory_bounded(8 * MIB):
        async with raw_client(rig.url) as client:
            await client.send(request(framing=framing))
            piece = b"10000\r\n" + data + b"\r\n" if chunked else data
            sent = await client.send_until_refused(piece, HUNDRED_MB // len(data))
            response = await client.response()
            assert await client.rest() == b""
    assert sent < HUNDRED_MB // 2, "the kernel's buffers take some megabytes"
    assert (response.status, response.header("connection")) == (413, "close")
    assert response.error()["code"] == "request_too_large"
    line = await rig.line(response.request_id)
    assert (line["status"], line["code"], line["finish"]) == (413, "request_too_large", "error")
    assert line.get("bytes_in", 0) <= MAX_BODY + MIB
    await rig.counted(before, "fastgate_requests_total", endpoint="chat", status="413")
    assert rig.provider.requests == []


@pytest.mark.parametrize("framing", [CHUNKED, [("Content-Length", "100")]])
@pytest.mark.parametrize("begun", [b"", b"{"])
async def test_a_body_that_stops_coming(
    rig: GatewayRig, framing: list[tuple[str, str]], begun: bytes
) -> None:
    if begun and framing is CHUNKED:
        begun = b"1\r\n{\r\n"
    before = await rig.gateway.ascrape()
    async with raw_client(rig.url) as client:
        await client.send(request(framing=framing) + begun)
        response = await client.response()
        assert await client.rest() == b""
    assert (response.status, response.header("connection")) == (408, "close")
    error = response.error()
    assert (error["code"], error["type"]) == ("request_timeout", "timeout_error")
    line = await rig.line(response.request_id)
    assert (line["status"], line["code"]) == (408, "request_timeout")
    assert line["overhead_us"] < BODY_TIMEOUT_S * 1e6 / 2, "waiting for the client is not the gateway's time"
    await rig.counted(before, "fastgate_requests_total", endpoint="chat", status="408")
    assert rig.provider.requests == []
