"""Any other gateway, attached by a command or a URL (docs/benchmarks-peers.md)."""

import shlex
from typing import Final

from benchmarks.suite.contestants.contestant import Command, Contestant, Site, on
from benchmarks.suite.scenarios import Feature

_START_S: Final = 60.0


def peer(spec: str, model: str | None, headers: dict[str, str]) -> Contestant:
    """Of `name=URL`, for one that runs, or `name=COMMAND` with {port}, {upstream}, {directory}, {workers}
    and {secret}, that of the client, in it. ValueError for anything else."""
    name, _, target = spec.partition("=")
    if not name or not target:
        raise ValueError(f"{spec!r} is not name=URL or name=COMMAND")

    def command(site: Site) -> Command:
        if target.startswith("http://"):
            return Command(url=target.rstrip("/"), headers=headers)
        line = target.format(
            port=site.port,
            upstream=site.upstream,
            directory=site.directory,
            workers=site.workers,
            secret=site.secrets[0],
        )
        return Command(shlex.split(line), url=on(site), headers=headers)

    return Contestant(
        name=name,
        about="attached with --peer; what it was configured to do is not known here",
        command=command,
        can=frozenset(Feature) - {Feature.KEYS, Feature.DEPLOYMENTS},
        model=model or "{model}",
        start_s=_START_S,
        runs=target.startswith("http://"),
    )
