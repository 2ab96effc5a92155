"""What `fastgate models` tells about a model."""

from collections.abc import Iterable, Iterator

import msgspec

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.model_ref import ModelRef
from fastgate.domain.snapshot import Snapshot
from fastgate.domain.virtual_key import VirtualKey
from fastgate.routing import permission
from fastgate.routing.resolver import Resolver


class ModelReport(msgspec.Struct, frozen=True):
    """`groups` are ids of deployments, in the order in which groups are tried."""

    model: str
    groups: list[list[str]]
    endpoints: list[Endpoint]


def collect(snapshot: Snapshot, key: VirtualKey | None) -> list[ModelReport]:
    """Routes, then models, then `provider/*` for each provider that takes any name.

    With a key, only what it may use.
    """
    resolver = Resolver(snapshot)
    names = dict.fromkeys([*snapshot.routes, *(name for name, _provider in resolver.plain_names())])
    reports = [_report(snapshot, key, name, resolver) for name in names]
    return [report for report in (*reports, *_any_name(snapshot, key)) if report.groups]


def _report(snapshot: Snapshot, key: VirtualKey | None, name: str, resolver: Resolver) -> ModelReport:
    groups = []
    for group in resolver.resolve(ModelRef(name)):
        allowed = []
        for target in group.targets:
            deployment = snapshot.deployments[target.deployment]
            public = target.model if deployment.upstream_model is None else deployment.model
            names = (name, f"{deployment.provider}/{public}", public)
            if permission.check(key, deployment.provider, names, target.model) is None:
                allowed.append(deployment.id)
        if allowed:
            groups.append(allowed)
    return ModelReport(name, groups, _endpoints(snapshot, groups))


def _any_name(snapshot: Snapshot, key: VirtualKey | None) -> Iterator[ModelReport]:
    for provider, served in snapshot.serves.items():
        name = f"{provider}/*"
        if served.wildcard is not None and permission.check(key, provider, (name,), name) is None:
            groups = [[served.wildcard]]
            yield ModelReport(name, groups, _endpoints(snapshot, groups))


def _endpoints(snapshot: Snapshot, groups: Iterable[Iterable[str]]) -> list[Endpoint]:
    offered = {
        endpoint
        for group in groups
        for deployment in group
        for endpoint in snapshot.providers[snapshot.deployments[deployment].provider].serves
    }
    return [endpoint for endpoint in Endpoint if endpoint in offered]
