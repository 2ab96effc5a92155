"""From the settings to their rate limits, all of one owner together. Never imported in a worker."""

from typing import Final, NamedTuple

from fastgate.config.money_settings import BurstSettings, RateLimitSettings
from fastgate.config.money_view import MoneyView
from fastgate.domain.account import Limit, Measure
from fastgate.limits.spec import LimitSpec

_SECOND_NS: Final = 1_000_000_000
_MINUTE_NS: Final = 60 * _SECOND_NS
_HOUR_NS: Final = 60 * _MINUTE_NS
_DAY_NS: Final = 24 * _HOUR_NS


class _Kind(NamedTuple):
    setting: str
    word: int
    measure: Measure
    period_ns: int


# A limit has its word for ever: one that is added or taken away leaves the state of the others alone.
_KINDS: Final = (
    _Kind("requests_per_second", 2, Measure.REQUESTS, _SECOND_NS),
    _Kind("requests_per_minute", 3, Measure.REQUESTS, _MINUTE_NS),
    _Kind("requests_per_hour", 4, Measure.REQUESTS, _HOUR_NS),
    _Kind("requests_per_day", 5, Measure.REQUESTS, _DAY_NS),
    _Kind("input_tokens_per_minute", 6, Measure.INPUT_TOKENS, _MINUTE_NS),
    _Kind("input_tokens_per_day", 7, Measure.INPUT_TOKENS, _DAY_NS),
    _Kind("output_tokens_per_minute", 8, Measure.OUTPUT_TOKENS, _MINUTE_NS),
    _Kind("output_tokens_per_day", 9, Measure.OUTPUT_TOKENS, _DAY_NS),
    _Kind("tokens_per_minute", 10, Measure.TOKENS, _MINUTE_NS),
    _Kind("tokens_per_day", 11, Measure.TOKENS, _DAY_NS),
    _Kind("concurrent_requests", 12, Measure.CONCURRENT, 0),
)


def compile_limits(view: MoneyView) -> tuple[LimitSpec, ...]:
    """Of settings that `config.load` has checked."""
    compiled: dict[int, tuple[Limit, ...]] = {}  # by identity: many owners may have the same
    specs = []
    for owned in view.all():
        for _, owner, given in owned.limits:
            limits = compiled.get(id(given))
            if limits is None:
                limits = compiled[id(given)] = _limits(given)
            if limits:
                name = f"limits/{owner.level.value}/{owner.name}/{owner.narrowed}"
                specs.append(LimitSpec(name, owner, limits))
    return tuple(specs)


def _limits(given: RateLimitSettings) -> tuple[Limit, ...]:
    burst = given.burst or BurstSettings()
    found = []
    for kind in _KINDS:
        amount: int | None = getattr(given, kind.setting)
        if amount is None:
            continue
        most = 0
        if kind.period_ns:
            own: int | None = getattr(burst, kind.setting)
            most = amount if own is None else own
        found.append(Limit(kind.word, kind.measure, amount, kind.period_ns, most))
    return tuple(found)
