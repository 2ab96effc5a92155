"""The walk of one request over the deployments that it may use. docs/routing.md has the contract."""

import random
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from fastgate import clock
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import FailureKind, Scope, UpstreamError
from fastgate.domain.snapshot import Credential, Hedge, Provider, Strategy, StreamFailure
from fastgate.errors import GatewayError
from fastgate.routing import strategies
from fastgate.routing.breaker import REFUSED
from fastgate.routing.candidate import Candidate, UsableCredential, retry_after_ns
from fastgate.routing.group import CandidateGroup, Excluded
from fastgate.routing.retry_budget import RetryBudget
from fastgate.routing.slot_layout import FOREVER

AT_ONCE: Final = frozenset({FailureKind.CONNECT_REFUSED, FailureKind.RESET_BEFORE_RESPONSE})
FINAL: Final = frozenset({FailureKind.DEADLINE, FailureKind.CANCELLED})
_NO_IDS: Final[frozenset[str]] = frozenset()  # ids of credentials
_NO_CANDIDATES: Final[frozenset[Candidate]] = frozenset()


class Wait(NamedTuple):
    """Nothing may be tried now: call `next` again after this time."""

    seconds: float


class Choice:
    """One attempt to make. It is in flight until it is given back to the plan, which is done once."""

    __slots__ = (
        "candidate",
        "credential",
        "deployment",
        "in_flight",
        "model",
        "probe",
        "provider",
        "timeouts",
        "used",
    )

    def __init__(self, candidate: Candidate, used: UsableCredential | None, probe: int) -> None:
        self.candidate = candidate
        self.deployment = candidate.deployment
        self.provider = candidate.provider
        self.model = candidate.model
        self.timeouts = candidate.timeouts
        self.used = used
        self.credential: Credential | None = None if used is None else used.credential
        self.probe = probe
        self.in_flight = True


class Policy(NamedTuple):
    """What the name that was asked for says beside its groups. `deprecated` is a sentence for the client,
    about a model that will not stay."""

    hedge: Hedge | None
    stream_failure: StreamFailure
    deprecated: str | None = None


