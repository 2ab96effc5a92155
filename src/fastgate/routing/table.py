"""From what a client asked for to a plan: names, permissions, endpoints and conditions."""

import itertools
import random
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

import msgspec

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.model_ref import ModelRef
from fastgate.domain.snapshot import (
    MAX_MODEL_NAME,
    Credential,
    Deployment,
    Route,
    Snapshot,
    StreamFailure,
    Target,
)
from fastgate.domain.virtual_key import VirtualKey
from fastgate.errors import GatewayError
from fastgate.observability import log
from fastgate.routing import permission
from fastgate.routing.candidate import Candidate, UsableCredential
from fastgate.routing.group import CandidateGroup, Excluded
from fastgate.routing.health import Health, Rotation
from fastgate.routing.permission import Denied
from fastgate.routing.plan import Plan, Policy
from fastgate.routing.resolver import Resolver, TargetGroup
from fastgate.routing.retry_budget import RetryBudget
from fastgate.routing.suggest import Suggester

AUTO: Final = "auto"
_MAX_CACHED: Final = 4096  # requested names are the client's free text
_MAX_CACHED_FALLBACKS: Final = 8
_MAX_SUGGESTIONS: Final = 3
_MAX_LOOKED_AT: Final = 50

NO_ENDPOINT: Final = "endpoint_not_supported"
NO_CREDENTIAL: Final = "no_credential_for_model"
NOT_FOUND: Final = "model_not_found"
CONDITION: Final = "condition_not_met"


class PublicModel(msgspec.Struct, frozen=True):
    """A name that a key may ask for. `owned_by` is a provider, or `fastgate` for a route."""

    id: str
    owned_by: str


class _Resolved(NamedTuple):
    """What a request stands for, but for its tags and size. `key` is kept so that its `id()` stays taken."""

    key: VirtualKey | None
    groups: tuple[CandidateGroup, ...]
    excluded: tuple[Excluded, ...]
    conditional: bool
    policy: Policy


