"""Where granian's RSGI differs from what the other edges do (docs/errors.md), and how it is made up for."""

from tests.support.edge_server import echo, edge_server
from tests.support.raw_client import exchange, request

from fastgate.downstream.interface import Downstream
from fastgate.errors import GatewayError


async def test_trailers_cannot_be_told_from_malformed_chunks() -> None:
    async def handler(downstream: Downstream) -> None:
        try:
            await echo(downstream)
        except GatewayError as error:
            await downstream.respond(error.status, list(error.headers), error.code.encode())

    framing = [("Transfer-Encoding", "chunked")]
    async with edge_server("rsgi", handler) as server:
        data = request(framing=framing) + b"2\r\n{}\r\n0\r\nX-Trailer: 1\r\n\r\n"
        response = await exchange(server.url, data)
    assert (response.status, response.body) == (400, b"invalid_body")
