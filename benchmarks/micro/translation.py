"""A request and its answer of 1 KB each between two formats, and one chunk of a stream, as a worker
translates them: bytes in, bytes out.
"""

import json
from collections.abc import Callable, Iterator

import msgspec
from benchmarks.micro.timing import Case

from fastgate.domain.conversation import Text
from fastgate.domain.format import Format
from fastgate.domain.reply import Choice, Delta, Finish, Reply, Started, TextDelta
from fastgate.domain.usage import Usage
from fastgate.providers.passthrough import Translated
from fastgate.wire.formats import CLIENTS, PROVIDERS
from fastgate.wire.interface import Asked, Losses, Request, Target

MAX_EVENT_BYTES = 1 << 20
PAIRS = (
    (Format.CHAT, Format.MESSAGES, "claude-sonnet-4-6"),
    (Format.CHAT, Format.GENERATE_CONTENT, "gemini-2.5-pro"),
    (Format.CHAT, Format.CONVERSE, "anthropic.claude-sonnet-4-6"),
    (Format.MESSAGES, Format.CHAT, "gpt-4o"),
)
PROSE = "The quick brown fox jumps over the lazy dog. " * 18
ASKED = {
    Format.CHAT: {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PROSE}],
        "temperature": 0.5,
        "max_tokens": 500,
    },
    Format.MESSAGES: {
        "model": "m",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": PROSE}],
        "temperature": 0.5,
        "max_tokens": 500,
    },
    Format.GENERATE_CONTENT: {"contents": [{"role": "user", "parts": [{"text": PROSE}]}]},
    Format.CONVERSE: {"messages": [{"role": "user", "content": [{"text": PROSE}]}]},
}
REPLY = Reply(
    id="answer",
    model="m",
    choices=(Choice(parts=(Text(text=PROSE),), finish=Finish.STOP),),
    usage=Usage(input_tokens=200, output_tokens=180),
)


def asked(request: Request) -> Asked:
    return Asked(request, "m", "answer", 1_800_000_000, include_usage=True, path="/", query="")


def of_format(format_: Format) -> Asked:
    """What writing an answer of this format takes."""
    return asked(CLIENTS[format_].read_request(json.dumps(ASKED[format_]).encode(), "m"))


def whole(client: Format, upstream: Format, model: str) -> Callable[[], bytes]:
    """A request is read and written, and so is its answer."""
    body = json.dumps(ASKED[client]).encode()
    answer = CLIENTS[upstream].write_answer(REPLY, of_format(upstream), Losses())
    target = Target(
        provider="p", model=model, stream=False, default_max_tokens=4096, cap=None, dialect=upstream.value
    )
    reader, writer = CLIENTS[client], PROVIDERS[upstream]

    def translate() -> bytes:
        request = reader.read_request(body, None)
        msgspec.json.encode(writer.write_request(request, target, Losses()))
        return reader.write_answer(writer.read_answer(answer), asked(request), Losses())

    return translate


def chunk(client: Format, upstream: Format) -> Callable[[], bytes]:
    """An event is cut out of the stream, read, and written."""
    source = CLIENTS[upstream].stream_writer(of_format(upstream))
    head: list[Delta] = [Started("answer", "m"), TextDelta("Once")]
    start, event = source.write(head), source.write([TextDelta(" upon")])
    decoder = Translated(PROVIDERS[upstream], CLIENTS[client].stream_writer(of_format(client)))
    splitter = decoder.splitter(MAX_EVENT_BYTES)

    def translate(data: bytes = event) -> bytes:
        splitter.feed(data)
        sent = b""
        for each, _ in splitter.events():
            decoder.event(each)
            sent += decoder.sent_for(each)
        return sent

    translate(start)
    assert translate(), "nothing was sent for a chunk"
    return translate


def cases() -> Iterator[Case]:
    for client, upstream, model in PAIRS:
        pair = f"{client.value} to {upstream.value}"
        yield Case(f"{pair}, 1 KB and its answer", whole(client, upstream, model))
        yield Case(f"{pair}, a chunk", chunk(client, upstream))
