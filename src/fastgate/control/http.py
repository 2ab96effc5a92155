"""The control socket: `POST /reload`, `GET /status`, `GET /usage?key=ID` and `GET /identities`, JSON, for the
user that runs the gateway and for its workers."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

import msgspec

from fastgate.control.messages import ReloadResult, Status
from fastgate.control.usage_report import UsageReport
from fastgate.domain.credential import HandedOut
from fastgate.downstream.asgi import Application, application
from fastgate.downstream.interface import Downstream, Header

_JSON: list[Header] = [(b"content-type", b"application/json")]
_METHODS = {"/reload": "POST", "/status": "GET", "/usage": "GET", "/identities": "GET"}


def control_app(
    reload: Callable[[], Awaitable[ReloadResult]],
    status: Callable[[], Status],
    usage: Callable[[str], UsageReport],
    identities: Callable[[], Awaitable[list[HandedOut]]],
) -> Application:
    """The ASGI application. `usage` is by id of a virtual key, and may block."""

    async def handle(downstream: Downstream) -> None:
        method = _METHODS.get(downstream.path)
        if method is None:
            await downstream.respond(404, [*_JSON], b'{"error":"there is no such path"}')
        elif downstream.method != method:
            allow = (b"allow", method.encode())
            await downstream.respond(405, [*_JSON, allow], b'{"error":"another method"}')
        else:
            answer: msgspec.Struct | list[HandedOut]
            match downstream.path:
                case "/reload":
                    answer = await reload()
                case "/status":
                    answer = status()
                case "/identities":
                    answer = await identities()
                case _:
                    query = dict(parse_qsl(downstream.query.decode("latin-1")))
                    answer = await asyncio.to_thread(usage, query.get("key", ""))
            await downstream.respond(200, [*_JSON], msgspec.json.encode(answer))

    return application(handle)
