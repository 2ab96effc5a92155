"""What reaches the provider of a request, and the client of an answer: these bytes and headers, no others."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.support import replies
from tests.support.builders import chat_completion, chat_events, split
from tests.support.gateway_process import provider_config
from tests.support.gateway_rig import UPSTREAM_SECRET, GatewayRig, plain_config
from tests.support.raw_client import chat_body, request

# Whatever a client may send and nobody may tidy up.
ODD = (
    b'\r\n\t{ "model" :\t"gpt-4o" ,\n'
    b'  "\\u006dessages":[ {"role":"user","content":"\\ud83d\\ude00 \\/ \xc3\xa9"} ],'
    b'"temperature":1.50E+0, "seed":123456789012345678901234567890,"zero":-0.0,"big":1E+300,\r\n'
    b'"x_unknown":{"a":[ ],"a":[null , true]},"":"", "max_tokens":7 , "user":"u","metadata":{"k":"v"}}  \n'
)


def configure(provider_url: str) -> dict[str, Any]:
    config = plain_config(provider_url)
    config["providers"]["renamed"] = provider_config(
        provider_url, "renamed-only", deployments=[{"model": "public-name", "upstream_model": "private/name"}]
    )
    config["providers"]["silent"] = provider_config(provider_url, "no-usage", stream_usage=False)
    config["providers"]["second"] = provider_config(provider_url, "second-model")
    config["tags"] = {"allowed": ["a"]}
    config["upstream"] = {"forward_request_headers": ["X-Team"], "retry_budget_min_per_s": 1_000}
    return config


@pytest.fixture(scope="module")
def _rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    with GatewayRig(tmp_path_factory.mktemp("gateway"), configure) as rig:
        yield rig


@pytest.fixture
def rig(_rig: GatewayRig) -> Iterator[GatewayRig]:
    yield _rig
    _rig.check()


# --- bodies -----------------------------------------------------------------------------------------


async def test_a_body_in_odd_formatting(rig: GatewayRig) -> None:
    _, upstream = await rig.answered(request(ODD))
    assert upstream.body == ODD


async def test_a_model_is_renamed_in_place(rig: GatewayRig) -> None:
    body = ODD.replace(b'"gpt-4o"', b'"public-\\u006eame"')
    _, upstream = await rig.answered(request(body))
    assert upstream.body == ODD.replace(b'"gpt-4o"', b'"private/name"')


@pytest.mark.parametrize("name", ["local/gpt-4o", "gpt-4o"])
async def test_a_providers_name_before_the_model(rig: GatewayRig, name: str) -> None:
    body = ODD.replace(b"gpt-4o", name.encode())
    _, upstream = await rig.answered(request(body))
    assert upstream.body == ODD


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (b'{"model":"gpt-4o" , "stream" : true}', b'"stream_options":{"include_usage":true}'),
        (
            b'{"stream":true,"model":"gpt-4o","stream_options":null}',
            b'"stream_options":{"include_usage":true}',
        ),
        (
            b'{"stream":true,"model":"gpt-4o","stream_options":{"include_obfuscation":false}}',
            b'"stream_options":{"include_obfuscation":false,"include_usage":true}',
        ),
    ],
)
async def test_usage_is_asked_for_and_withheld(rig: GatewayRig, asked: bytes, sent: bytes) -> None:
    events = chat_events()
    rig.provider.script(replies.sse_reply(events))
    response, upstream = await rig.answered(request(asked))
    assert sent in upstream.body
    assert upstream.json() == {**upstream.json(), "model": "gpt-4o", "stream": True}
    assert response.body == b"".join(event for event in events if b'"usage"' not in event)
    line = await rig.line(response.request_id)
    assert (line["input_tokens"], line["output_tokens"]) == (10, 3)


async def test_a_stream_whose_client_asks_for_usage(rig: GatewayRig) -> None:
    body = ODD.replace(b'"user":"u"', b'"stream": true,"stream_options" :{ "include_usage":true }')
    rig.provider.script(replies.chat_stream())
    response, upstream = await rig.answered(request(body))
    assert upstream.body == body
    assert response.body == b"".join(chat_events())


async def test_a_provider_that_takes_no_stream_options(rig: GatewayRig) -> None:
    body = chat_body(model="no-usage", stream=True)
    rig.provider.script(replies.chat_stream())
    _, upstream = await rig.answered(request(body))
    assert upstream.body == body


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (b'{"fallbacks":["second-model"],"model":"gpt-4o"}', b'{"model":"gpt-4o"}'),
        (b'{"model":"gpt-4o","fallbacks":["second-model"]}', b'{"model":"gpt-4o"}'),
        (b'{ "model":"gpt-4o" , "fallbacks" : ["second-model"] , "x":1}', b'"x":1}'),
        (b'{"model":"gpt-4o","f\\u0061llbacks":[{"provider":"second","model":"second-model"}]}', b"gpt-4o"),
    ],
)
async def test_fallbacks_in_the_body(rig: GatewayRig, given: bytes, left: bytes) -> None:
    """They are tried when the model's own deployments are done with, and no provider sees them."""
    rig.provider.script(replies.status_reply(500), model="gpt-4o")
    rig.provider.script(replies.chat_reply("from the second"), model="second-model")
    response = await rig.exchange(request(given))
    assert response.status == 200
    assert response.json() == chat_completion("from the second")
    assert response.header("x-fastgate-model") == "second-model"
    first, *_, last = rig.provider.requests
    assert left in first.body
    assert first.json()["model"] == "gpt-4o"
    assert last.body == first.body.replace(b"gpt-4o", b"second-model")
    assert all("fallbacks" not in upstream.json() for upstream in rig.provider.requests)
    line = await rig.line(response.request_id)
    assert (line["deployment"], line["fallbacks"]) == ("second/second-model", 1)


