"""Name resolution: off the event loop, cached for a time, one look-up at a time for a name."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from itertools import chain, zip_longest
from typing import Final, NamedTuple

from fastgate import clock, tasks
from fastgate.domain.failure import FailureKind, UpstreamError

# More names than a configuration has; bounds what a flood of reloads could leave behind.
_MAX_CACHED: Final = 1_024


class Address(NamedTuple):
    """As `getaddrinfo` gives it; the shape of `sockaddr` depends on the family."""

    family: int
    sockaddr: tuple[object, ...]


Lookup = Callable[[str, int], Awaitable[list[Address]]]


async def system_lookup(host: str, port: int) -> list[Address]:
    """The C library's resolver, in a thread. Raises OSError, or UnicodeError for an impossible name."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
    )
    return [Address(family, sockaddr) for family, _, _, _, sockaddr in found]


def alternate_families(addresses: list[Address]) -> tuple[Address, ...]:
    """IPv6 and IPv4 in turn, beginning with the resolver's favourite (RFC 8305 4)."""
    first = [a for a in addresses if a.family == addresses[0].family]
    others = [a for a in addresses if a.family != addresses[0].family]
    return tuple(a for a in chain.from_iterable(zip_longest(first, others)) if a is not None)


class Resolver:
    """Addresses of names. While a name cannot be resolved again, its last addresses are used."""

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._cache: dict[tuple[str, int], tuple[int, tuple[Address, ...]]] = {}
        self._running: dict[tuple[str, int], asyncio.Task[tuple[Address, ...] | UpstreamError]] = {}

    async def resolve(self, host: str, port: int, ttl_s: float) -> tuple[Address, ...]:
        """At least one address. Raises UpstreamError (DNS)."""
        name = (host, port)
        cached = self._cache.get(name)
        if cached is not None and cached[0] + int(ttl_s * 1e9) > clock.monotonic_ns():
            return cached[1]
        task = self._running.get(name)
        if task is None:
            task = self._running[name] = tasks.spawn(self._look_up(name), "upstream-dns")
            task.add_done_callback(lambda _: self._running.pop(name))
        # Shielded: the others who wait for this name still want the answer.
        result = await asyncio.shield(task)
        if isinstance(result, UpstreamError):
            if cached is not None:
                return cached[1]
            # A new object for each waiter, so that tracebacks do not pile up on a shared one.
            raise UpstreamError(result.kind, result.message)
        return result

    async def _look_up(self, name: tuple[str, int]) -> tuple[Address, ...] | UpstreamError:
        try:
            addresses = await self._lookup(*name)
        except OSError as exc:
            return UpstreamError(FailureKind.DNS, f"the name cannot be resolved: {exc.strerror}")
        except UnicodeError:
            return UpstreamError(FailureKind.DNS, "the name is not a valid host name")
        if not addresses:
            return UpstreamError(FailureKind.DNS, "the name has no address")
        if len(self._cache) >= _MAX_CACHED:
            self._cache.clear()
        result = alternate_families(addresses)
        self._cache[name] = (clock.monotonic_ns(), result)
        return result
