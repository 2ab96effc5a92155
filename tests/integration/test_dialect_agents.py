"""An agent's loop over several turns: every client dialect, on every provider format.

A user's text with an image; the model thinks, and calls a tool twice at once; one result is an error; it
calls again; then it answers. Each turn the provider has to see all that was said before.
"""

from collections.abc import Iterator

import pytest
from tests.integration.conftest import OpenRig
from tests.support.dialect_rig import Rig, named, vendors_config
from tests.support.dialects.client import PICTURE, TOOL, Client, Got, Result
from tests.support.dialects.registry import CLIENTS
from tests.support.fake_provider import FakeProvider
from tests.support.upstreams.registry import UPSTREAMS
from tests.support.upstreams.script import JSON, Call, Heard, Say, Upstream, answer, heard

SIGNATURE = "c2lnbmF0dXJlLW9mLXRoZS10aG91Z2h0"
PARIS, ROME = Call("call_paris", TOOL, {"city": "Paris"}), Call("call_rome", TOOL, {"city": "Rome"})
ROMA = Call("call_roma", TOOL, {"city": "Roma"})
SAYS = (
    Say("Let me look.", "Two cities, two calls.", SIGNATURE, (PARIS, ROME)),
    Say(calls=(ROMA,)),
    Say("Sunny in Paris, rain in Rome."),
    Say("You are welcome."),
)


GEMINI = {"up_gemini", "up_vertex_gemini"}
SEALS = {"up_messages", "up_invoke", "up_claude_converse", "up_vertex_claude", *GEMINI}
"""Whose models sign what they think, and want it back."""
SAYS_ERRORS = {*SEALS, "up_converse"}
GIVES_NO_IDS = {*GEMINI, "up_ollama"}
HAVE_NO_ERRORS = {"chat", "responses"}
"""OpenAI's formats have no word for a tool that failed."""
OF_THE_MESSAGES_API = {"messages", "invoke"}


def pairs(client: Client) -> Iterator[Upstream]:
    """Clients of Claude's own format are taken to InvokeModel at Bedrock, the others to Converse."""
    for upstream in UPSTREAMS.values():
        other = "up_claude_converse" if client.name in OF_THE_MESSAGES_API else "up_invoke"
        if upstream.name != other and (client.name != "invoke" or upstream.name != "up_converse"):
            yield upstream


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("dialect", CLIENTS)
async def test_an_agent(dialect: str, stream: bool, provider: FakeProvider, open_rig: OpenRig) -> None:
    client = CLIENTS[dialect]
    async with open_rig(vendors_config(provider.url)) as rig:
        for upstream in pairs(client):
            told = await _loop(rig, client, upstream, stream=stream)
            for turn, parts in enumerate(told):
                _check(client, upstream, parts, turn)


async def _loop(rig: Rig, client: Client, upstream: Upstream, *, stream: bool) -> list[list[Heard]]:
    """What the provider was told in each turn."""
    rig.script(upstream, *(answer(upstream, say, stream=stream) for say in SAYS))
    history = client.ask("How is the weather?", PICTURE)
    told: list[list[Heard]] = []
    for turn, say in enumerate(SAYS):
        body = client.body(named(upstream), history, stream=stream, tools=True)
        _, got = await rig.ask(client, named(upstream), body, stream=stream)
        where = (client.name, upstream.name, turn)
        assert got.text == say.text, where
        assert [call.arguments for call in got.calls] == [call.arguments for call in say.calls], where
        assert got.thinking in (say.thinking, ""), where
        told.append(heard(upstream, rig.asked(upstream)[-1]))
        history += [*got.turn, *_next(client, turn, got)]
    return told


def _next(client: Client, turn: int, got: Got) -> list[JSON]:
    match turn:
        case 0:
            first, second = got.calls
            return client.results([Result(first, "Sunny"), Result(second, "no such station", is_error=True)])
        case 1:
            return client.results([Result(got.calls[0], "Rain")])
        case 2:
            return client.ask("Thanks!")
        case _:
            return []


SPOKEN = [
    ("user", "text", "How is the weather?"),
    ("user", "image", PICTURE),
    ("assistant", "text", "Let me look."),
    ("assistant", "call", "Paris"),
    ("assistant", "call", "Rome"),
    ("user", "result", "Sunny"),
    ("user", "result", "no such station"),
    ("assistant", "call", "Roma"),
    ("user", "result", "Rain"),
    ("assistant", "text", "Sunny in Paris, rain in Rome."),
    ("user", "text", "Thanks!"),
]
"""All that every format can say, in order."""
UNTIL = [2, 7, 9, 11]
"""How much of it has been said before each answer."""


def _check(client: Client, upstream: Upstream, parts: list[Heard], turn: int) -> None:
    where = (client.name, upstream.name, turn)
    spoken = [part for part in parts if part.kind != "thinking"]
    assert _joined(spoken) == SPOKEN[: UNTIL[turn]], where
    calls = [part for part in spoken if part.kind == "call"]
    results = [part for part in spoken if part.kind == "result"]
    assert [result.id for result in results] == [call.id for call in calls], where
    if upstream.name not in GIVES_NO_IDS:
        assert [call.id for call in calls] == [PARIS.id, ROME.id, ROMA.id][: len(calls)], where
    if upstream.name in SAYS_ERRORS and client.name not in HAVE_NO_ERRORS:
        assert [result.is_error for result in results] == [False, True, False][: len(results)], where
    if upstream.name in GIVES_NO_IDS:
        assert {result.name for result in results} <= {TOOL}, where
    signatures = [part.signature for part in parts if part.signature]
    sealed = upstream.name in SEALS or (client.name, upstream.name) == ("converse", "up_converse")
    assert signatures == ([SIGNATURE] if turn and sealed else []), where
    thoughts = [part for part in parts if part.kind == "thinking"]
    if turn and upstream.name in SEALS - GEMINI:
        assert [part.text for part in thoughts] == [SAYS[0].thinking], where
        assert parts.index(thoughts[0]) == 2, where


def _joined(parts: list[Heard]) -> list[tuple[str, str, str]]:
    """Neighbouring pieces of text as one: Google's SDK keeps those of a stream as they came."""
    out: list[tuple[str, str, str]] = []
    for part in parts:
        said = part.arguments["city"] if part.kind == "call" else part.text
        if out and out[-1][:2] == (part.role, "text") and part.kind == "text":
            said = out.pop()[2] + said
        out.append((part.role, part.kind, said))
    return out