async def test_a_form_is_relayed_byte_for_byte(rig: GatewayRig) -> None:
    form = (
        b'--=b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
        b"Content-Type: audio/wav\r\n\r\n\x00\xff--=\r\n\x0d\x0a\r\n--=b\r\n"
        b"content-disposition: form-data; name=model\r\n\r\ngpt-4o\r\n--=b--\r\nepilogue"
    )
    content_type = 'multipart/form-data; boundary="=b"'
    rig.provider.script(replies.json_reply({"text": "Hello"}))
    data = request(form, path="/v1/audio/transcriptions").replace(b"application/json", content_type.encode())
    _, upstream = await rig.answered(data)
    assert upstream.body == form
    assert upstream.header("content-type") == content_type


# --- request headers ------------------------------------------------------------------------------


KEPT = {
    "openai-organization": "org-1",
    "openai-project": "proj-1",
    "openai-beta": "assistants=v2",
    "idempotency-key": "0f8fad5b",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "vendor=value",
    "x-team": "search",
}
NOT_KEPT = {
    "cookie": "session=secret",
    "x-api-key": "another-key",
    "api-key": "another-key",
    "proxy-authorization": "Basic secret",
    "x-stainless-os": "Linux",
    "x-stainless-retry-count": "0",
    "x-forwarded-for": "10.0.0.1",
    "x-forwarded-host": "inside.example",
    "x-real-ip": "10.0.0.1",
    "forwarded": "for=10.0.0.1",
    "via": "1.1 proxy",
    "origin": "https://app.example",
    "referer": "https://app.example/secret",
    "user-agent": "OpenAI/Python",
    "accept-encoding": "gzip, br",
    "accept-language": "de",
    "range": "bytes=0-1",
    "if-none-match": '"etag"',
    "te": "trailers",
    "trailer": "x-sum",
    "keep-alive": "timeout=5",
    "connection": "keep-alive, x-team-2",
    "x-team-2": "other",
    "x-fastgate-tags": "a=b",
    "x-request-id": "from-the-client",
    "x-http-method-override": "DELETE",
}


async def test_headers_that_are_forwarded(rig: GatewayRig) -> None:
    """A list of those, not of the others: what nobody thought of stays here."""
    _, upstream = await rig.answered(request(chat_body(), *KEPT.items(), *NOT_KEPT.items()))
    headers = dict(upstream.headers)
    assert len(headers) == len(upstream.headers), "none stands twice"
    assert {name: headers.pop(name, None) for name in KEPT} == {
        **KEPT,
        "idempotency-key": "vk_test:" + KEPT["idempotency-key"],
    }
    assert headers.pop("user-agent").startswith("fastgate/")
    assert headers == {
        "host": f"127.0.0.1:{rig.provider.port}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(upstream.body)),
        "authorization": f"Bearer {UPSTREAM_SECRET}",
    }


