"""A group of a request's plan: the candidates that share its load."""

from typing import NamedTuple

from fastgate.domain.snapshot import Condition, Strategy
from fastgate.routing import strategies
from fastgate.routing.candidate import Candidate
from fastgate.routing.health import Rotation


class Excluded(NamedTuple):
    """What a request may not use. `deployment` is the name asked for where it is no deployment."""

    deployment: str
    group: str
    reason: str


class CandidateGroup:
    """`label` is for people (a dry run), never for metrics: it may hold what the client wrote."""

    __slots__ = ("label", "members", "rotation", "strategy", "when")

    def __init__(
        self,
        label: str,
        members: tuple[Candidate, ...],
        strategy: Strategy,
        when: Condition | None,
        rotation: Rotation | None,
    ) -> None:
        self.label = label
        self.members = members
        self.strategy = strategy
        self.when = when
        self.rotation = rotation

    def enter(self) -> list[Candidate]:
        """The members for one walk; takes this request's turn in a rotation."""
        if self.rotation is None or len(self.members) == 1:
            return list(self.members)
        return self._rotated(self.rotation.next())

    def preview(self, now_ns: int) -> list[Candidate]:
        """The likely order, without taking a turn."""
        if self.rotation is not None:
            return self._rotated(self.rotation.peek())
        return strategies.preview(self.strategy, self.members, now_ns)

    def takes(self, tags: dict[str, str], body_bytes: int) -> bool:
        when = self.when
        if when is None:
            return True
        if body_bytes < when.min_body_bytes or (when.max_body_bytes and body_bytes > when.max_body_bytes):
            return False
        return all(tags.get(name) == value for name, value in when.tags.items())

    def _rotated(self, turn: int) -> list[Candidate]:
        start = turn % len(self.members)
        return [*self.members[start:], *self.members[:start]]
