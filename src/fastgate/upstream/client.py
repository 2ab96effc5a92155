"""The entrance: makes calls, and owns a pool for each origin."""

import asyncio
import os
from collections.abc import Mapping

from fastgate.domain.snapshot import Timeouts
from fastgate.upstream.call import Call
from fastgate.upstream.connect import Connector
from fastgate.upstream.dns import Resolver
from fastgate.upstream.origin import Origin
from fastgate.upstream.pool import Pool, PoolStats

__all__ = ["Call", "Client", "Origin", "PoolStats"]


class Client:
    """One for each worker, made on its event loop.

    `max_response_bytes` bounds responses that are not streamed, compressed and decoded; it may be
    changed at any time. `environ` is where proxies are looked up.
    """

    def __init__(
        self,
        *,
        max_response_bytes: int,
        environ: Mapping[str, str] = os.environ,
        resolver: Resolver | None = None,
    ) -> None:
        self.max_response_bytes = max_response_bytes
        self.loop = asyncio.get_running_loop()
        self._connector = Connector(environ, resolver or Resolver())
        self._pools: dict[Origin, Pool] = {}

    def call(self, origin: Origin, timeouts: Timeouts, *, stream: bool) -> Call:
        """A call that is not yet sent. `timeouts.total_s` is for the caller to keep, by `abort`."""
        return Call(self, origin, timeouts, stream)

    def pool(self, origin: Origin) -> Pool:
        """The origin's pool, for as long as it has connections."""
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = Pool(origin, self._connector, self._forget)
        return pool

    def stats(self) -> dict[Origin, PoolStats]:
        """Connections of each origin that has any."""
        return {origin: pool.stats for origin, pool in self._pools.items()}

    async def aclose(self) -> None:
        """Fail what is in flight, close every connection, and wait until all are gone."""
        for pool in list(self._pools.values()):
            await pool.aclose()

    def _forget(self, pool: Pool) -> None:
        if self._pools.get(pool.origin) is pool:
            del self._pools[pool.origin]
