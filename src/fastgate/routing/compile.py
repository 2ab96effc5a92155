"""From settings to the snapshot that workers run on. Never imported in a worker.

Finds nothing wrong with settings that `config.load` has checked: all rules are there, where lines are known.
"""

from collections.abc import Mapping

from fastgate.config.money_settings import LedgerSettings, QueueSettings
from fastgate.config.responses_settings import ResponsesSettings
from fastgate.config.route_settings import GroupSettings, HedgeSettings, RouteSettings, TargetSettings
from fastgate.config.settings import Settings
from fastgate.domain.snapshot import (
    Condition,
    Group,
    Hedge,
    Journal,
    KeptResponses,
    Money,
    Queue,
    Route,
    Snapshot,
    Target,
    Unpriced,
    Worker,
)
from fastgate.routing.compile_provider import ProviderParts, compile_provider, merged


def compile_snapshot(settings: Settings, generation: int, environ: Mapping[str, str]) -> Snapshot:
    """Secrets are looked up, in `environ` and in files, only to find those that have gone: ConfigError.

    Prices, and the accounts of owners, are for the caller to add, when they are placed.
    """
    parts = {name: compile_provider(name, provider, environ) for name, provider in settings.providers.items()}
    routes = _routes(settings, parts)
    return Snapshot(
        generation=generation,
        worker=_worker(settings),
        providers={name: part.provider for name, part in parts.items()},
        deployments={
            id_: deployment for part in parts.values() for id_, deployment in part.deployments.items()
        },
        serves={name: part.served for name, part in parts.items()},
        routes=routes,
        redirects={old.lower(): new for old, new in settings.redirects.items()},
        allowed_tags=tuple(settings.tags.allowed),
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
        compat=settings.compat,
        money=_money(settings),
        queue=_queue(settings.limits.queue),
        journal=_journal(settings.ledger),
        responses=_responses(settings.responses),
    )


def _money(settings: Settings) -> Money:
    given, unpriced = settings.budgets, settings.unpriced
    return Money(
        default_output_hold_tokens=given.default_output_hold_tokens,
        # An assumed price is in the book: what is still without one then cannot be billed at all.
        unpriced=Unpriced(unpriced) if isinstance(unpriced, str) else Unpriced.DENY_BUDGETED,
        cost_headers=given.cost_headers,
        budget_headers=given.response_headers,
        stream_cost=given.stream_cost,
    )


def _queue(given: QueueSettings) -> Queue:
    return (
        Queue(max_wait_ms=given.max_wait_ms, max_waiting=given.max_waiting) if given.max_wait_ms else Queue()
    )


def _journal(given: LedgerSettings) -> Journal:
    sync_ms = {"none": -1, "each": 0}.get(given.journal.fsync)
    return Journal(
        max_bytes=given.journal.max_mb << 20,
        sync_ms=int(given.journal.fsync.removesuffix("ms")) if sync_ms is None else sync_ms,
        when_full=given.when_full,
    )


def _responses(given: ResponsesSettings) -> KeptResponses:
    return KeptResponses(on=given.store_translated, ttl_s=given.ttl_s, max_bytes=given.max_mb << 20)


def _routes(settings: Settings, parts: dict[str, ProviderParts]) -> dict[str, Route]:
    """Without the targets at providers that are not configured."""
    compiled = {}
    for name, given in settings.routes.items():
        route = RouteSettings(groups=given) if isinstance(given, list) else given
        groups = [group for each in route.groups if (group := _group(route, each, parts)).targets]
        if groups:
            compiled[name] = Route(
                name=name,
                groups=tuple(groups),
                hedge=None if route.hedge is None else _hedge(route.hedge),
                stream_failure=route.stream_failure,
            )
    return compiled


def _group(route: RouteSettings, settings: GroupSettings, parts: dict[str, ProviderParts]) -> Group:
    when = settings.when
    return Group(
        strategy=settings.strategy,
        targets=tuple(target for member in settings.deployments for target in _targets(route, member, parts)),
        when=None
        if when is None
        else Condition(
            tags=when.tags, min_body_bytes=when.min_body_bytes, max_body_bytes=when.max_body_bytes
        ),
    )


def _targets(route: RouteSettings, member: TargetSettings, parts: dict[str, ProviderParts]) -> list[Target]:
    part = parts.get(member.provider)
    if part is None:
        return []
    provider = part.provider
    return [
        Target(
            deployment=deployment.id,
            model=deployment.upstream_model or member.model,
            weight=member.weight,
            timeouts=None if route.timeouts is None else merged(provider.timeouts, route.timeouts),
            retries=None if route.retries is None else merged(provider.retries, route.retries),
        )
        for deployment in part.for_route(member.model)
        if member.region in (None, deployment.region)
    ]


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
