"""What becomes of each feature of an answer on its way to a client of another format."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fastgate.domain.conversation import Citation, Image, Part, Refusal, Source, Text, Thinking, ToolUse
from fastgate.domain.format import Format
from fastgate.domain.reply import Choice, Finish, Reply
from fastgate.domain.usage import Usage
from fastgate.wire.formats import CLIENTS, PROVIDERS
from fastgate.wire.interface import Asked, Losses, raw
from fastgate.wire.reference.native_answers import NATIVE
from fastgate.wire.reference.requests import SIDES, read
from fastgate.wire.reference.samples import ARGUMENTS_TEXT, JSON, PIXEL, PLAIN
from fastgate.wire.reference.unread_answers import SIGNS
from fastgate.wire.reference.verdict import Verdict, comparable, covers

_TEXT: Final = Text(text=PLAIN)
_CALL: Final = ToolUse(id="call_0", name="look", arguments=ARGUMENTS_TEXT)
_LOGPROB: Final = {"token": PLAIN, "logprob": -0.5, "bytes": None, "top_logprobs": []}


def _choice(*parts: Part, **fields: Any) -> Choice:
    return Choice(**{"parts": parts or (_TEXT,), "finish": Finish.STOP, **fields})


def _reply(*choices: Choice, tier: str | None = None, **counts: Any) -> Reply:
    usage = Usage(input_tokens=1_000, output_tokens=500, **counts)
    return Reply(id="answer_1", model="m", choices=choices or (_choice(),), usage=usage, service_tier=tier)


PLAIN_REPLY: Final = _reply()
ANSWERS: Final[Mapping[str, Reply]] = {
    "tool call": _reply(_choice(_CALL, finish=Finish.TOOL_USE)),
    "parallel calls": _reply(
        _choice(_CALL, ToolUse(id="call_1", name="hear", arguments=ARGUMENTS_TEXT), finish=Finish.TOOL_USE)
    ),
    "text before a call": _reply(_choice(_TEXT, _CALL, finish=Finish.TOOL_USE)),
    "thinking": _reply(_choice(Thinking(text="Hm."), _TEXT)),
    "refusal": _reply(_choice(Refusal(text="No."), finish=Finish.REFUSED)),
    "image": _reply(_choice(_TEXT, Image(source=Source(media_type="image/png", data=PIXEL)))),
    "citation of a page": _reply(
        _choice(
            Text(
                text=PLAIN,
                citations=(Citation(url="https://example.com/", title="It", start=0, end=len(PLAIN)),),
            )
        )
    ),
    "several answers": _reply(_choice(), _choice(Text(text="Another."))),
    "logprobs": _reply(_choice(logprobs=raw({"content": [_LOGPROB], "refusal": None}))),
    "finish: output cap": _reply(_choice(finish=Finish.LENGTH)),
    "finish: which stop sequence": _reply(_choice(finish=Finish.STOP_SEQUENCE, stop_sequence="END")),
    "finish: filtered": _reply(_choice(finish=Finish.FILTERED)),
    "finish: context full": _reply(_choice(finish=Finish.CONTEXT_FULL)),
    "usage: from the cache": _reply(cached_input_tokens=300),
    "usage: into the cache": _reply(cache_write_tokens=200),
    "usage: into it for an hour": _reply(cache_write_tokens=200, cache_write_1h_tokens=100),
    "usage: reasoning": _reply(reasoning_tokens=50),
    "service tier": _reply(tier="priority"),
}


def verdict(upstream: Format, client: Format, feature: str) -> Verdict:
    said = _said(upstream, feature)
    if said is None:
        return Verdict.UNSAYABLE
    if client is upstream:
        return Verdict.YES  # its bytes pass through
    plain, reply = said
    losses = Losses()
    body = write(client, reply, losses)
    if losses.names:
        return Verdict.DROPPED
    unsaid = Verdict.DROPPED if feature.startswith("usage: ") else Verdict.SILENT  # its sums are said
    if client not in PROVIDERS:
        seen = (sign.verdict for sign in SIGNS[client].get(feature, ()) if sign.seen_in(body))
        return next(seen, unsaid)
    if body == write(client, plain, Losses()):
        return unsaid
    got = _neutral(_read(client, body))
    wanted, without = _neutral(reply), _neutral(plain)
    news = [name for name, value in wanted.items() if value != without[name]]
    return Verdict.YES if all(covers(got[name], wanted[name]) for name in news) else Verdict.EMULATED


def write(client: Format, reply: Reply, losses: Losses) -> bytes:
    """An answer to the plain request."""
    return CLIENTS[client].write_answer(reply, asked(client), losses)


def asked(client: Format) -> Asked:
    """The plain request."""
    request = read(client, SIDES[client].plain)
    return Asked(request, "m", "answer_1", 1_800_000_000, include_usage=True, path="/", query="")


def _said(upstream: Format, feature: str) -> tuple[Reply, Reply] | None:
    """The plain answer and the one of the feature, as they are read from a provider of this format; None:
    none of them says it."""
    if upstream in CLIENTS:
        plain = _read(upstream, write(upstream, PLAIN_REPLY, Losses()))
        reply = _read(upstream, write(upstream, ANSWERS[feature], Losses()))
    else:
        bodies = NATIVE[upstream]
        if feature not in bodies:
            return None
        plain = _read(upstream, msgspec.json.encode(bodies[""]))
        reply = _read(upstream, msgspec.json.encode(bodies[feature]))
    wanted = _neutral(ANSWERS[feature])
    read_again = _neutral(reply)
    news = [name for name, value in wanted.items() if value != _neutral(PLAIN_REPLY)[name]]
    return (plain, reply) if all(covers(read_again[name], wanted[name]) for name in news) else None


def _read(upstream: Format, body: bytes) -> Reply:
    reply = PROVIDERS[upstream].read_answer(body)
    assert isinstance(reply, Reply)
    return reply


def _neutral(reply: Reply) -> JSON:
    """What of an answer can be compared across formats."""
    replace = msgspec.structs.replace
    choices = tuple(replace(each, parts=tuple(map(_bare, each.parts))) for each in reply.choices)
    members: JSON = comparable(msgspec.json.decode(msgspec.json.encode(replace(reply, choices=choices))))
    return {name: members[name] for name in ("choices", "usage", "service_tier")}


def _bare(part: Part) -> Part:
    """Without ids of calls, which may be made up, and without how a format wrote citations."""
    match part:
        case ToolUse():
            return msgspec.structs.replace(part, id="")
        case Text():
            citations = [msgspec.structs.replace(each, raw=raw(None)) for each in part.citations]
            return msgspec.structs.replace(part, citations=tuple(citations))
        case _:
            return part