class RoutingTable:
    """The routing of one snapshot in one worker. A reload makes a new one; health lives on."""

    def __init__(self, snapshot: Snapshot, health: Health, rng: random.Random) -> None:
        self._snapshot = snapshot
        self._health = health
        self._rng = rng
        self._resolver = Resolver(snapshot)
        self._suggester: Suggester | None = None
        self._budget = RetryBudget(snapshot.worker.retry_budget_ratio, snapshot.worker.retry_budget_min_per_s)
        self._cache: dict[tuple[int, str | None, Endpoint, tuple[ModelRef, ...]], _Resolved] = {}
        self._told_of_no_room = False

    def plan(
        self,
        *,
        model: str | None,
        key: VirtualKey | None,
        fallbacks: tuple[ModelRef, ...],
        endpoint: Endpoint,
        body_bytes: int,
        tags: dict[str, str],
    ) -> Plan:
        """The attempts that may be made, in order.

        GatewayError: missing_field, model_not_found, model_not_allowed, provider_not_allowed,
        not_supported; no_healthy_deployment where the shared memory has no room for another deployment's
        health. That nothing is healthy comes from the plan's first `next`, so that a dry run can still
        explain it.
        """
        cache_key = (id(key), model, endpoint, fallbacks)
        resolved = self._cache.get(cache_key)
        if resolved is None:
            resolved = self._resolve(model, key, fallbacks, endpoint)
            if len(model or "") <= MAX_MODEL_NAME and len(fallbacks) <= _MAX_CACHED_FALLBACKS:
                if len(self._cache) >= _MAX_CACHED:
                    self._cache.clear()
                self._cache[cache_key] = resolved
        groups, excluded = resolved.groups, resolved.excluded
        if resolved.conditional:
            groups = tuple(group for group in groups if group.takes(tags, body_bytes))
            left_out = [group for group in resolved.groups if group not in groups]
            excluded += tuple(
                Excluded(member.deployment.id, group.label, CONDITION)
                for group in left_out
                for member in group.members
            )
            if not groups:
                raise _refusal(model, excluded, endpoint)
        return Plan(groups, excluded, self._budget, self._rng, resolved.policy)

    def pinned(
        self,
        *,
        deployment: str,
        credential: str | None,
        model: str,
        key: VirtualKey | None,
        endpoint: Endpoint,
        asked: str | None = None,
        generates: bool = True,
    ) -> Plan | None:
        """For what only one deployment and credential can answer; None if this key may not use it (any more).

        `model` is the name that it was made under there. With another model `asked` for, it is that one
        at the same place; GatewayError model_not_found where it is not served there. Without `generates`
        the stored response itself is fetched or deleted: its owner may, whatever models are allowed now.
        """
        place = self._snapshot.deployments.get(deployment)
        if place is None:
            return None
        target = Target(deployment=deployment, model=model)
        group = TargetGroup(deployment, (target,))
        if asked not in (None, "", AUTO):
            group, target = self._beside(place, asked)
        denied = self._denied(key, asked or model, group, target)
        if denied is Denied.PROVIDER:
            return None
        if denied and generates and (asked or not self._allowed_by_a_route(key, target)):
            return None
        if self._unfit(target, endpoint) is not None:
            return None
        candidate = self._candidate(target)
        candidate.credentials = tuple(
            each for each in candidate.credentials if each.credential.id == credential
        )
        if credential is not None and not candidate.credentials:
            return None
        only = CandidateGroup(deployment, (candidate,), group.strategy, None, None)
        return Plan((only,), (), self._budget, self._rng, Policy(None, StreamFailure.FAIL))

    def _beside(self, place: Deployment, asked: str) -> tuple[TargetGroup, Target]:
        """What `asked` stands for at this place, best at the very deployment."""
        beside: tuple[TargetGroup, Target] | None = None
        for group in self._resolver.resolve(ModelRef(asked)):
            for target in group.targets:
                found = self._snapshot.deployments[target.deployment]
                if found.id == place.id:
                    return group, target
                if (found.provider, found.base_url) == (place.provider, place.base_url):
                    beside = beside or (group, target)
        if beside is None:
            raise GatewayError(
                "model_not_found",
                f"The stored response is at the provider `{place.provider}`, "
                f"which serves no `{asked[:MAX_MODEL_NAME]}` there.",
                param="model",
            )
        return beside

    def _allowed_by_a_route(self, key: VirtualKey | None, target: Target) -> bool:
        """Whether the key may ask for some route that leads to the target."""
        return any(
            (each.deployment, each.model) == (target.deployment, target.model)
            and self._denied(key, name, group, each) is None
            for name in self._snapshot.routes
            for group in self._resolver.resolve(ModelRef(name))
            for each in group.targets
        )

    def public_models(self, key: VirtualKey | None) -> list[PublicModel]:
        """The routes and plain names that the key may ask for; `provider/name` works beside each."""
        return [model for model in self._listed() if self._may_ask(key, model.id)]

    def public_model(self, name: str, key: VirtualKey | None) -> PublicModel | None:
        """The model of that name, listed or not, if the key may ask for it."""
        if not self._may_ask(key, name):
            return None
        if name in self._snapshot.routes:
            return PublicModel(name, "fastgate")
        first = self._resolver.resolve(ModelRef(name))[0].targets[0]
        return PublicModel(name, self._snapshot.deployments[first.deployment].provider)

    def _listed(self) -> Iterator[PublicModel]:
        seen: set[str] = set()
        routes = ((name, "fastgate") for name in self._snapshot.routes)
        for name, owner in itertools.chain(routes, self._resolver.plain_names()):
            if name not in seen:
                seen.add(name)
                yield PublicModel(name, owner)

    def _may_ask(self, key: VirtualKey | None, name: str) -> bool:
        return any(
            self._denied(key, name, group, target) is None
            for group in self._resolver.resolve(ModelRef(name))
            for target in group.targets
        )

    def _resolve(
        self, model: str | None, key: VirtualKey | None, fallbacks: tuple[ModelRef, ...], endpoint: Endpoint
    ) -> _Resolved:
        follow = (*fallbacks, *(key.fallbacks if key is not None else ()))
        builder = _Builder()
        route: Route | None = None
        deprecated: str | None = None
        if model is None or model in ("", AUTO):
            if not follow:
                raise GatewayError(
                    "missing_field", "`model` is missing, and this key has no fallbacks.", param="model"
                )
        else:
            asked = ModelRef(model)
            groups = self._resolver.resolve(asked)
            if not groups:
                raise self._not_found(model, key)
            self._add(builder, asked, groups, key, endpoint)
            now = self._resolver.redirected(asked)
            route = self._snapshot.routes.get(now.model)
            deprecated = self._deprecated(asked, now, groups)
        for ref in follow:
            if groups := self._resolver.resolve(ref):
                self._add(builder, ref, groups, key, endpoint)
            else:
                builder.excluded.append(Excluded(str(ref), str(ref), NOT_FOUND))
        if not builder.groups:
            raise _refusal(model, tuple(builder.excluded), endpoint)
        return _Resolved(
            key=key,
            groups=tuple(builder.groups),
            excluded=tuple(builder.excluded),
            conditional=any(group.when is not None for group in builder.groups),
            policy=Policy(
                hedge=None if route is None else route.hedge,
                stream_failure=(route and route.stream_failure) or self._snapshot.worker.stream_failure,
                deprecated=deprecated,
            ),
        )

    def _deprecated(self, asked: ModelRef, now: ModelRef, groups: tuple[TargetGroup, ...]) -> str | None:
        """The sentence for a client that asked for a model which is retired, or is going to be."""
        if now is not asked:
            return f"{asked} is retired here, and {now} takes its place"
        targets = [target for group in groups if group.route is None for target in group.targets]
        if targets and all(self._snapshot.deployments[each.deployment].deprecated for each in targets):
            return f"{asked} is deprecated by its provider"
        return None

    def _add(
        self,
        builder: "_Builder",
        ref: ModelRef,
        groups: tuple[TargetGroup, ...],
        key: VirtualKey | None,
        endpoint: Endpoint,
    ) -> None:
        for group in groups:
            members = []
            for target in group.targets:
                if (target.deployment, target.model) in builder.seen:
                    continue
                reason = self._denied(key, str(ref), group, target) or self._unfit(target, endpoint)
                if reason is not None:
                    builder.excluded.append(Excluded(target.deployment, group.label, reason))
                    continue
                builder.seen.add((target.deployment, target.model))
                members.append(self._candidate(target))
            if members:
                rotation = None if group.rotation is None else self._rotation(group.rotation)
                builder.groups.append(
                    CandidateGroup(group.label, tuple(members), group.strategy, group.when, rotation)
                )

    def _denied(
        self, key: VirtualKey | None, requested: str, group: TargetGroup, target: Target
    ) -> Denied | None:
        deployment = self._snapshot.deployments[target.deployment]
        name = target.model if deployment.upstream_model is None else deployment.model
        now = str(self._resolver.redirected(ModelRef(requested)))
        names = (requested, now, group.route or requested, f"{deployment.provider}/{name}", name)
        return permission.check(key, deployment.provider, names, target.model)

    def _unfit(self, target: Target, endpoint: Endpoint) -> str | None:
        deployment = self._snapshot.deployments[target.deployment]
        if endpoint not in self._snapshot.providers[deployment.provider].serves:
            return NO_ENDPOINT
        if deployment.credentials and not self._credentials(target):
            return NO_CREDENTIAL
        return None

    def _credentials(self, target: Target) -> list[Credential]:
        deployment = self._snapshot.deployments[target.deployment]
        return [
            credential
            for credential in self._snapshot.providers[deployment.provider].credentials
            if credential.id in deployment.credentials
            and (
                credential.models is None
                or any(
                    fnmatchcase(name, glob)
                    for name in (target.model, deployment.model)
                    for glob in credential.models
                )
            )
        ]

    def _candidate(self, target: Target) -> Candidate:
        deployment = self._snapshot.deployments[target.deployment]
        provider = self._snapshot.providers[deployment.provider]
        try:
            health = self._health.deployment(deployment.id, provider.breaker)
            usable = tuple(
                UsableCredential(each, self._health.credential(deployment.id, provider.name, each))
                for each in self._credentials(target)
            )
        except OverflowError:
            raise self._no_room() from None
        return Candidate(target, deployment, provider, health, usable)

    def _rotation(self, group: str) -> Rotation:
        try:
            return self._health.rotation(group)
        except OverflowError:
            raise self._no_room() from None

    def _no_room(self) -> GatewayError:
        if not self._told_of_no_room:
            self._told_of_no_room = True
            log.event(
                "error",
                "no room in shared memory for the health of another deployment; restart the gateway",
                generation=self._snapshot.generation,
            )
        return GatewayError(
            "no_healthy_deployment",
            "The gateway has no room to keep the health of another deployment of this model; "
            "its operator has to restart it, or to configure fewer models.",
        )

    def _not_found(self, model: str, key: VirtualKey | None) -> GatewayError:
        shown = model if len(model) <= MAX_MODEL_NAME else model[:MAX_MODEL_NAME] + "…"
        message = f"No configured provider serves the model `{shown}`."
        if close := self._close_matches(shown, key):
            message += " Did you mean " + ", ".join(f"`{name}`" for name in close) + "?"
        return GatewayError("model_not_found", message, param="model")

    def _close_matches(self, name: str, key: VirtualKey | None) -> list[str]:
        """Of what this key may ask for; never a name that it may not even know of."""
        if self._suggester is None:
            self._suggester = Suggester(model.id for model in self._listed())
        close = itertools.islice(self._suggester.similar(name), _MAX_LOOKED_AT)
        allowed = (each for each in close if self._may_ask(key, each))
        return list(itertools.islice(allowed, _MAX_SUGGESTIONS))


