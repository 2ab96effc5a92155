"""The failover matrix: each fault of an upstream, at each moment, with each kind of backup.

`configuration` gives every cell a provider, a route and a virtual key of its own, so that no cooldown
of one reaches another; `observe` says in a few words what the client saw.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
from tests.support import replies
from tests.support.builders import LAST_CHUNK, chat_completion, chunk, error_body, response, sse
from tests.support.fake_provider import FakeProvider
from tests.support.replies import Gate, Reply, Reset, Stall, Step, Wait

BACKUPS = ("second credential", "second deployment", "key's fallback", "none")
GOOD_TEXT = "from the backup"
BAD_PIECES = ("Hello", " wor")


@dataclass(frozen=True, eq=False)
class Fault:
    """What the upstream does to a `plain` and a `stream` call; None where the fault has no such form.

    `later` are the steps of a stream once its first content has reached the client.
    """

    moment: str
    name: str
    plain: Reply | None
    stream: Reply | None
    refused: bool = False
    later: tuple[Step | bytes, ...] = ()

    def reply(self, streamed: bool, content_seen: Gate) -> Reply:
        if self.later:
            return replies.stream_then(BAD_PIECES, Wait(content_seen), *self.later)
        reply = self.stream if streamed else self.plain
        assert reply is not None
        return reply


def _both(moment: str, name: str, what: Reply) -> Fault:
    return Fault(moment, name, what, what)


def _later(name: str, *steps: Step | bytes) -> Fault:
    return Fault(_AFTER_CONTENT, name, None, Reply(), later=steps)


_BEFORE_HEADERS = "before headers"
_BEFORE_CONTENT = "before first content"
_AFTER_CONTENT = "after first content"

_REFUSED = error_body("This cannot be done.", "invalid_request_error", "unsupported_value")
_ERROR_EVENT = chunk(sse(error_body("The server had an error.", "server_error", "server_error")))

FAULTS: tuple[Fault, ...] = (
    Fault(_BEFORE_HEADERS, "connection refused", Reply(), Reply(), refused=True),
    _both(_BEFORE_HEADERS, "reset before a byte", replies.reset_before_a_byte()),
    _both(_BEFORE_HEADERS, "closed before a byte", replies.close_before_a_byte()),
    _both(_BEFORE_HEADERS, "stalls before headers", replies.stall_before_headers()),
    _both(_BEFORE_HEADERS, "not HTTP", replies.garbage()),
    _both(_BEFORE_HEADERS, "Content-Length and chunked at once", replies.length_and_chunked()),
    _both(_BEFORE_HEADERS, "a redirect", replies.redirect()),
    *(
        _both(_BEFORE_HEADERS, f"status {status}", replies.status_reply(status, _REFUSED))
        for status in (400, 404, 413, 422)
    ),
    *(
        _both(_BEFORE_HEADERS, f"status {status}", replies.status_reply(status))
        for status in (401, 403, 408, 500, 502, 503, 504, 529)
    ),
    _both(_BEFORE_HEADERS, "status 429", replies.rate_limited()),
    _both(_BEFORE_HEADERS, "status 429, Retry-After: 30", replies.rate_limited("30")),
    Fault(
        _BEFORE_CONTENT,
        "reset",
        replies.reset_mid_body(),
        replies.stream_reset(),
    ),
    Fault(_BEFORE_CONTENT, "ends without a terminal event", None, replies.stream_clean_end()),
    Fault(_BEFORE_CONTENT, "stalls", None, replies.stall_after_headers()),
    Fault(
        _BEFORE_CONTENT,
        "200 that is an error of its own",
        replies.reply(response(200, error_body("The server had an error.", "server_error", "server_error"))),
        replies.stream_error_first(),
    ),
    Fault(
        _BEFORE_CONTENT,
        "200 that is a rate limit error",
        replies.reply(response(200, error_body("Slow down.", "requests", "rate_limit_exceeded"))),
        replies.stream_error_first("rate_limit_exceeded", "requests"),
    ),
    _later("reset", Reset()),
    _later("ends without a terminal event", LAST_CHUNK),
    _later("stalls", Stall()),
    _later("an error event", _ERROR_EVENT, LAST_CHUNK),
)


@dataclass(frozen=True, eq=False)
class Cell:
    number: int
    fault: Fault
    streamed: bool
    backup: str
    content_seen: Gate = field(default_factory=Gate)

    @property
    def name(self) -> str:
        return f"c{self.number}"

    @property
    def secret(self) -> str:
        return f"cell-secret-{self.number:04d}-abcdefghijklmnop"


def cells() -> Iterator[Cell]:
    number = 0
    for fault in FAULTS:
        for streamed in (False, True):
            if (fault.stream if streamed else fault.plain) is None:
                continue
            for backup in BACKUPS:
                yield Cell(number, fault, streamed, backup)
                number += 1


def configuration(provider: FakeProvider, closed_port: int, cells: list[Cell]) -> dict[str, Any]:
    """Providers, routes and keys of all cells. Timers and waits are short, the contract is the same."""
    providers: dict[str, Any] = {}
    routes: dict[str, Any] = {}
    keys = []
    for cell in cells:
        bad, good = f"{cell.name}a", f"{cell.name}b"
        url = f"http://127.0.0.1:{closed_port}/v1" if cell.fault.refused else provider.url
        credentials = [{"id": "bad", "secret": f"bad-{cell.number}", "weight": 1_000_000}]
        if cell.backup == "second credential":
            credentials.append({"id": "good", "secret": "good-secret"})
        providers[bad] = _provider(url, bad, credentials)
        providers[good] = _provider(provider.url, good, [{"id": "good", "secret": "good-secret"}])
        groups = [{"deployments": [{"provider": bad, "model": bad}]}]
        if cell.backup == "second deployment":
            groups.append({"deployments": [{"provider": good, "model": good}]})
        routes[cell.name] = groups
        key: dict[str, Any] = {"id": f"vk_{cell.name}", "secret": cell.secret}
        if cell.backup == "key's fallback":
            key["fallbacks"] = [{"provider": good, "model": good}]
        keys.append(key)
    return {
        "server": {"workers": 1},
        "upstream": {"retry_budget_ratio": 10, "retry_budget_min_per_s": 10_000},
        "providers": providers,
        "routes": routes,
        "virtual_keys": keys,
    }


def _provider(url: str, model: str, credentials: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "dialect": "openai",
        "base_url": url,
        "credentials": credentials,
        "models": [model],
        "timeouts": {"connect_s": 5, "headers_s": 2, "first_content_s": 2, "between_chunks_s": 2},
        "retries": {"max": 1, "backoff_initial_ms": 1, "backoff_max_ms": 1, "max_retry_after_s": 0},
    }


def script(provider: FakeProvider, cells: list[Cell]) -> None:
    """Bad secrets get the cell's fault, the good one gets an answer."""
    for streamed in (False, True):
        path = "/v1/chat/completions"
        good = (
            replies.chat_stream([GOOD_TEXT]) if streamed else replies.json_reply(chat_completion(GOOD_TEXT))
        )
        for cell in cells:
            if cell.streamed is not streamed:
                continue
            bad = cell.fault.reply(streamed, cell.content_seen)
            provider.script(bad, path=path, secret=f"bad-{cell.number}")
            for model in (f"{cell.name}a", f"{cell.name}b"):
                provider.script(good, path=path, secret="good-secret", model=model)


