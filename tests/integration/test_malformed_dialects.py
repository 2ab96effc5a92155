"""Providers that break their own format: the client gets an error of its dialect or another's answer, and the
ledger what it should."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import pytest
from tests.integration.conftest import OpenRig
from tests.support.builders import JSON_TYPE, LAST_CHUNK, chunk, response, sse
from tests.support.dialect_rig import named, vendor, vendors_config
from tests.support.dialects.client import Client
from tests.support.dialects.registry import CLIENTS
from tests.support.fake_provider import FakeProvider
from tests.support.replies import Close, Gate, Reply, Reset, Wait, reply
from tests.support.till import price
from tests.support.upstreams.bedrock import EVENT_STREAM, InvokeUpstream, frame
from tests.support.upstreams.chat import ChatUpstream
from tests.support.upstreams.gemini import GeminiUpstream
from tests.support.upstreams.messages import MessagesUpstream
from tests.support.upstreams.ollama import OllamaUpstream
from tests.support.upstreams.registry import UPSTREAMS
from tests.support.upstreams.script import JSON, Say, Upstream, answer, begun, events

SAY = Say("Hello from here")
HTML = b"<!doctype html><title>502</title><p>The proxy is unwell.</p>"


class Backup(ChatUpstream):
    name = "backup"


BACKUP = Backup()


def configuration(provider: FakeProvider) -> JSON:
    settings = vendors_config(provider.url)
    settings["providers"]["backup"] = vendor(BACKUP, provider.url)
    settings["prices"].append(price("backup"))
    settings["routes"] = {
        f"safe-{name}": [
            {"deployments": [{"provider": name, "model": upstream.model}]},
            {"deployments": [{"provider": "backup", "model": BACKUP.model}]},
        ]
        for name, upstream in UPSTREAMS.items()
    }
    return settings


# --- what providers do ----------------------------------------------------------------------------------


def unborn(upstream: Upstream) -> list[bytes]:
    """What comes before any text."""
    return begun(upstream, SAY)[:-1]


def garbled(upstream: Upstream) -> bytes:
    if isinstance(upstream, InvokeUpstream):
        return frame({"bytes": b64encode(b'{"type":"content_blo').decode()}, "chunk")
    if upstream.stream_type == EVENT_STREAM:
        return frame(b'{"contentBlockIndex":0,"de', "contentBlockDelta")
    if upstream.stream_type == "application/x-ndjson":
        return b'{"model":"qwen3","mess\n'
    return b'event: content_block_delta\ndata: {"type":"content_blo\n\n'


def error_event(upstream: Upstream) -> bytes:
    if upstream.stream_type == EVENT_STREAM:
        return frame({"message": "too many"}, "throttlingException", "exception")
    problem = upstream.problem("oh")
    if upstream.stream_type == "application/x-ndjson":
        return msgspec.json.encode(problem) + b"\n"
    return sse(problem, "error")


def bad_checksum(upstream: Upstream) -> bytes:
    good = upstream.stream(SAY)[1]
    return good[:-1] + bytes([good[-1] ^ 1])


def misplaced(upstream: Upstream) -> bytes:
    """A piece of something that has not begun."""
    delta = {"type": "input_json_delta", "partial_json": "{"}
    payload = {"type": "content_block_delta", "index": 7, "delta": delta}
    if isinstance(upstream, InvokeUpstream):
        return upstream.chunked(payload)
    if upstream.stream_type == EVENT_STREAM:
        return frame({"contentBlockIndex": 7, "delta": {"toolUse": {"input": "{"}}}, "contentBlockDelta")
    return sse(payload, "content_block_delta")


Make = Callable[[Upstream], Reply]
ALL = tuple(UPSTREAMS)
AWS = ("up_converse", "up_claude_converse", "up_invoke")

WHOLE: dict[str, tuple[Make, tuple[str, ...]]] = {
    "truncated JSON": (lambda up: reply(response(200, whole_bytes(up)[:-20], (JSON_TYPE,))), ALL),
    "an HTML page": (lambda up: reply(response(200, HTML, (("content-type", "text/html"),))), ALL),
    "nothing": (lambda up: reply(response(200, b"", (JSON_TYPE,))), ALL),
    "another object": (lambda up: reply(response(200, b'{"status": "ok"}', (JSON_TYPE,))), ALL),
    "an error": (lambda up: reply(response(200, up.problem("oh"))), ALL),
}


def whole_bytes(upstream: Upstream) -> bytes:
    return msgspec.json.encode(upstream.whole(SAY))


BEFORE: dict[str, tuple[Make, tuple[str, ...]]] = {
    "an HTML page": WHOLE["an HTML page"],
    "nothing": (lambda up: events(up, []), ALL),
    "an error as JSON": WHOLE["an error"],
    "a garbled event": (lambda up: events(up, [*unborn(up), garbled(up)]), ALL),
    "an error event": (lambda up: events(up, [*unborn(up), error_event(up)]), ALL),
    "a clean end": (lambda up: events(up, unborn(up)), ALL),
    "a cut": (lambda up: events(up, unborn(up), Reset()), ALL),
    "a wrong checksum": (lambda up: events(up, [unborn(up)[0], bad_checksum(up)]), AWS),
    "half a frame": (lambda up: events(up, [unborn(up)[0], begun(up, SAY)[-1][:20]]), AWS),
    "text instead of frames": (lambda up: events(up, [b"upstream connect error, reset"]), AWS),
}

AFTER: dict[str, tuple[Callable[[Upstream], tuple[Any, ...]], tuple[str, ...]]] = {
    "a garbled event": (lambda up: (chunk(garbled(up)), LAST_CHUNK), ALL),
    "an error event": (lambda up: (chunk(error_event(up)), LAST_CHUNK), ALL),
    "a clean end": (lambda up: (LAST_CHUNK,), ALL),
    "a cut": (lambda up: (Reset(),), ALL),
    "closed": (lambda up: (Close(),), ALL),
    "a misplaced piece": (
        lambda up: (chunk(misplaced(up)), LAST_CHUNK),
        (*AWS, "up_messages", "up_vertex_claude"),
    ),
    "a wrong checksum": (lambda up: (chunk(bad_checksum(up)), LAST_CHUNK), AWS),
    "half a frame": (lambda up: (chunk(begun(up, SAY)[-1][:20]), LAST_CHUNK), AWS),
}
"""What comes when the client has the first text."""


OWN = {
    "chat": ["up_chat"],
    "messages": ["up_messages", "up_vertex_claude"],
    "invoke": ["up_invoke"],
    "converse": ["up_converse", "up_claude_converse"],
    "gemini": ["up_gemini", "up_vertex_gemini"],
}
PASSED = {("up_chat", "a garbled event")}
"""Of OpenAI's own streams only what has a marker is read."""


