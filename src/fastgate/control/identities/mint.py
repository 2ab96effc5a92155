"""One login exchanged for a secret, by the vendor's own library, in a thread."""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Final, assert_never

from fastgate.control.identities.errors import MintingFailed, told
from fastgate.domain.credential import AwsIdentity, AzureIdentity, GoogleIdentity, Identity, Minted

_LOGGERS: Final = ("azure", "msal", "google", "botocore", "urllib3")

Mint = Callable[[Identity], Minted]


def mint(identity: Identity) -> Minted:
    """Blocks for some seconds at most. MintingFailed: it did not work, for whatever reason."""
    try:
        match identity:
            case AwsIdentity():
                from fastgate.control.identities import aws

                return aws.mint(identity)
            case GoogleIdentity():
                from fastgate.control.identities import google

                return google.mint(identity)
            case AzureIdentity():
                from fastgate.control.identities import azure

                return azure.mint(identity)
            case _:
                assert_never(identity)
    except MintingFailed:
        raise
    except Exception as error:
        raise MintingFailed(told(error)) from error


def silence_libraries() -> None:
    """They would write each failed attempt to standard error: failures are told once, by us."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)  # noqa: TID251 (nothing is logged by it)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


async def in_thread(mint_: Mint, identity: Identity) -> Minted:
    """As `mint_`. The thread is not waited for at the end of the process, however long it takes."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Minted] = loop.create_future()

    def settle(minted: Minted | None, error: Exception | None) -> None:
        if done.done():
            return
        if minted is not None:
            done.set_result(minted)
        elif error is not None:
            done.set_exception(error)

    def work() -> None:
        minted: Minted | None = None
        failure: Exception | None = None
        try:
            minted = mint_(identity)
        except Exception as error:
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, minted, failure)

    threading.Thread(target=work, name="identity", daemon=True).start()
    return await done
