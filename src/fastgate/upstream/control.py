"""Ask the control process, over its Unix socket. Only for what no request to a provider waits for."""

import asyncio
from pathlib import Path
from typing import Final

import httptools

TIMEOUT_S: Final = 5.0
MAX_ANSWER: Final = 4 * 1024 * 1024


class ControlUnavailable(Exception):
    """The control process is away, or does not answer in time."""


class _Answer:
    """What httptools tells of a response."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.complete = False

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.complete = True


async def ask(socket: Path, target: str) -> bytes:
    """The body of the answer to `GET target`. ControlUnavailable, also for an answer other than 200."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            try:
                writer.write(f"GET {target} HTTP/1.1\r\nhost: control\r\nconnection: close\r\n\r\n".encode())
                return await _read(reader)
            finally:
                writer.close()
    except (OSError, TimeoutError, httptools.HttpParserError) as error:
        raise ControlUnavailable(f"{type(error).__name__}") from error


async def _read(reader: asyncio.StreamReader) -> bytes:
    answer = _Answer()
    parser = httptools.HttpResponseParser(answer)
    while not answer.complete:
        data = await reader.read(65_536)
        if not data or len(answer.body) > MAX_ANSWER:
            raise ControlUnavailable("the answer broke off")
        parser.feed_data(data)
    if parser.get_status_code() != 200:
        raise ControlUnavailable(f"status {parser.get_status_code()}")
    return bytes(answer.body)
