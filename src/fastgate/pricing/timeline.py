"""What a model of genai-prices costs over time, tier by tier. Never imported in a worker.

A price there depends on the date (UTC), the time of day and the context of a call. Between two dates and two
times at which any of them changes it is the same, and that is asked for once.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint, TimeOfDateConstraint

from fastgate.pricing.units import Amounts, amounts_of

_TIER_KEYS: Final = frozenset(("service_tier", "processing", "speed"))
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ModelTimeline:
    """Prices of a model of the catalogue; `own_tiers` False for a model that another vendor resells.

    `starts` are the days, `cuts` the seconds of a day, at which a price may change; ascending.
    """

    def __init__(self, model: ModelInfo, own_tiers: bool = True) -> None:
        self._model = model
        self._contexts: dict[str, Mapping[str, str]] = {}
        variants = model.price_variants or [] if own_tiers else []
        for variant in variants:
            self._contexts.setdefault(_tier(variant.when), variant.when)
        constraints = [variant.constraint for variant in variants]
        if not isinstance(model.prices, ModelPrice):
            constraints += [conditional.constraint for conditional in model.prices]
        self.starts = sorted(
            {_midnight(each.start_date) for each in constraints if isinstance(each, StartDateConstraint)}
        )
        self.cuts = sorted(
            {
                _second(moment)
                for each in constraints
                if isinstance(each, TimeOfDateConstraint)
                for moment in (each.start_time, each.end_time)
            }
        )

    @property
    def tiers(self) -> tuple[str, ...]:
        """Those with a price of their own, at some time."""
        return tuple(self._contexts)

    def amounts(self, start: datetime | None, second: int, tier: str) -> Amounts:
        """From `start` on (None: since ever) until the next of `starts`, each day from `second` until the
        next of `cuts`. ValueError as `amounts_of`."""
        day = (start or _EVER).replace(hour=0, minute=0, second=0, microsecond=0)
        return amounts_of(self._model.get_prices(day + timedelta(seconds=second), self._contexts.get(tier)))


def _tier(when: Mapping[str, str]) -> str:
    """The name under which a response, or the configuration, can name the variant."""
    return "+".join(_word(key, value) for key, value in sorted(when.items()))


def _word(key: str, value: str) -> str:
    return value if key in _TIER_KEYS else f"{key}={value}"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _second(moment: time) -> int:
    """Of the UTC day; a time without a zone is UTC."""
    given = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    utc = datetime.combine(_EVER.date(), given).astimezone(UTC)
    return utc.hour * 3_600 + utc.minute * 60 + utc.second
