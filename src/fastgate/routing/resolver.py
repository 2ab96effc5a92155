"""From a model's name to the groups of targets that it stands for, whoever asks."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from fastgate.domain.model_ref import ModelRef
from fastgate.domain.snapshot import MAX_MODEL_NAME, Condition, Served, Snapshot, Strategy, Target
from fastgate.routing.slot_layout import group_name

_MAX_UNKNOWN: Final = 1024


class TargetGroup(NamedTuple):
    """`route` is set where the group is a route's; `rotation` names the counter of a `round_robin`."""

    label: str
    targets: tuple[Target, ...]
    route: str | None = None
    strategy: Strategy = Strategy.WEIGHTED
    when: Condition | None = None
    rotation: str | None = None


class Resolver:
    """The names of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._serves = {name: _Names(served) for name, served in snapshot.serves.items()}
        self._routes = {name: self._route(name) for name in snapshot.routes}
        self._unknown: set[str] = set()

    def redirected(self, ref: ModelRef) -> ModelRef:
        """What stands in for a model that is retired; any other as it is."""
        redirects = self._snapshot.redirects
        if not redirects or (new := redirects.get(str(ref).lower())) is None:
            return ref
        return ModelRef(new)

    def resolve(self, ref: ModelRef) -> tuple[TargetGroup, ...]:
        """A route, `provider/model`, or one group for each provider that serves the model, or what stands in
        for it. Empty: unknown."""
        if len(ref.model) > MAX_MODEL_NAME:
            return ()
        ref = self.redirected(ref)
        if ref.provider is not None:
            return self._at(ref.provider, ref.model)
        if (route := self._routes.get(ref.model)) is not None:
            return route
        provider, slash, model = ref.model.partition("/")
        if slash and provider in self._serves:
            return self._at(provider, model)
        return self._everywhere(ref.model)

    def plain_names(self) -> Iterator[tuple[str, str]]:
        """(name, provider) of each listed plain name, in order of preference; a name may come again."""
        for provider, served in self._snapshot.serves.items():
            for name in served.names:
                yield name, provider

    def _at(self, provider: str, model: str) -> tuple[TargetGroup, ...]:
        names = self._serves.get(provider)
        if names is None or not model:
            return ()
        deployments = names.find(model) or names.wildcard
        return (self._group(f"{provider}/{model}", model, deployments),) if deployments else ()

    def _everywhere(self, model: str) -> tuple[TargetGroup, ...]:
        if model in self._unknown:
            return ()
        found = tuple(
            self._group(f"{provider}/{model}", model, deployments)
            for provider, names in self._serves.items()
            if (deployments := names.find(model))
        )
        if not found:
            if len(self._unknown) >= _MAX_UNKNOWN:
                self._unknown.clear()
            self._unknown.add(model)
        return found

    def _group(self, label: str, model: str, deployments: tuple[str, ...]) -> TargetGroup:
        return TargetGroup(
            label,
            tuple(
                Target(deployment=each, model=self._snapshot.deployments[each].upstream_model or model)
                for each in deployments
            ),
        )

    def _route(self, name: str) -> tuple[TargetGroup, ...]:
        return tuple(
            TargetGroup(
                label=group_name(name, number),
                targets=group.targets,
                route=name,
                strategy=group.strategy,
                when=group.when,
                rotation=group_name(name, number) if group.strategy is Strategy.ROUND_ROBIN else None,
            )
            for number, group in enumerate(self._snapshot.routes[name].groups, 1)
        )


class _Names:
    """The names that one provider serves, ready for look-ups."""

    __slots__ = ("_exact", "_patterns", "wildcard")

    def __init__(self, served: Served) -> None:
        self._exact = {name.lower(): deployments for name, deployments in served.names.items()}
        self._patterns = [(re.compile(pattern), (deployment,)) for pattern, deployment in served.patterns]
        self.wildcard = () if served.wildcard is None else (served.wildcard,)

    def find(self, model: str) -> tuple[str, ...]:
        """The deployments that serve the model by name; empty if none does."""
        name = model.lower()
        if found := self._exact.get(name):
            return found
        for pattern, deployments in self._patterns:
            if pattern.search(name):
                return deployments
        return ()