class _Builder:
    """What `_resolve` collects. `seen` keeps a fallback from repeating what stands before it."""

    def __init__(self) -> None:
        self.groups: list[CandidateGroup] = []
        self.excluded: list[Excluded] = []
        self.seen: set[tuple[str, str]] = set()


def _refusal(model: str | None, excluded: tuple[Excluded, ...], endpoint: Endpoint) -> GatewayError:
    """The error for a request of which everything was excluded: what could still be mended comes first."""
    reasons = {each.reason for each in excluded}
    name = f"`{model}`" if model else "the key's fallbacks"
    if CONDITION in reasons:
        return GatewayError(
            "not_supported", f"No group of {name} takes a request of this size and these tags."
        )
    if NO_ENDPOINT in reasons:
        message = f"No allowed deployment of {name} offers the endpoint {endpoint.value}."
        return GatewayError("not_supported", message, param="model")
    if NO_CREDENTIAL in reasons:
        return GatewayError(
            "not_supported", f"No credential is configured for the model {name}.", param="model"
        )
    if Denied.MODEL in reasons:
        return GatewayError("model_not_allowed", f"This virtual key may not use {name}.", param="model")
    if Denied.PROVIDER in reasons:
        providers = ", ".join(dict.fromkeys(f"`{each.deployment.partition('/')[0]}`" for each in excluded))
        return GatewayError(
            "provider_not_allowed",
            f"This virtual key may not use the providers of {name} ({providers}).",
            param="model",
        )
    return GatewayError("model_not_found", f"No configured provider serves {name}.", param="model")
