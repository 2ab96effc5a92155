"""How one request is answered: delays and faults, from the options or from its `x-sim` header."""

import random

import msgspec

from fastgate.sim.options import SimOptions


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that an `x-sim: name=value, …` header may set.

    `error` is a status to answer with, 0 for none; `cut` and `stall` happen in the middle of the
    answer (a plain answer is cut or stalls before its last byte).
    """

    ttft_ms: float = 0.0
    tokens_per_s: float = 0.0
    tokens: int = 32
    jitter: float = 0.0
    error: int = 0
    retry_after_s: float | None = None
    cut: bool = False
    stall: bool = False


class Behaviours:
    """Gives each request its behaviour; deterministic for a seed and an order of requests."""

    def __init__(self, options: SimOptions) -> None:
        self._options = options
        self._random = random.Random(options.seed)  # noqa: S311 - a simulation, repeatable on purpose
        self._usual = Behaviour(
            ttft_ms=options.ttft_ms,
            tokens_per_s=options.tokens_per_s,
            tokens=options.tokens,
            jitter=options.jitter,
        )
        self._faulty = any(
            (options.error_rate, options.rate_limit_rate, options.cut_rate, options.stall_rate)
        )

    def choose(self, header: bytes | None) -> Behaviour:
        """Raises ValueError on a header that cannot be understood."""
        if header is not None:
            return self._overridden(header.decode("latin-1"))
        if self._faulty:
            return self._rolled()
        return self._usual

    def jittered(self, behaviour: Behaviour, seconds: float) -> float:
        """A delay, varied by this behaviour's jitter."""
        if not behaviour.jitter:
            return seconds
        return seconds * self._random.uniform(1 - behaviour.jitter, 1 + behaviour.jitter)

    def _rolled(self) -> Behaviour:
        options, roll = self._options, self._random.random
        replace = msgspec.structs.replace
        if roll() < options.error_rate:
            return replace(self._usual, error=500)
        if roll() < options.rate_limit_rate:
            return replace(self._usual, error=429, retry_after_s=options.retry_after_s)
        return replace(self._usual, cut=roll() < options.cut_rate, stall=roll() < options.stall_rate)

    def _overridden(self, header: str) -> Behaviour:
        fields: dict[str, object] = msgspec.structs.asdict(self._usual)
        for part in header.split(","):
            name, equals, value = part.strip().partition("=")
            if name not in fields or not equals:
                raise ValueError(f"x-sim: {part.strip()!r} is not one of {', '.join(fields)} with =value")
            fields[name] = value.strip()
        try:
            behaviour = msgspec.convert(fields, Behaviour, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(f"x-sim: {error}") from error
        if behaviour.error and not 400 <= behaviour.error <= 599:
            raise ValueError("x-sim: error is a status from 400 to 599")
        return behaviour
