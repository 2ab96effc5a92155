"""Files up and bytes down: multipart forms are relayed as they are, speech as it comes."""

import os
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from tests.support import replies
from tests.support.backends import backends, config, error_code, groups, of
from tests.support.builders import LAST_CHUNK, chunk, error_body, head, sse
from tests.support.event_stream import EventStream, stream
from tests.support.gateway_process import SECRET
from tests.support.gateway_rig import GatewayRig
from tests.support.memory import MIB
from tests.support.raw_client import raw_client, request
from tests.support.replies import Close, Gate, Reset, Send, Sleep, Stall, Step, Wait

SPEECH = "/v1/audio/speech"
SPEECH_BODY = b'{"model":"voices","input":"Hi","voice":"alloy"}'
AUDIO_HEAD = head(200, [("content-type", "audio/mpeg"), ("transfer-encoding", "chunked")])
# Every byte, a boundary that is none, and field names inside of a file.
NASTY = bytes(range(256)) * 64 + b'\r\n--not-the-boundary\r\nname="model"\r\n\r\ngpt\r\n' + os.urandom(4096)


def configuration(url: str) -> dict[str, Any]:
    names = ("one", "two", "timed")
    providers = backends(*names)
    providers["timed"]["timeouts"] = {"total_s": 0.3}
    routes = {"voices": groups("one", "two"), "timed-voices": groups("timed")}
    return config(url, providers, routes=routes)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    with GatewayRig(tmp_path_factory.mktemp("media"), configuration) as rig:
        yield rig


@pytest.fixture
def rig(shared: GatewayRig) -> Iterator[GatewayRig]:
    yield shared
    shared.check()
    assert shared.gateway.status()["in_flight"] == 0


def form(rig: GatewayRig, path: str, fields: dict[str, str], **files: Any) -> tuple[httpx.Request, bytes]:
    sent = httpx.Request("POST", f"{rig.url}{path}", data=fields, files=files)
    return sent, sent.read()


async def send_form(rig: GatewayRig, sent: httpx.Request, body: bytes) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        headers = {"content-type": sent.headers["content-type"], "authorization": f"Bearer {SECRET}"}
        return await client.post(sent.url, content=body, headers=headers)


# --- up --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/audio/translations", "/v1/images/edits"])
async def test_a_form_is_sent_on_with_its_model_replaced(rig: GatewayRig, path: str) -> None:
    sent, body = form(
        rig, path, {"model": "voices", "prompt": "ä"}, file=("a.bin", NASTY), mask=("b.png", b"\0\r\n")
    )
    rig.provider.script(replies.json_reply({"text": "Hello"}))
    response = await send_form(rig, sent, body)
    assert (response.status_code, response.json()) == (200, {"text": "Hello"})
    (upstream,) = rig.provider.requests
    assert upstream.target == path
    assert upstream.header("content-type") == sent.headers["content-type"]
    assert upstream.body == body.replace(b"\r\n\r\nvoices\r\n", b"\r\n\r\none\r\n")
    assert NASTY in upstream.body


async def test_the_whole_form_goes_to_the_next_deployment(rig: GatewayRig) -> None:
    sent, body = form(rig, "/v1/audio/transcriptions", {"model": "voices"}, file=("a.bin", NASTY))
    rig.provider.script(replies.status_reply(503), secret="secret-of-one")
    rig.provider.script(replies.json_reply({"text": "Hello"}), secret="secret-of-two")
    assert (await send_form(rig, sent, body)).status_code == 200
    assert of(rig.provider, "two")[0].body == body.replace(b"\r\n\r\nvoices\r\n", b"\r\n\r\ntwo\r\n")