def cases(
    faults: Mapping[str, tuple[Callable[[Upstream], Any], tuple[str, ...]]], client: Client
) -> Iterator[tuple[str, Upstream, Any]]:
    """Those that the client may meet: of Bedrock it gets its own format, and else Converse. What passes
    through may be understood by the client where it is not by the gateway, as long as it is JSON."""
    other = "up_claude_converse" if client.name in ("messages", "invoke") else "up_invoke"
    for fault, (make, upstreams) in faults.items():
        for name in upstreams:
            if name == other or (client.name == "invoke" and name == "up_converse"):
                continue
            if name in OWN.get(client.name, ()) and (fault == "another object" or (name, fault) in PASSED):
                continue
            yield f"{fault} of {name} to {client.name}", UPSTREAMS[name], make(UPSTREAMS[name])


@pytest.mark.parametrize("moment", ["whole", "before"])
@pytest.mark.parametrize("dialect", CLIENTS)
async def test_before_the_answer(
    dialect: str, moment: str, provider: FakeProvider, open_rig: OpenRig
) -> None:
    """It is the client's error, or another provider answers."""
    client, stream = CLIENTS[dialect], moment == "before"
    async with open_rig(configuration(provider)) as rig:
        for where, upstream, broken in cases(BEFORE if stream else WHOLE, client):
            rig.script(upstream, broken)
            rig.script(BACKUP, answer(BACKUP, SAY, stream=stream))
            before = len(rig.till.plane.journaled())
            body = client.body(named(upstream), client.ask("Hi"), stream=stream)
            talk = await rig.send(client, named(upstream), body, stream=stream)
            assert talk.status in (502, 503, 429), (where, talk.status, talk.answer[:300])
            assert client.problem(talk.status, talk.answer), where
            assert b"<p>" not in talk.answer, where
            entries = rig.till.plane.journaled()[before:]
            assert [entry.closing.outcome.value for entry in entries] in ([], ["failed"]), where
            safe = f"safe-{upstream.name}"
            body = client.body(safe, client.ask("Hi"), stream=stream)
            talk, got = await rig.ask(client, safe, body, stream=stream)
            assert (got.text, talk.headers[b"x-fastgate-provider"]) == (SAY.text, b"backup"), where
            *failed, last = rig.till.plane.journaled()[before + len(entries) :]
            assert [entry.closing.outcome.value for entry in failed] in ([], ["failed"]), where
            assert (last.closing.outcome.value, last.closing.cost) == ("complete", 10 * 1_000 + 3 * 2_000), (
                where
            )


# --- what is new ------------------------------------------------------------------------------------------