async def observe(client: httpx.AsyncClient, cell: Cell) -> str:
    """Send one request; what came back, in the words of docs/failover.md."""
    body = {"model": cell.name, "messages": [{"role": "user", "content": "Hi"}], "stream": cell.streamed}
    headers = {"authorization": f"Bearer {cell.secret}", "x-request-id": cell.name}
    raw = b""
    try:
        async with client.stream("POST", "/chat/completions", json=body, headers=headers) as answer:
            async for piece in answer.aiter_bytes():
                raw += piece
                cell.content_seen.open()
    except httpx.TransportError as error:
        return f"broken connection ({type(error).__name__})"
    if answer.status_code != 200:
        refusal = msgspec.json.decode(raw)["error"]
        assert set(refusal) == {"message", "type", "param", "code"}
        retry = ", Retry-After" if "retry-after" in answer.headers else ""
        return f"{answer.status_code} {refusal['code'] or refusal['type']}{retry}"
    text = _text(raw, cell.streamed)
    if text.errors:
        return f"200, partial answer, then error {text.errors[0]}"
    if not text.ended:
        return "200, partial answer, then nothing"
    return "200 from the backup" if text.content == GOOD_TEXT else f"200 {text.content!r}"


@dataclass
class Text:
    content: str
    errors: list[str]
    ended: bool


def _text(raw: bytes, streamed: bool) -> Text:
    if not streamed:
        body = msgspec.json.decode(raw)
        choices = body.get("choices") or [{"message": {"content": ""}}]
        return Text(choices[0]["message"]["content"], [], ended=True)
    text = Text("", [], ended=False)
    for event in raw.decode().split("\n\n"):
        data = event.removeprefix("data: ")
        if data == "[DONE]":
            text.ended = True
        elif data.startswith("{"):
            chunk = msgspec.json.decode(data.encode())
            if "error" in chunk:
                text.errors.append(chunk["error"]["code"])
            for choice in chunk.get("choices", ()):
                text.content += choice["delta"].get("content") or ""
    return text


def table(outcomes: dict[Cell, str]) -> str:
    """The matrix as Markdown, one row for each fault and form of request."""
    lines = [
        "| when | the upstream | request | " + " | ".join(BACKUPS) + " |",
        "|---|---|---|" + "---|" * len(BACKUPS),
    ]
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for cell, outcome in outcomes.items():
        row = (cell.fault.moment, cell.fault.name, "streamed" if cell.streamed else "plain")
        rows.setdefault(row, {})[cell.backup] = outcome
    for row, by_backup in rows.items():
        lines.append("| " + " | ".join([*row, *(by_backup[backup] for backup in BACKUPS)]) + " |")
    return "\n".join(lines) + "\n"