async def test_the_clients_host_leads_nowhere(rig: GatewayRig) -> None:
    data = request(chat_body(), path="http://other.example/v1/chat/completions")
    _, upstream = await rig.answered(data.replace(b"gateway.test", b"other.example"))
    assert upstream.header("host") == f"127.0.0.1:{rig.provider.port}"
    assert upstream.target == "/v1/chat/completions"


# --- response headers -----------------------------------------------------------------------------


async def test_headers_of_an_answer(rig: GatewayRig) -> None:
    given = [
        ("x-request-id", "upstream-1"),
        ("openai-processing-ms", "12"),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-tokens", "149984"),
        ("x-ratelimit-reset-requests", "1s"),
        ("set-cookie", "__cf_bm=secret"),
        ("server", "cloudflare"),
        ("cf-ray", "1"),
        ("alt-svc", 'h3=":443"'),
        ("strict-transport-security", "max-age=1"),
        ("access-control-allow-origin", "*"),
        ("x-fastgate-provider", "forged"),
        ("x-fastgate-request-id", "forged"),
        ("retry-after", "7"),
        ("connection", "keep-alive"),
        ("www-authenticate", "Basic"),
    ]
    rig.provider.script(replies.chat_reply(headers=given))
    response, _ = await rig.answered(request(chat_body(), ("X-Request-Id", "kept")))
    headers = dict(response.headers)
    assert len(headers) == len(response.headers), "none stands twice"
    assert int(headers.pop("x-fastgate-overhead-us")) >= 0
    del headers["date"]
    assert headers.pop("server", "granian") == "granian", "what serves HTTP may name itself"
    assert headers == {
        "content-type": "application/json",
        "content-length": str(len(response.body)),
        "openai-processing-ms": "12",
        "openai-version": "2020-10-01",
        "x-upstream-ratelimit-limit-requests": "60",
        "x-upstream-ratelimit-remaining-tokens": "149984",
        "x-upstream-ratelimit-reset-requests": "1s",
        "x-fastgate-upstream-request-id": "upstream-1",
        "x-fastgate-request-id": "kept",
        "x-request-id": "kept",
        "x-fastgate-provider": "local",
        "x-fastgate-model": "gpt-4o",
        "x-fastgate-deployment": "local/gpt-4o",
        "x-fastgate-attempts": "local/gpt-4o:main=ok(200)",
    }
    line = await rig.line("kept")
    assert line["upstream_request_id"] == "upstream-1"


async def test_headers_of_a_stream(rig: GatewayRig) -> None:
    rig.provider.script(replies.sse_reply(chat_events(), headers=[("x-ratelimit-limit-requests", "60")]))
    response, _ = await rig.answered(request(chat_body(stream=True)))
    assert response.header("content-type") == "text/event-stream; charset=utf-8"
    assert response.header("cache-control") == "no-cache"
    assert response.header("x-upstream-ratelimit-limit-requests") == "60"
    assert response.header("x-fastgate-deployment") == "local/gpt-4o"


async def test_a_refusal_of_the_provider(rig: GatewayRig) -> None:
    """A refused request is answered with the provider's own words, less what it repeats of our secret."""
    message = f"Unsupported value. You sent Bearer {UPSTREAM_SECRET}."
    body = {
        "error": {"message": message, "type": "invalid_request_error", "param": "x", "code": "unsupported"}
    }
    headers = [("x-request-id", "upstream-2"), ("set-cookie", "a=b")]
    rig.provider.script(replies.json_reply(body, 400, headers))
    before = await rig.gateway.ascrape()
    response = await rig.exchange(request(chat_body()))
    assert response.status == 400
    error = response.error()
    assert (error["code"], error["param"]) == ("unsupported", "x")
    assert error["message"] == "Unsupported value. You sent Bearer [redacted]."
    assert response.header("x-fastgate-upstream-request-id") == "upstream-2"
    assert response.header("set-cookie") is None
    line = await rig.line(response.request_id)
    assert (line["status"], line["finish"]) == (400, "error")
    await rig.counted(before, "fastgate_requests_total", endpoint="chat", status="400")


@pytest.mark.parametrize("size", [1, 7])
async def test_a_body_is_relayed_byte_for_byte(rig: GatewayRig, size: int) -> None:
    body = b' {"id" : "x", "choices":[],\r\n "n": 1.0e0, "t":"\\u00e9\xc3\xa9" }\n\n'
    start = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    rig.provider.script(replies.reply(*split(start + body, size)))
    response, _ = await rig.answered(request(chat_body()))
    assert response.body == body
