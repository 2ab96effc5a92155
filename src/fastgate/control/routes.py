"""What can be asked of the control process: `POST /reload`, `GET /status`, `GET /usage?key=ID` and
`GET /identities`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from fastgate.control.http import Route
from fastgate.control.messages import ReloadResult, Status
from fastgate.control.usage_report import UsageReport
from fastgate.domain.credential import HandedOut


def routes(
    reload: Callable[[], Awaitable[ReloadResult]],
    status: Callable[[], Status],
    usage: Callable[[str], UsageReport],
    identities: Callable[[], Awaitable[list[HandedOut]]],
) -> dict[str, Route]:
    """By path. `usage` is by id of a virtual key, and may block."""

    async def answer_reload(query: Mapping[str, str]) -> ReloadResult:
        return await reload()

    async def answer_status(query: Mapping[str, str]) -> Status:
        return status()

    async def answer_usage(query: Mapping[str, str]) -> UsageReport:
        return await asyncio.to_thread(usage, query.get("key", ""))

    async def answer_identities(query: Mapping[str, str]) -> list[HandedOut]:
        return await identities()

    return {
        "/reload": Route("POST", answer_reload),
        "/status": Route("GET", answer_status),
        "/usage": Route("GET", answer_usage),
        "/identities": Route("GET", answer_identities),
    }