async def test_a_large_form(rig: GatewayRig) -> None:
    """Five megabytes: it is written in slices, and all arrive."""
    sent, body = form(rig, "/v1/audio/transcriptions", {"model": "one"}, file=("a.bin", NASTY * 240))
    rig.provider.script(replies.json_reply({"text": "Hello"}))
    assert (await send_form(rig, sent, body)).status_code == 200
    assert rig.provider.requests[0].body == body


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_large_form_is_in_memory_once(rig: GatewayRig, framing: str) -> None:
    """It comes in many pieces, and goes on with another model's name; a second time as the first."""
    sent, body = form(rig, "/v1/audio/transcriptions", {"model": "voices"}, file=("a.bin", NASTY * 1230))
    assert len(body) > 24 * MIB
    if framing == "chunked":
        pieces = [body[at : at + 100_000] for at in range(0, len(body), 100_000)]
        coded = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        head = request(path=sent.url.path, framing=[("Transfer-Encoding", "chunked")])
    else:
        coded = body
        head = request(path=sent.url.path, framing=[("Content-Length", str(len(body)))])
    head = head.replace(b"application/json", sent.headers["content-type"].encode())
    # With its usage told, no vocabulary is loaded to count it.
    used = {"type": "tokens", "input_tokens": 9, "output_tokens": 1, "total_tokens": 10}
    for number in range(3):
        rig.provider.script(replies.json_reply({"text": "Hello", "usage": used}))
        with rig.memory_bounded(len(body) * 13 // 10):
            response = await rig.exchange(head + coded)
        assert response.status == 200
        received = rig.provider.requests[number].body
        assert received == body.replace(b"\r\n\r\nvoices\r\n", b"\r\n\r\none\r\n")


async def test_the_sdk_streams_a_transcript(rig: GatewayRig) -> None:
    events = [
        sse({"type": "transcript.text.delta", "delta": "Hel", "logprobs": []}),
        sse({"type": "transcript.text.done", "text": "Hello", "logprobs": []}),
    ]
    rig.provider.script(replies.sse_reply(events))
    async with openai.AsyncOpenAI(api_key=SECRET, base_url=f"{rig.url}/v1", max_retries=0) as sdk:
        answer = await sdk.audio.transcriptions.create(model="voices", file=("a.wav", b"RIFF"), stream=True)
        received = [event async for event in answer]
    assert [event.type for event in received] == ["transcript.text.delta", "transcript.text.done"]


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("application/json", b"{}", 415, "unsupported_media_type"),
        ("multipart/form-data", b"", 415, "unsupported_media_type"),
        ("multipart/form-data; boundary=x", b"--x\r\n", 400, "invalid_body"),
        ("multipart/form-data; boundary=x", b"garbage", 400, "invalid_body"),
    ],
)
async def test_what_is_no_form(
    rig: GatewayRig, content_type: str, body: bytes, status: int, code: str
) -> None:
    async with httpx.AsyncClient() as client:
        response = await client.post(
            f"{rig.url}/v1/audio/transcriptions",
            content=body,
            headers={"content-type": content_type, "authorization": f"Bearer {SECRET}"},
        )
    assert (response.status_code, error_code(response.content)) == (status, code)
    assert rig.provider.requests == []


# --- down ------------------------------------------------------------------------------------------------


async def test_speech_comes_as_it_is_made(rig: GatewayRig) -> None:
    gate = Gate()
    pieces = [chunk(bytes([n]) * 1000) for n in range(3)]
    rig.provider.script(replies.reply(AUDIO_HEAD, pieces[0], Wait(gate), *pieces[1:], LAST_CHUNK))
    async with raw_client(rig.url) as client:
        await client.send(request(SPEECH_BODY, path=SPEECH))
        response = await client.response_head()
        received = client.chunks()
        assert await anext(received) == b"\0" * 1000
        gate.open()
        assert b"".join([piece async for piece in received]) == b"\1" * 1000 + b"\2" * 1000
    assert response.header("content-type") == "audio/mpeg"
    line = await rig.line(response.request_id)
    assert (line["finish"], line["endpoint"], line["bytes_out"]) == ("complete", "audio_speech", 3000)
    assert line["ttft_ms"] > 0


async def test_speech_of_known_length(rig: GatewayRig) -> None:
    audio = os.urandom(300_000)
    headers = [("content-type", "audio/wav"), ("content-length", str(len(audio)))]
    rig.provider.script(replies.reply(head(200, headers) + audio))
    response = await rig.exchange(request(SPEECH_BODY, path=SPEECH))
    assert response.body == audio


@pytest.mark.parametrize(
    "fault", [Reset(), Close(), Send(b"not a chunk\r\n")], ids=["reset", "closed", "bad framing"]
)
async def test_speech_that_is_cut_breaks_the_connection(rig: GatewayRig, fault: Step) -> None:
    """Bytes have no error of their own, so a clean end would pass a part off as the whole."""
    seen = Gate()
    rig.provider.script(replies.reply(AUDIO_HEAD, chunk(b"\0" * 1000), Wait(seen), fault))
    async with raw_client(rig.url) as client:
        await client.send(request(SPEECH_BODY, path=SPEECH))
        response = await client.response_head()
        received = client.chunks()
        assert await anext(received) == b"\0" * 1000
        seen.open()
        left = await client.rest()
    assert b"0\r\n\r\n" not in left, "the chunked body must not end well"
    line = await rig.line(response.request_id)
    assert (line["finish"], line["code"], line["status"]) == ("cut", "upstream_error", 200)


async def test_a_client_library_sees_the_cut(rig: GatewayRig) -> None:
    rig.provider.script(replies.reply(AUDIO_HEAD, chunk(b"\0" * 1000), Sleep(0.05), Reset()))
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            await client.post(
                f"{rig.url}{SPEECH}", content=SPEECH_BODY, headers={"authorization": f"Bearer {SECRET}"}
            )


