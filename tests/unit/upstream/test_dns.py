import asyncio
import socket

import pytest
from tests.conftest import FakeClock
from tests.support.byte_server import answering, byte_server, response
from tests.support.upstream_calls import fetch, kind_of

from fastgate import tasks
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.snapshot import Network
from fastgate.upstream.client import Client, Origin
from fastgate.upstream.dns import Address, Resolver, alternate_families, system_lookup


class Zone:
    """A resolver of the test's own: counts what it is asked."""

    def __init__(self, *addresses: Address) -> None:
        self.addresses: list[Address] | OSError = list(addresses)
        self.asked = 0
        self.ready = asyncio.Event()
        self.ready.set()

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.asked += 1
        await self.ready.wait()
        if isinstance(self.addresses, OSError):
            raise self.addresses
        return self.addresses


def v4(last: int, port: int = 80) -> Address:
    return Address(socket.AF_INET, (f"127.0.0.{last}", port))


def v6(last: int) -> Address:
    return Address(socket.AF_INET6, (f"fd00::{last}", 80, 0, 0))


NOT_FOUND = socket.gaierror(socket.EAI_NONAME, "Name or service not known")


async def test_addresses_are_kept_for_their_time(fake_clock: FakeClock) -> None:
    zone = Zone(v4(1))
    resolver = Resolver(zone)
    for _ in range(3):
        assert await resolver.resolve("h", 80, 30) == (v4(1),)
        fake_clock.advance(9.9)
    assert zone.asked == 1
    zone.addresses = [v4(2)]
    fake_clock.advance(1)
    assert await resolver.resolve("h", 80, 30) == (v4(2),)
    assert zone.asked == 2


async def test_names_and_ports_are_kept_apart() -> None:
    zone = Zone(v4(1))
    resolver = Resolver(zone)
    for host, port in (("a", 80), ("b", 80), ("a", 81), ("a", 80)):
        await resolver.resolve(host, port, 30)
    assert zone.asked == 3


async def test_one_look_up_serves_all_who_wait_and_survives_one_who_leaves() -> None:
    zone = Zone(v4(1))
    zone.ready.clear()
    resolver = Resolver(zone)
    waiting = [asyncio.create_task(resolver.resolve("h", 80, 30)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    zone.ready.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [(v4(1),)] * 2
    assert zone.asked == 1
    assert not tasks.running()


@pytest.mark.parametrize("zone_content", [NOT_FOUND, []])
async def test_a_name_without_addresses(zone_content: list[Address] | OSError) -> None:
    zone = Zone()
    zone.addresses = zone_content
    resolver = Resolver(zone)
    for _ in range(2):
        with pytest.raises(UpstreamError) as caught:
            await resolver.resolve("secret.example", 80, 30)
        assert caught.value.kind is FailureKind.DNS
        assert "secret" not in caught.value.message
    assert zone.asked == 2


async def test_the_last_addresses_are_used_while_a_name_cannot_be_resolved_again(
    fake_clock: FakeClock,
) -> None:
    zone = Zone(v4(1))
    resolver = Resolver(zone)
    await resolver.resolve("h", 80, 30)
    zone.addresses = NOT_FOUND
    fake_clock.advance(31)
    assert await resolver.resolve("h", 80, 30) == (v4(1),)
    zone.addresses = [v4(2)]
    assert await resolver.resolve("h", 80, 30) == (v4(2),)


@pytest.mark.parametrize(
    ("found", "order"),
    [
        ([v4(1), v4(2)], (v4(1), v4(2))),
        ([v6(1), v6(2), v4(1), v4(2), v4(3)], (v6(1), v4(1), v6(2), v4(2), v4(3))),
        ([v4(1), v6(1), v6(2)], (v4(1), v6(1), v6(2))),
    ],
)
def test_families_take_turns(found: list[Address], order: tuple[Address, ...]) -> None:
    assert alternate_families(found) == order


async def test_the_system_knows_localhost() -> None:
    found = await system_lookup("localhost", 8080)
    assert {address.sockaddr[:2] for address in found} <= {("127.0.0.1", 8080), ("::1", 8080)}
    assert found


async def test_an_impossible_name() -> None:
    with pytest.raises(UpstreamError) as caught:
        await Resolver().resolve("localhost." + "a" * 64, 80, 30)
    assert caught.value.kind is FailureKind.DNS


async def test_a_name_that_moves_is_followed() -> None:
    async with (
        byte_server(answering(response(b"old"))) as old,
        byte_server(answering(response(b"new"))) as new,
    ):
        zone = Zone(v4(1, old.port))
        client = Client(max_response_bytes=1000, environ={}, resolver=Resolver(zone))
        origin = Origin("http", "api.example", 80, Network(dns_ttl_s=0, max_idle_connections=0))
        assert (await fetch(client, origin)).body == b"old"
        zone.addresses = [v4(1, new.port)]
        assert (await fetch(client, origin)).body == b"new"
        assert new.requests[0].header(b"host") == b"api.example"
        await client.aclose()


async def test_a_call_to_an_unknown_name_fails() -> None:
    zone = Zone()
    zone.addresses = NOT_FOUND
    client = Client(max_response_bytes=1000, environ={}, resolver=Resolver(zone))
    assert await kind_of(client, Origin("http", "api.example", 80, Network())) is FailureKind.DNS
    assert client.stats() == {}
