"""Talks to the control process of a running gateway, over the Unix socket in its data directory."""

from pathlib import Path
from typing import TypeVar

import httpx
import msgspec

from fastgate.cli.errors import CommandError
from fastgate.cli.place import in_use
from fastgate.store.data_dir import DataDir

T = TypeVar("T")

_TIMEOUT_S = 30.0


class ControlClient:
    """One gateway's control process. Every failure is a CommandError."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._client = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(DataDir(data_dir).control_socket)),
            base_url="http://control",
            timeout=_TIMEOUT_S,
        )

    def __enter__(self) -> "ControlClient":
        return self

    def __exit__(self, *_exc: object) -> None:
        self._client.close()

    def call(self, method: str, path: str, answer: type[T]) -> T:
        """The decoded body of the answer."""
        try:
            return msgspec.json.decode(self._client.request(method, path).content, type=answer)
        except httpx.TransportError as error:
            raise CommandError(self._reason(error)) from error
        except msgspec.MsgspecError as error:
            raise CommandError(
                f"the control process answered what this version cannot read: {error}"
            ) from error

    def _reason(self, error: httpx.TransportError) -> str:
        directory = self._data_dir.absolute()
        if not in_use(self._data_dir):
            return f"no gateway is running with the data directory {directory}"
        if isinstance(error, httpx.TimeoutException):
            return f"the control process of the gateway did not answer within {_TIMEOUT_S:g} s"
        return "the gateway runs, but its control process is not there: it is being (re)started; try again"
