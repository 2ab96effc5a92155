"""Wherever the bytes of a provider's stream are cut, a client of any format is sent the same."""

import re
from collections.abc import Iterable

import pytest
from tests.support.upstreams.registry import UPSTREAMS
from tests.support.upstreams.script import Call, Say, Upstream

from fastgate.domain.format import CONVERSATIONS, Format
from fastgate.providers.interface import Sees
from fastgate.providers.passthrough import Translated
from fastgate.wire.formats import CLIENTS, PROVIDERS
from fastgate.wire.reference import answers

_LIMIT = 1 << 20
_SPOKEN = {
    "up_chat": Format.CHAT,
    "up_messages": Format.MESSAGES,
    "up_converse": Format.CONVERSE,
    "up_claude_converse": Format.CONVERSE,
    "up_invoke": Format.INVOKE,
    "up_gemini": Format.GENERATE_CONTENT,
    "up_vertex_gemini": Format.GENERATE_CONTENT,
    "up_vertex_claude": Format.MESSAGES,
    "up_cohere": Format.COHERE_CHAT,
    "up_ollama": Format.OLLAMA_CHAT,
}
_MADE_UP = re.compile(rb"\b(resp|msg|rs|fc)_\w+")
_CLIENTS = sorted(CONVERSATIONS & set(CLIENTS))
_GIVE_IDS = {"up_gemini", "up_vertex_gemini", "up_ollama"}
"""Their calls have none, so each reading makes some up."""


def stream_of(upstream: Upstream) -> bytes:
    calls = () if upstream.name in _GIVE_IDS else (Call("call_1", "look", {"at": "it"}),)
    return b"".join(upstream.stream(Say("Hello from hére", "Hm, so.", calls=calls)))


def sent(upstream: Upstream, client: Format, pieces: Iterable[bytes]) -> bytes:
    writer = CLIENTS[client].stream_writer(
        answers.asked(Format.MESSAGES if client is Format.INVOKE else client)
    )
    decoder = Translated(PROVIDERS[_SPOKEN[upstream.name]], writer)
    splitter = decoder.splitter(_LIMIT)
    out = b""
    for piece in pieces:
        splitter.feed(piece)
        for event, _ in splitter.events():
            if Sees.END in decoder.event(event):
                return out + decoder.sent_for(event)
            out += decoder.sent_for(event)
    assert decoder.complete()
    return out + decoder.ending()


def named_alike(stream: bytes) -> bytes:
    """Responses and their items have ids that are made up."""
    return _MADE_UP.sub(rb"\1_", stream)


def test_all_are_here() -> None:
    assert _SPOKEN.keys() == UPSTREAMS.keys()


@pytest.mark.parametrize(
    "name", ["up_chat", "up_messages", "up_converse", "up_gemini", "up_cohere", "up_ollama"]
)
def test_a_cut_at_every_byte(name: str) -> None:
    upstream = UPSTREAMS[name]
    client = Format.MESSAGES if _SPOKEN[name] is Format.CHAT else Format.CHAT
    stream = stream_of(upstream)
    whole = sent(upstream, client, [stream])
    assert b"Hello" in whole
    for cut in range(1, len(stream)):
        assert sent(upstream, client, [stream[:cut], stream[cut:]]) == whole, cut


@pytest.mark.parametrize("client", _CLIENTS)
@pytest.mark.parametrize("name", UPSTREAMS)
def test_each_byte_alone(name: str, client: Format) -> None:
    upstream = UPSTREAMS[name]
    stream = stream_of(upstream)
    pieces = [stream[at : at + 1] for at in range(len(stream))]
    assert named_alike(sent(upstream, client, pieces)) == named_alike(sent(upstream, client, [stream]))