class Plan:
    """Not shared between requests.

    `next` gives the attempts one by one; each Choice goes back by exactly one of `succeeded`, `failed`,
    `skipped` and `abandoned`. Calling `next` while a choice is out asks for a hedge: another deployment or
    None.
    """

    __slots__ = (
        "_again",
        "_attempts",
        "_budget",
        "_excluded",
        "_finished",
        "_group",
        "_groups",
        "_left",
        "_not_before",
        "_out",
        "_retried",
        "_retried_at_once",
        "_rng",
        "_same",
        "_skipped",
        "_strategy",
        "_tried",
        "_walk",
        "deprecated",
        "hedge",
        "stream_failure",
    )

    def __init__(
        self,
        groups: Sequence[CandidateGroup],
        excluded: Sequence[Excluded],
        budget: RetryBudget,
        rng: random.Random,
        policy: Policy,
    ) -> None:
        self.hedge, self.stream_failure, self.deprecated = policy
        self._groups = groups
        self._excluded = excluded
        self._budget = budget
        self._rng = rng
        self._attempts = 0
        self._skipped = False
        self._out = 0
        self._finished = False
        # the walk: which one it is, the group it is in, and the members of that group that are left
        self._walk = 0
        self._group = 0
        self._left: list[Candidate] = []
        self._strategy = Strategy.WEIGHTED
        # what goes before the walk: the same choice again, or the same deployment's next credential
        self._again: Choice | None = None
        self._same: Candidate | None = None
        self._tried: dict[Candidate, frozenset[str]] = {}
        # what this request knows of those that it tried, in order
        self._retried: dict[Candidate, int] = {}
        self._retried_at_once = _NO_CANDIDATES
        self._not_before: dict[Candidate, int] = {}

    def natively(self, endpoint: Endpoint, speaks: Callable[[Provider, str], bool]) -> bool:
        """Whether each provider that may be chosen has this endpoint itself, for a model that `speaks` says
        yes of: one provider may have models of several vendors."""
        members = [member for group in self._groups for member in group.members]
        return bool(members) and all(
            endpoint in member.provider.endpoints and speaks(member.provider, member.model)
            for member in members
        )

    def next(self, now_ns: int) -> Choice | Wait | None:
        """What to do next; None: give up. GatewayError no_healthy_deployment on the first call only."""
        if self._finished:
            return None
        if self._attempts:
            if not self._budget.allows(now_ns):
                return None
        elif not self._skipped:
            self._budget.request(now_ns)
        choice = self._next(now_ns)
        if choice is not None:
            if self._attempts:
                self._budget.take(now_ns)
            self._attempts += 1
            self._out += 1
            return choice
        if self._attempts == 0 and not self._skipped:
            raise self._nothing_healthy(now_ns)
        return self._wait(now_ns) if self._out == 0 else None

    def _next(self, now_ns: int) -> Choice | None:
        again, self._again = self._again, None
        if again is not None and (choice := self._repeat(again, now_ns)) is not None:
            return choice
        same, self._same = self._same, None
        if same is not None and (choice := self._offer(same, now_ns, self._tried[same])) is not None:
            return choice
        while (candidate := self._advance(now_ns)) is not None:
            retries = self._retried.get(candidate)
            if retries is not None and not self._may_retry(candidate, retries, now_ns):
                continue
            if (choice := self._offer(candidate, now_ns, _NO_IDS)) is not None:
                self._retried[candidate] = 0 if retries is None else retries + 1
                self._tried.pop(candidate, None)
                return choice
        return None

    def _advance(self, now_ns: int) -> Candidate | None:
        while not self._left:
            if self._group == len(self._groups):
                return None
            group = self._groups[self._group]
            self._group += 1
            self._left = group.enter()
            self._strategy = group.strategy
        if len(self._left) == 1:
            return self._left.pop()
        return self._left.pop(strategies.pick(self._strategy, self._left, now_ns, self._rng))

    def _may_retry(self, candidate: Candidate, retries: int, now_ns: int) -> bool:
        return retries < candidate.retries.max and self._not_before.get(candidate, 0) <= now_ns

    def _offer(self, candidate: Candidate, now_ns: int, tried: frozenset[str]) -> Choice | None:
        used = None
        if candidate.credentials:
            used = candidate.choose_credential(now_ns, tried, self._rng)
            if used is None:
                return None
        probe = candidate.health.admit(now_ns)
        if probe == REFUSED:
            return None
        candidate.health.begin()
        return Choice(candidate, used, probe)

    def _repeat(self, choice: Choice, now_ns: int) -> Choice | None:
        candidate = choice.candidate
        if choice.used is not None and not choice.used.health.usable(now_ns):
            return None
        probe = candidate.health.admit(now_ns)
        if probe == REFUSED:
            return None
        candidate.health.begin()
        self._retried[candidate] += 1
        return Choice(candidate, choice.used, probe)

    def _wait(self, now_ns: int) -> Wait | None:
        """The walk is over: wait for the first that may be tried once more, and begin the next walk."""
        waits = [
            (wait_ns, candidate.retries)
            for candidate, retries in self._retried.items()
            if retries < candidate.retries.max
            and self._walk < candidate.retries.max
            and candidate.health.breaker.opens_until() <= now_ns
            and (wait_ns := self._returns_in(candidate, now_ns)) <= candidate.retries.max_retry_after_s * 1e9
        ]
        if not waits:
            self._finished = True
            return None
        settings = waits[0][1]
        longest_ms = min(settings.backoff_initial_ms << self._walk, settings.backoff_max_ms)
        jitter_ns = self._rng.random() * longest_ms * 1e6
        self._walk += 1
        self._group = 0
        return Wait(max(jitter_ns, min(wait_ns for wait_ns, _ in waits)) / 1e9)

    def _returns_in(self, candidate: Candidate, now_ns: int) -> int:
        return max(candidate.returns_in(now_ns), self._not_before.get(candidate, 0) - now_ns)

    def _nothing_healthy(self, now_ns: int) -> GatewayError:
        self._finished = True
        soonest_ns = min(
            (candidate.returns_in(now_ns) for group in self._groups for candidate in group.members),
            default=FOREVER,
        )
        if soonest_ns >= FOREVER:
            return GatewayError(
                "no_healthy_deployment",
                "The provider rejects every credential for this model; its configuration has to change.",
            )
        seconds = max(-(-soonest_ns // 1_000_000_000), 1)
        return GatewayError(
            "no_healthy_deployment",
            f"All deployments of this model are cooling down; try again in {seconds} s.",
            headers=((b"retry-after", b"%d" % seconds),),
        )

    def succeeded(self, choice: Choice, latency_ns: int, *, keep_open: bool = False) -> None:
        """The attempt brought its content, or the first of it, after `latency_ns`.

        With `keep_open` it stays in flight, as a stream does, until `ended` or `broke_off`.
        """
        now_ns = clock.monotonic_ns()
        health = choice.candidate.health
        health.record(False, choice.probe, now_ns)
        health.observe(latency_ns, now_ns)
        choice.probe = 0
        if not keep_open:
            self.ended(choice)

    def ended(self, choice: Choice) -> None:
        """It is not in flight any more. Idempotent."""
        if choice.in_flight:
            choice.in_flight = False
            self._out -= 1
            choice.candidate.health.end()

    def abandoned(self, choice: Choice) -> None:
        """It ended without a verdict on anybody: cancelled, or a hedge that lost."""
        choice.candidate.health.breaker.release(choice.probe)
        choice.probe = 0
        self.ended(choice)

    def skipped(self, choice: Choice) -> None:
        """No attempt was made after all, since money or a limit forbids it: this request asks there no more,
        and it counts as no try."""
        self.abandoned(choice)
        self._retried[choice.candidate] = choice.candidate.retries.max
        self._attempts -= 1
        self._skipped = True

    def failed(self, choice: Choice, error: UpstreamError) -> None:
        """Blame whom the error blames, and settle what `next` gives."""
        self._blame(choice, error)
        self.ended(choice)
        candidate = choice.candidate
        scope = error.scope
        if scope is Scope.REQUEST or error.kind in FINAL:
            self._finished = True
        elif scope is Scope.CREDENTIAL and choice.credential is not None:
            self._same = candidate
            self._tried[candidate] = self._tried.get(candidate, _NO_IDS) | {choice.credential.id}
        elif error.kind in AT_ONCE and candidate not in self._retried_at_once:
            self._retried_at_once |= {candidate}
            if self._retried[candidate] < candidate.retries.max:
                self._again = choice

    def broke_off(self, choice: Choice, error: UpstreamError) -> None:
        """After it had succeeded, its stream failed. A `next` after this goes on to other deployments."""
        self._blame(choice, error)
        self.ended(choice)

    def _blame(self, choice: Choice, error: UpstreamError) -> None:
        now_ns = clock.monotonic_ns()
        health, probe = choice.candidate.health, choice.probe
        choice.probe = 0
        match error.scope:
            case Scope.DEPLOYMENT:
                health.record(True, probe, now_ns)
                if error.retry_after_s is not None:
                    self._not_before[choice.candidate] = now_ns + retry_after_ns(error.retry_after_s)
            case Scope.REQUEST:
                health.record(False, probe, now_ns)
            case Scope.CREDENTIAL:
                health.breaker.release(probe)
                choice.candidate.credential_failed(choice.used, error, now_ns)
            case Scope.CONNECTION | Scope.NOBODY:
                health.breaker.release(probe)

    def p95_ns(self, choice: Choice) -> int:
        """Of the deployment's latency in this worker; 0 while too little is known."""
        return choice.candidate.health.latencies.value(0.95)

    def explain(self) -> list["Explanation"]:
        """For a dry run: what would be tried, in the likely order, then what was excluded and why."""
        now_ns = clock.monotonic_ns()
        found = [
            Explanation.of(group, candidate, now_ns)
            for group in self._groups
            for candidate in group.preview(now_ns)
        ]
        return found + [
            Explanation(deployment=each.deployment, group=each.group, usable=False, reason=each.reason)
            for each in self._excluded
        ]


class Explanation(msgspec.Struct, kw_only=True):
    deployment: str
    group: str
    usable: bool
    reason: str | None = None
    model: str | None = None
    credentials: list[str] = []

    @classmethod
    def of(cls, group: CandidateGroup, candidate: Candidate, now_ns: int) -> "Explanation":
        blocked = candidate.blocked(now_ns)
        return cls(
            deployment=candidate.deployment.id,
            group=group.label,
            usable=blocked is None,
            reason=blocked,
            model=candidate.model,
            credentials=[each.credential.id for each in candidate.credentials],
        )
