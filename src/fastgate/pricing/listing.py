"""All prices of one model, over time and tiers: the catalogue's, with the configuration's laid over.

Never imported in a worker.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from fastgate.domain.price import Price, Rate, identified
from fastgate.errors import ConfigError
from fastgate.pricing.catalogue import Catalogue, Found
from fastgate.pricing.overlay import Overlay, lay_over
from fastgate.pricing.timeline import ModelTimeline
from fastgate.pricing.units import Amounts, rates

_STANDARD: Final = ""
_DAY_S: Final = 86_400
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LAST_NS: Final = 2**63 - 1

# genai-prices bills ten seconds of these at least, in code: its data has no word for that.
_MINIMUMS: Final[Mapping[tuple[str, str], Mapping[str, int]]] = {
    ("groq", model): {"audio_ms": 10_000, "input_audio_ms": 10_000}
    for model in ("whisper-large-v3", "whisper-large-v3-turbo")
}


class Target(NamedTuple):
    """What is priced: an overlay may call it by any of `names`; `base` is what the catalogue knows of it."""

    provider: str
    model: str
    region: str | None
    names: tuple[str, ...]
    base: Found | None


class _Part(NamedTuple):
    """Of the UTC day, [from, until) in seconds."""

    from_s: int
    until_s: int
    rates: tuple[Rate, ...]


class _Span(NamedTuple):
    """From one moment to the next; None: since ever, for ever."""

    start: datetime | None
    end: datetime | None
    day: tuple[_Part, ...]
    source: str
    context: int


def prices_of(target: Target, overlays: Sequence[Overlay], catalogue: Catalogue) -> tuple[Price, ...]:
    """In an order in which the first that applies is right; () for a model without a price.

    `overlays` are in the order of the configuration. ConfigError: `like` names nothing. ValueError: a price
    that cannot be had in integers.
    """
    meant = [each for each in overlays if each.is_for(target.provider, target.region, target.names)]
    return _Listing(target, meant, catalogue).prices()


class _Listing:
    def __init__(self, target: Target, overlays: list[Overlay], catalogue: Catalogue) -> None:
        self._target = target
        self._overlays = overlays
        self._bases: dict[str | None, Found | None] = {None: target.base}
        for like in {each.like for each in overlays if each.like is not None}:
            self._bases[like] = _like(like, catalogue)
        self._timelines = {
            like: ModelTimeline(found.model, found.own)
            for like, found in self._bases.items()
            if found is not None
        }

    def prices(self) -> tuple[Price, ...]:
        standard = self._spans(_STANDARD)
        found = self._prices(_STANDARD, standard)
        for tier in self._tiers():
            # A tier that has no price of its own costs what the standard one does.
            spans = zip(self._spans(tier), standard, strict=True)
            found += self._prices(tier, [span for span, usual in spans if span.day != usual.day])
        return tuple(found)

    def _tiers(self) -> list[str]:
        tiers = [tier for timeline in self._timelines.values() for tier in timeline.tiers]
        return list(dict.fromkeys([*tiers, *(each.tier for each in self._overlays if each.tier)]))

    def _spans(self, tier: str) -> list[_Span]:
        moments = {moment for timeline in self._timelines.values() for moment in timeline.starts}
        moments.update(moment for each in self._overlays for moment in (each.start, each.end) if moment)
        bounds: list[datetime | None] = [None, *sorted(moments), None]
        return [self._span(start, end, tier) for start, end in pairwise(bounds)]

    def _span(self, start: datetime | None, end: datetime | None, tier: str) -> _Span:
        overlays = [each for each in self._overlays if each.holds(start)]
        like = next((each.like for each in reversed(overlays) if each.like is not None), None)
        timeline, base = self._timelines.get(like), self._bases[like]
        day: list[_Part] = []
        changed = False
        for from_s, until_s in pairwise([0, *([] if timeline is None else timeline.cuts), _DAY_S]):
            known: Amounts = {} if timeline is None else timeline.amounts(start, from_s, tier)
            amounts = lay_over(known, overlays, tier)
            changed |= amounts != known
            part = _Part(from_s, until_s, rates(amounts, _minimums(base)))
            if day and day[-1].rates == part.rates:
                part = day.pop()._replace(until_s=until_s)
            day.append(part)
        return _Span(start, end, tuple(day), _source(base, changed), _context(base))

    def _prices(self, tier: str, spans: list[_Span]) -> list[Price]:
        return [
            identified(
                Price(
                    id="",
                    provider=self._target.provider,
                    model=self._target.model,
                    source=span.source,
                    rates=part.rates,
                    tier=tier,
                    from_ns=nanoseconds(span.start),
                    until_ns=nanoseconds(span.end),
                    daily=None if len(span.day) == 1 else (part.from_s, part.until_s),
                    context=span.context,
                )
            )
            for span in _merged(spans)
            for part in span.day
            if part.rates
        ]


def _merged(spans: list[_Span]) -> list[_Span]:
    """Of spans that follow each other and say the same, one."""
    merged: list[_Span] = []
    for span in spans:
        if merged and merged[-1].end == span.start and merged[-1][2:] == span[2:]:
            merged[-1] = merged[-1]._replace(end=span.end)
        else:
            merged.append(span)
    return merged


def _like(reference: str, catalogue: Catalogue) -> Found:
    found = catalogue.find_like(reference)
    if found is None:
        raise ConfigError(f"prices: `like: {reference}` is no model that {catalogue.label} knows")
    return found


def _minimums(base: Found | None) -> Mapping[str, int]:
    return {} if base is None else _MINIMUMS.get((base.vendor, base.model.id), {})


def _context(base: Found | None) -> int:
    return 0 if base is None else base.model.context_window or 0


def _source(base: Found | None, changed: bool) -> str:
    """Nothing that changes with a version: it is part of what the id of a price is made of."""
    known = [] if base is None else [f"genai-prices {base.vendor}/{base.model.id}"]
    return " + ".join([*known, *(["configuration"] if changed else [])])


def nanoseconds(moment: datetime | None) -> int:
    """Since the Unix epoch, at most what 64 bits hold (the year 2262); 0 for None."""
    return 0 if moment is None else min((moment - _EPOCH) // _MICROSECOND * 1_000, _LAST_NS)
