"""What the suite knows of a contestant: how it is started, and what it can do."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from benchmarks.suite.scenarios import Feature, Format, Scenario, Setup

ROOT: Final = Path(__file__).parents[3]
BUILD: Final = ROOT / "build"
PROVIDER_SECRET: Final = "upstream-secret"


def secret(number: int) -> str:
    """Of that virtual key, the same in each run."""
    return f"sk-bench-{number:08d}-{hashlib.sha256(b'%d' % number).hexdigest()[:32]}"


@dataclass(frozen=True)
class Site:
    """Where a contestant is to run: a directory of its own, and a free port of loopback.

    `upstream` is the URL of the simulated provider, without a path.
    """

    directory: Path
    port: int
    upstream: str
    setup: Setup
    workers: int

    @cached_property
    def secrets(self) -> Sequence[str]:
        """One for each virtual key."""
        return [secret(number) for number in range(self.setup.keys)]


@dataclass(frozen=True)
class Command:
    """How to start one. `url` is that of the API without the version, `headers` what its clients send too."""

    line: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def _nothing() -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """`about` is for the report: what it is, and what is not comparable.

    `missing` says what is not installed, or None. `transparent`: it forwards bodies as they are, so a client
    must speak as the provider does. `model` is the name that a client gives, made of `{model}`. `runs`: it is
    there already, and nothing is started.
    """

    name: str
    about: str
    command: Callable[[Site], Command]
    can: frozenset[Feature] = frozenset()
    missing: Callable[[], str | None] = _nothing
    transparent: bool = False
    model: str = "{model}"
    start_s: float = 20.0
    runs: bool = False

    def lacks(self, scenario: Scenario) -> frozenset[Feature]:
        """What it would have to be able to do, and is not."""
        return scenario.needs - self.can

    def client(self, scenario: Scenario) -> Format:
        """What its client speaks."""
        return scenario.provider if self.transparent else scenario.client

    def asks_for(self, scenario: Scenario) -> str:
        """The model that its client names."""
        return scenario.behaviour if self.transparent else self.model.format(model=scenario.model)


def on(site: Site) -> str:
    """The URL of whoever listens on the site's port."""
    return f"http://127.0.0.1:{site.port}"
