"""Talks to the control process of a running gateway, over the Unix socket in its data directory."""

from pathlib import Path
from typing import TypeVar

import httpx
import msgspec

from fastgate.cli.errors import CommandError
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
        except httpx.ConnectError as error:
            raise CommandError(
                f"no gateway is running with the data directory {self._data_dir.absolute()}"
            ) from error
        except httpx.HTTPError as error:
            raise CommandError(f"the control process did not answer: {error}") from error
        except msgspec.MsgspecError as error:
            raise CommandError(
                f"the control process answered what this version cannot read: {error}"
            ) from error
