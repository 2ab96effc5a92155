"""Whether what a provider sealed comes back to it on the next turn, through a client of another format."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from fastgate.domain.conversation import Part, Text, Thinking, ToolUse
from fastgate.domain.format import Format
from fastgate.domain.reply import Choice, Finish, Reply
from fastgate.wire.interface import Losses
from fastgate.wire.reference.answers import write
from fastgate.wire.reference.requests import SIDES, read, written
from fastgate.wire.reference.samples import ARGUMENTS_TEXT, JSON, PLAIN
from fastgate.wire.reference.verdict import Verdict

SEALS: Final = (
    "next turn: signature of thinking",
    "next turn: redacted thinking",
    "next turn: signature of a call",
)

_SEAL: Final = "RmFzdGdhdGU="
_CLAUDE: Final = frozenset({Format.MESSAGES, Format.CONVERSE})
_SEALED: Final[Mapping[str, tuple[frozenset[Format], tuple[Part, ...]]]] = {
    SEALS[0]: (
        _CLAUDE,
        (Thinking(text="Hm.", signature=_SEAL, format=Format.MESSAGES), Text(text=PLAIN)),
    ),
    SEALS[1]: (_CLAUDE, (Thinking(redacted=_SEAL, format=Format.MESSAGES), Text(text=PLAIN))),
    SEALS[2]: (
        frozenset({Format.GENERATE_CONTENT}),
        (ToolUse(id="call_0", name="look", arguments=ARGUMENTS_TEXT, signature=_SEAL),),
    ),
}
"""What is sealed, and who does so."""

NEXT: Final[Mapping[Format, tuple[str, Callable[[Any], list[JSON]]]]] = {
    Format.CHAT: ("messages", lambda answer: [answer["choices"][0]["message"]]),
    Format.RESPONSES: ("input", lambda answer: answer["output"]),
    Format.MESSAGES: (
        "messages",
        lambda answer: [{"role": "assistant", "content": answer["content"]}],
    ),
    Format.GENERATE_CONTENT: ("contents", lambda answer: [answer["candidates"][0]["content"]]),
    Format.CONVERSE: ("messages", lambda answer: [answer["output"]["message"]]),
}
"""How a client goes on: where an answer stands in the next request."""


def verdict(upstream: Format, client: Format, seal: str) -> Verdict:
    sealers, parts = _SEALED[seal]
    if client not in NEXT or upstream not in sealers:
        return Verdict.UNSAYABLE
    if client is upstream:
        return Verdict.YES  # its bytes pass through
    choice = Choice(parts=parts, finish=Finish.STOP)
    answer = msgspec.json.decode(write(client, Reply(id="answer_1", model="m", choices=(choice,)), Losses()))
    plain = SIDES[client].plain
    name, said = NEXT[client]
    request = read(client, {**plain, name: [*plain[name], *said(answer), *plain[name]]})
    body, _ = written(request, upstream)
    return Verdict.YES if f'"{_SEAL}"'.encode() in msgspec.json.encode(body) else Verdict.DROPPED