async def test_speech_of_known_length_that_is_cut(rig: GatewayRig) -> None:
    headers = [("content-type", "audio/mpeg"), ("content-length", "5000")]
    rig.provider.script(replies.reply(head(200, headers) + b"\0" * 1000, Sleep(0.05), Close()))
    async with raw_client(rig.url) as client:
        await client.send(request(SPEECH_BODY, path=SPEECH))
        await client.response_head()
        assert b"0\r\n\r\n" not in await client.rest()


async def test_speech_falls_back_before_its_first_byte(rig: GatewayRig) -> None:
    rig.provider.script(replies.reply(AUDIO_HEAD, Reset()), model="one")
    rig.provider.script(replies.reply(AUDIO_HEAD, chunk(b"good"), LAST_CHUNK), model="two")
    response = await rig.exchange(request(SPEECH_BODY, path=SPEECH))
    assert (response.status, response.body) == (200, b"good")
    assert response.header("x-fastgate-provider") == "two"


async def test_an_empty_answer_is_none(rig: GatewayRig) -> None:
    rig.provider.script(replies.reply(AUDIO_HEAD, LAST_CHUNK), model="one")
    rig.provider.script(replies.reply(AUDIO_HEAD, chunk(b"good"), LAST_CHUNK), model="two")
    assert (await rig.exchange(request(SPEECH_BODY, path=SPEECH))).body == b"good"


async def test_a_refused_text(rig: GatewayRig) -> None:
    refusal = error_body("Too long.", "invalid_request_error", "string_above_max_length", "input")
    rig.provider.script(replies.status_reply(400, refusal))
    response = await rig.exchange(request(SPEECH_BODY, path=SPEECH))
    assert (response.status, response.json()) == (400, refusal)


async def test_speech_as_events(rig: GatewayRig) -> None:
    """`stream_format: sse`: audio in base64, held back by nothing."""
    gate = Gate()
    delta = sse({"type": "speech.audio.delta", "audio": "AAAA"})
    done = sse(
        {"type": "speech.audio.done", "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}}
    )
    rig.provider.script(
        replies.reply(
            head(200, [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")]),
            chunk(delta),
            Wait(gate),
            chunk(done),
            LAST_CHUNK,
        )
    )
    body = SPEECH_BODY[:-1] + b',"stream_format":"sse"}'
    async with stream(rig.url, body, SPEECH) as answer:
        assert "speech.audio.delta" in (await answer.event() or "")
        gate.open()
        assert len(await answer.rest()) == 1
        assert answer.raw == delta + done
        line = await rig.line(answer.head.request_id)
    assert (line["input_tokens"], line["output_tokens"]) == (3, 4)


async def test_the_deadline_of_plain_calls_is_not_for_speech(rig: GatewayRig) -> None:
    """It is a stream, whatever it is called: half a second of healthy audio passes a total of 0.3 s."""
    steps = [step for n in range(6) for step in (chunk(bytes([n])), Sleep(0.1))]
    rig.provider.script(replies.reply(AUDIO_HEAD, Sleep(0.05), *steps, LAST_CHUNK))
    body = SPEECH_BODY.replace(b'"voices"', b'"timed-voices"')
    response = await rig.exchange(request(body, path=SPEECH))
    assert response.body == bytes(range(6))


async def test_the_client_leaves_before_the_audio(rig: GatewayRig) -> None:
    rig.provider.script(replies.reply(AUDIO_HEAD, Stall()))
    async with raw_client(rig.url) as client:
        await client.send(request(SPEECH_BODY, path=SPEECH))
        upstream = await rig.upstream_request()
    await rig.upstream_closed(upstream.connection)


async def test_the_client_leaves_within_the_audio(rig: GatewayRig) -> None:
    rig.provider.script(replies.reply(AUDIO_HEAD, chunk(b"\0" * 100), Stall()))
    async with raw_client(rig.url) as client:
        await client.send(request(SPEECH_BODY, path=SPEECH))
        response = await client.response_head()
        await anext(client.chunks())
    await rig.upstream_closed(rig.provider.requests[0].connection)
    line = await rig.line(response.request_id)
    assert (line["finish"], line["client"]) == ("cancelled", "disconnected")


async def test_images_as_events(rig: GatewayRig) -> None:
    partial = sse({"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": "AAAA"})
    gate = Gate()
    completed = sse({"type": "image_generation.completed", "b64_json": "BBBB", "usage": None})
    rig.provider.script(
        replies.reply(
            head(200, [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")]),
            chunk(partial),
            Wait(gate),
            chunk(completed),
            LAST_CHUNK,
        )
    )
    body = b'{"model":"voices","prompt":"x","stream":true,"partial_images":1}'
    async with raw_client(rig.url) as client:
        await client.send(request(body, path="/v1/images/generations"))
        answer = await EventStream.of(client)
        assert "partial_image" in (await answer.event() or "")
        gate.open()
        assert "completed" in (await answer.rest())[-1]
    assert b"stream_options" not in rig.provider.requests[0].body
