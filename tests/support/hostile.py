"""What tests of hostile HTTP say of an answer: it is the only one, and who gave it."""

from collections.abc import Sequence

from tests.support.gateway_rig import GatewayRig
from tests.support.raw_client import Response, raw_client, request

SMUGGLED_ID = "smuggled"


async def marked(rig: GatewayRig) -> None:
    """One more exchange, whose log line follows those of all before it."""
    marker = await rig.exchange(request(method="GET", path="/v1/models"))
    await rig.line(marker.request_id)


async def the_one_response(rig: GatewayRig, *pieces: bytes) -> Response:
    """What these bytes are answered with, which ends the connection: nothing behind it was a request."""
    async with raw_client(rig.url) as client:
        for piece in pieces:
            await client.send(piece)
        response = await client.response()
        assert response.header("connection") == "close"
        assert await client.rest() == b"", "more than one response"
    await marked(rig)
    assert rig.gateway.log_lines(request_id=SMUGGLED_ID) == []
    return response


async def no_request(rig: GatewayRig, pieces: Sequence[bytes], status: int, code: str) -> Response:
    """It is refused before it is a request: by hyper with an empty answer that the gateway is not told of
    (docs/errors.md), natively with `code`, logged and counted as what the gateway refuses itself."""
    await marked(rig)  # what was logged before is there
    logged = len(rig.gateway.log_lines(message="exchange"))
    before = await rig.gateway.ascrape()
    response = await the_one_response(rig, *pieces)
    assert response.status == status, response
    if rig.edge == "native":
        assert response.error()["code"] == code
        line = await rig.line(response.request_id)
        assert (line["status"], line["code"], line["finish"]) == (status, code, "error")
        added = 2
    else:
        assert response.body == b""
        added = 1
    # The marker is one.
    assert len(rig.gateway.log_lines(message="exchange")) == logged + added
    await rig.counted(before, "fastgate_requests_total", added)
    assert rig.provider.requests == []
    return response
