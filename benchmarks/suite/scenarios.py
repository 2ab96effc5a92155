"""What is measured: each scenario by name, the setup that the gateways run in for it, and sets of them."""

from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

STREAM_CHUNKS: Final = 120
_STREAM_RATE: Final = 40
REFUSING_MODEL: Final = "bench-429-30"  # a share of its calls; a route goes on with `bench` then
BODY_BYTES: Final = 1_000


class Kind(StrEnum):
    """How the load is made; `START` has none: processes are started and asked once."""

    CLOSED = "closed"
    OPEN = "open"
    STREAMS = "streams"
    START = "start"


class Format(StrEnum):
    """What a client, or the provider, speaks."""

    CHAT = "chat"
    MESSAGES = "messages"


class Feature(StrEnum):
    """What a gateway must be able to do for a scenario."""

    KEYS = "keys"
    DEPLOYMENTS = "deployments"
    FALLBACK = "fallback"
    TRANSLATION = "translation"


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How the gateways are started; `workers` 0 means one a core."""

    workers: int = 0
    keys: int = 1
    deployments: int = 1


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """`model` is what a client asks for, `behaviour` the model's name that tells the simulated provider
    what to do. `rate` is of requests a second, in an open loop; `chunks` of one stream. A turn takes
    `seconds` at least, and `warm_up_s` before. `alone`: on processes of its own, as it leaves others with
    more memory, or dead."""

    name: str
    about: str
    kind: Kind = Kind.CLOSED
    setup: Setup = Setup()
    connections: int = 0
    rate: int = 0
    chunks: int = 0
    seconds: float = 0.0
    warm_up_s: float = 0.0
    body_bytes: int = BODY_BYTES
    model: str = "bench"
    behaviour: str = "bench"
    client: Format = Format.CHAT
    provider: Format = Format.CHAT
    needs: frozenset[Feature] = frozenset()
    alone: bool = False


def _closed(connections: int) -> Scenario:
    return Scenario(
        name=f"c{connections}",
        about=f"1 KB, {connections} connection{'s' * (connections > 1)} in a closed loop",
        connections=connections,
    )


def _body(name: str, size: int) -> Scenario:
    return Scenario(
        name=name, about=f"requests of {size:,} bytes, 32 connections", connections=32, body_bytes=size
    )


def _open(rate: int) -> Scenario:
    return Scenario(
        name=f"open{rate}",
        about=f"1 KB, {rate:,} requests a second in an open loop",
        kind=Kind.OPEN,
        connections=64,
        rate=rate,
    )


def _streams(number: int, chunks: int = STREAM_CHUNKS, rate: int = _STREAM_RATE) -> Scenario:
    """A turn is as long as a stream, so that each begins anew within it."""
    model = f"bench-stream-{chunks}x{rate}"
    return Scenario(
        name=f"streams{number}",
        about=f"{number:,} streams open, {rate} chunk{'s' * (rate > 1)} a second each",
        kind=Kind.STREAMS,
        connections=number,
        chunks=chunks,
        seconds=chunks / rate,
        model=model,
        behaviour=model,
    )


def _setup(name: str, about: str, setup: Setup, *needs: Feature) -> Scenario:
    return Scenario(
        name=name, about=f"{about}, 32 connections", setup=setup, connections=32, needs=frozenset(needs)
    )


def _translated(name: str, client: Format, *, streams: int = 0) -> Scenario:
    """From a client of one format to a provider of the other."""
    provider = Format.MESSAGES if client is Format.CHAT else Format.CHAT
    behaviour = f"bench-stream-{STREAM_CHUNKS}x{_STREAM_RATE}" if streams else "bench"
    return Scenario(
        name=name,
        about=f"{f'{streams} streams' if streams else 'calls'} of a {client} client to a {provider} provider",
        kind=Kind.STREAMS if streams else Kind.CLOSED,
        connections=streams or 32,
        chunks=STREAM_CHUNKS if streams else 0,
        seconds=STREAM_CHUNKS / _STREAM_RATE if streams else 0.0,
        model=f"claude-{behaviour}" if provider is Format.MESSAGES else behaviour,
        behaviour=behaviour,
        client=client,
        provider=provider,
        needs=frozenset({Feature.TRANSLATION}),
    )


_ALL: Final = (
    Scenario(
        name="start",
        about="from the start of the process to its first answer; memory at rest",
        kind=Kind.START,
    ),
    *map(_closed, (1, 8, 32, 128, 512)),
    *map(_open, (500, 1_000, 2_000, 4_000)),
    _body("body10k", 10_000),
    _body("body100k", 100_000),
    replace(_body("body1m", 1_000_000), alone=True),
    _streams(20, chunks=20),
    *map(_streams, (50, 200, 500)),
    replace(_streams(2_000, chunks=60, rate=20), alone=True),
    # Only whether they are held: they outlast the turn, and are opened at 500 a second.
    replace(_streams(10_000, chunks=60, rate=1), seconds=10.0, warm_up_s=20.0, alone=True),
    Scenario(
        name="fallback",
        about="30 % of the calls meet a 429 and go to the next deployment, 32 connections",
        connections=32,
        model=REFUSING_MODEL,
        needs=frozenset({Feature.FALLBACK}),
    ),
    _translated("messages-to-chat", Format.MESSAGES),
    _translated("chat-to-messages", Format.CHAT),
    _translated("messages-to-chat-streams", Format.MESSAGES, streams=200),
    _translated("chat-to-messages-streams", Format.CHAT, streams=200),
    _setup("keys100", "100 virtual keys in turn", Setup(keys=100), Feature.KEYS),
    _setup("keys100k", "100,000 virtual keys in turn", Setup(keys=100_000), Feature.KEYS),
    _setup(
        "deployments1000", "1,000 deployments of the model", Setup(deployments=1_000), Feature.DEPLOYMENTS
    ),
    _setup("workers1", "one worker", Setup(workers=1)),
)

SCENARIOS: Final = {scenario.name: scenario for scenario in _ALL}

# `table` has what targets.toml asks for, and is what `make bench` runs.
SETS: Final = {
    "table": ("start", "c1", "c32", "c128", "body100k", "streams200"),
    "full": tuple(name for name in SCENARIOS if name != "streams20"),
    "smoke": ("start", "c8", "streams20", "fallback", "messages-to-chat", "chat-to-messages"),
}

PROVIDER_MODELS: Final = {
    provider: tuple(
        sorted({(s.model, s.behaviour) for s in _ALL if s.provider is provider and s.model != REFUSING_MODEL})
    )
    for provider in Format
}
"""Of each format of the provider: names for clients, each with the provider's own."""


def named(names: list[str]) -> list[Scenario]:
    """Scenarios by their names and those of sets, each once, in the order above. ValueError: no such name."""
    wanted = {each for name in names for each in SETS.get(name, (name,))}
    if unknown := sorted(wanted - SCENARIOS.keys()):
        raise ValueError(f"no scenario {', '.join(unknown)}; there are {', '.join((*SETS, *SCENARIOS))}")
    return [scenario for scenario in _ALL if scenario.name in wanted]
