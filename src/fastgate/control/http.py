"""The control socket: `POST /reload` and `GET /status`, JSON, for the user that runs the gateway."""

from collections.abc import Awaitable, Callable

import msgspec

from fastgate.control.messages import ReloadResult, Status
from fastgate.downstream.asgi import Application, application
from fastgate.downstream.interface import Downstream, Header

_JSON: list[Header] = [(b"content-type", b"application/json")]
_METHODS = {"/reload": "POST", "/status": "GET"}


def control_app(reload: Callable[[], Awaitable[ReloadResult]], status: Callable[[], Status]) -> Application:
    """The ASGI application."""

    async def handle(downstream: Downstream) -> None:
        method = _METHODS.get(downstream.path)
        if method is None:
            await downstream.respond(404, [*_JSON], b'{"error":"there is no such path"}')
        elif downstream.method != method:
            allow = (b"allow", method.encode())
            await downstream.respond(405, [*_JSON, allow], b'{"error":"another method"}')
        else:
            answer: msgspec.Struct = await reload() if downstream.path == "/reload" else status()
            await downstream.respond(200, [*_JSON], msgspec.json.encode(answer))

    return application(handle)