def strange(upstream: Upstream) -> list[bytes]:
    """An event of a kind that nobody knows, and a block of one where the format has blocks."""
    if isinstance(upstream, MessagesUpstream):
        payloads: list[JSON] = [
            {"type": "message_pondered", "depth": {"of": 7}},
            {"type": "content_block_start", "index": 9, "content_block": {"type": "smell", "of": "roses"}},
            {"type": "content_block_delta", "index": 9, "delta": {"type": "smell_delta", "of": "more"}},
            {"type": "content_block_stop", "index": 9},
        ]
        if isinstance(upstream, InvokeUpstream):
            return [upstream.chunked(payload) for payload in payloads]
        return [sse(payload, payload["type"]) for payload in payloads]
    if upstream.stream_type == EVENT_STREAM:
        start = {"contentBlockIndex": 9, "start": {"smell": {"of": "roses"}}}
        delta = {"contentBlockIndex": 9, "delta": {"smell": {"of": "more"}}}
        return [
            frame({"depth": 7}, "messagePondered"),
            frame(start, "contentBlockStart"),
            frame(delta, "contentBlockDelta"),
            frame({"contentBlockIndex": 9}, "contentBlockStop"),
        ]
    if isinstance(upstream, GeminiUpstream):
        content = {"role": "model", "parts": [{"smell": {"of": "roses"}}]}
        return [sse({"candidates": [{"content": content, "index": 0}], "pondered": 7})]
    if isinstance(upstream, OllamaUpstream):
        message = {"role": "assistant", "content": "", "smell": "roses"}
        return [msgspec.json.encode({"model": "m", "message": message, "done": False, "pondered": 7}) + b"\n"]
    if isinstance(upstream, ChatUpstream):
        return [b": OPENROUTER PROCESSING\n\n", sse({"choices": [], "pondered": 7})]
    return [sse({"type": "message-pondered", "depth": 7}, "message-pondered")]


@pytest.mark.parametrize("dialect", [name for name in CLIENTS if name != "invoke"])
async def test_what_is_new_harms_nobody(dialect: str, provider: FakeProvider, open_rig: OpenRig) -> None:
    """Who knows the format passes it on, who does not leaves it out."""
    client = CLIENTS[dialect]
    async with open_rig(configuration(provider)) as rig:
        for upstream in UPSTREAMS.values():
            if upstream.name == ("up_claude_converse" if dialect == "messages" else "up_invoke"):
                continue
            if upstream.name in OWN.get(dialect, ()):
                continue  # its client is given what it is
            first = begun(upstream, SAY)
            rest = upstream.stream(SAY)[len(first) :]
            rig.script(upstream, events(upstream, [*first, *strange(upstream), *rest]))
            body = client.body(named(upstream), client.ask("Hi"), stream=True)
            _, got = await rig.ask(client, named(upstream), body, stream=True)
            assert (got.text, got.finished, got.error) == (SAY.text, True, ""), upstream.name
            closing = rig.till.plane.journaled()[-1].closing
            assert (closing.outcome.value, closing.cost) == ("complete", 10 * 1_000 + 3 * 2_000), (
                upstream.name
            )


@pytest.mark.parametrize("dialect", CLIENTS)
async def test_after_content(dialect: str, provider: FakeProvider, open_rig: OpenRig) -> None:
    """The client has a part, so it gets its dialect's own error at the end, and nobody else answers."""
    client = CLIENTS[dialect]
    async with open_rig(configuration(provider)) as rig:
        for where, upstream, steps in cases(AFTER, client):
            seen = Gate()
            rig.script(upstream, events(upstream, begun(upstream, SAY), Wait(seen), *steps))
            before = len(rig.till.plane.journaled())
            safe = f"safe-{upstream.name}"
            body = client.body(safe, client.ask("Hi"), stream=True)
            talk, task = rig.begin(client, safe, body, stream=True)
            await rig.until_more_than(talk, 0)
            seen.open()
            await task
            got = client.streamed(talk.answer)
            assert not got.finished, where
            assert got.error, (where, talk.answer[-500:])
            assert got.text == "Hello f", (where, got.text)
            assert talk.complete, where
            (entry,) = rig.till.plane.journaled()[before:]
            assert (entry.closing.outcome.value, entry.closing.status) == ("cut", 200), where
            assert 0 < entry.closing.usage.output_tokens < 4, (where, entry.closing)
            assert entry.closing.usage.input_tokens > 0, where


@pytest.mark.parametrize("dialect", ["converse", "chat"])
async def test_what_came_whole_before_a_broken_frame_is_relayed(
    dialect: str, provider: FakeProvider, open_rig: OpenRig
) -> None:
    """Wherever the provider's bytes are cut, the client gets the same."""
    client, upstream = CLIENTS[dialect], UPSTREAMS["up_converse"]
    first = begun(upstream, SAY)
    rest = upstream.stream(SAY)[len(first)] + bad_checksum(upstream)
    async with open_rig(configuration(provider)) as rig:
        for cut in range(len(rest)):
            seen = Gate()
            pieces = [chunk(piece) for piece in (rest[:cut], rest[cut:]) if piece]
            rig.script(upstream, events(upstream, first, Wait(seen), *pieces, LAST_CHUNK))
            body = client.body(named(upstream), client.ask("Hi"), stream=True)
            talk, task = rig.begin(client, named(upstream), body, stream=True)
            await rig.until_more_than(talk, 0)
            seen.open()
            await task
            got = client.streamed(talk.answer)
            assert (got.text, got.finished) == (SAY.text, False), cut
            assert got.error, cut
