"""From settings to the snapshot that workers run on. Never imported in a worker.

Everything that is wrong is collected, so that one ConfigError tells all of it.
"""

from collections.abc import Mapping
from typing import Final

from fastgate.config.settings import GroupSettings, HedgeSettings, RouteSettings, Settings, TargetSettings
from fastgate.domain.provider_table import KNOWN, VENDORS_LATER
from fastgate.domain.snapshot import (
    Condition,
    Deployment,
    Group,
    Hedge,
    Route,
    Snapshot,
    Target,
    Worker,
)
from fastgate.errors import ConfigError
from fastgate.routing.compile_provider import ProviderParts, compile_provider, merged, suggestion
from fastgate.routing.resolver import MAX_NAME

_RESERVED: Final = "auto"


def compile_snapshot(settings: Settings, generation: int, environ: Mapping[str, str]) -> Snapshot:
    """ConfigError lists every semantic error, a line each.

    Secrets are looked up, in `environ` and in files, only to find those that are missing.
    """
    problems: list[str] = []
    parts: dict[str, ProviderParts] = {}
    for name, provider in settings.providers.items():
        if name in VENDORS_LATER and provider.dialect is None:
            continue
        parts[name] = compile_provider(name, provider, environ, problems)
    routes = _Routes(settings, parts, problems).compile()
    if problems:
        raise ConfigError("\n".join(problems))
    return Snapshot(
        generation=generation,
        worker=_worker(settings),
        providers={name: part.provider for name, part in parts.items()},
        deployments={
            id_: deployment for part in parts.values() for id_, deployment in part.deployments.items()
        },
        serves={name: part.served for name, part in parts.items()},
        routes=routes,
    )


def _worker(settings: Settings) -> Worker:
    server, upstream = settings.server, settings.upstream
    return Worker(
        max_body_bytes=server.max_body_bytes,
        body_timeout_s=server.body_timeout_s,
        max_response_bytes=upstream.max_response_bytes,
        max_event_bytes=upstream.max_event_bytes,
        open_auth=settings.auth.mode == "open",
        forward_request_headers=tuple(name.lower() for name in upstream.forward_request_headers),
        cors_origins=tuple(server.cors.allow_origins),
        cors_max_age_s=server.cors.max_age_s,
        retry_budget_ratio=upstream.retry_budget_ratio,
        retry_budget_min_per_s=upstream.retry_budget_min_per_s,
        log_requests=settings.logging.requests,
        stream_failure=upstream.stream_failure,
    )


class _Routes:
    def __init__(self, settings: Settings, parts: dict[str, ProviderParts], problems: list[str]) -> None:
        self._settings = settings
        self._parts = parts
        self._problems = problems

    def compile(self) -> dict[str, Route]:
        """The routes; those whose every target belongs to a later version are left out."""
        compiled = {}
        for name, given in self._settings.routes.items():
            route = RouteSettings(groups=given) if isinstance(given, list) else given
            path = f"routes.{name}"
            if name == _RESERVED:
                self._problems.append(f"{path}: `{_RESERVED}` is reserved for the key's fallbacks")
            if not 0 < len(name) <= MAX_NAME:
                self._problems.append(f"{path}: a name has 1 to {MAX_NAME} characters")
            groups = [
                group
                for index, settings in enumerate(route.groups)
                if (group := self._group(f"{path}.{index}", route, settings)).targets
            ]
            if groups:
                compiled[name] = Route(
                    name=name,
                    groups=tuple(groups),
                    hedge=None if route.hedge is None else _hedge(route.hedge),
                    stream_failure=route.stream_failure,
                )
        return compiled

    def _group(self, path: str, route: RouteSettings, settings: GroupSettings) -> Group:
        when = settings.when
        if when is not None and when.max_body_bytes and when.min_body_bytes > when.max_body_bytes:
            self._problems.append(f"{path}.when: min_body_bytes is above max_body_bytes")
        targets = [
            target
            for index, member in enumerate(settings.deployments)
            for target in self._targets(f"{path}.deployments.{index}", route, member)
        ]
        return Group(
            strategy=settings.strategy,
            targets=tuple(targets),
            when=None
            if when is None
            else Condition(
                tags=when.tags, min_body_bytes=when.min_body_bytes, max_body_bytes=when.max_body_bytes
            ),
        )

    def _targets(self, path: str, route: RouteSettings, member: TargetSettings) -> list[Target]:
        part = self._parts.get(member.provider)
        if part is None:
            self._missing_provider(path, member.provider)
            return []
        deployments = self._deployments(path, part, member)
        provider = part.provider
        return [
            Target(
                deployment=deployment.id,
                model=deployment.upstream_model or member.model,
                weight=member.weight,
                timeouts=None if route.timeouts is None else merged(provider.timeouts, route.timeouts),
                retries=None if route.retries is None else merged(provider.retries, route.retries),
            )
            for deployment in deployments
        ]

    def _missing_provider(self, path: str, name: str) -> None:
        if name in VENDORS_LATER:
            return  # `config.references` warns of it
        if name in KNOWN:
            variable = f", or set {KNOWN[name].env[0]}" if KNOWN[name].env else ""
            self._problems.append(f"{path}: the provider `{name}` is not configured: add it{variable}")
        else:
            hint = suggestion(name, self._parts)
            self._problems.append(f"{path}: there is no provider `{name}`{hint}")

    def _deployments(self, path: str, part: ProviderParts, member: TargetSettings) -> list[Deployment]:
        found = part.find(member.model)
        if not found and member.region is None:
            found = part.add_for_route(member.model)
        if not found:
            hint = suggestion(member.model, part.served.names)
            self._problems.append(f"{path}: `{member.provider}` does not serve `{member.model}`{hint}")
            return []
        if member.region is None:
            return found
        regional = [deployment for deployment in found if deployment.region == member.region]
        if not regional:
            regions = ", ".join(sorted({each.region for each in found if each.region})) or "none"
            self._problems.append(
                f"{path}: `{member.provider}` has no `{member.model}` in the region `{member.region}` "
                f"(it has: {regions})"
            )
        return regional


def _hedge(settings: HedgeSettings) -> Hedge:
    if settings.after == "p95":
        return Hedge(after_ms=0, max=settings.max)
    number = (
        settings.after.removesuffix("ms")
        if settings.after.endswith("ms")
        else settings.after.removesuffix("s")
    )
    ms = float(number) * (1 if settings.after.endswith("ms") else 1000)
    return Hedge(after_ms=max(int(ms), 1), max=settings.max)
