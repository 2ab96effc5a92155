"""PromQL, held against the metrics that exist: their names, kinds and labels, and values of closed sets.

The parser is a port of Prometheus's own.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import promql_parser as promql

from fastgate.domain.account import Level
from fastgate.domain.failure import FailureKind
from fastgate.observability.catalogue import (
    BREAKER_STATES,
    CATALOGUE,
    CREDENTIAL_STATES,
    Kind,
    Metric,
)

SCRAPED: Final = frozenset({"job", "instance"})
"""What Prometheus adds to each series."""

_CLOSED: Final[Mapping[str, frozenset[str]]] = {
    "state": frozenset(BREAKER_STATES) | frozenset(CREDENTIAL_STATES),
    "kind": frozenset(FailureKind),
    "level": frozenset(Level),
    "policy": frozenset({"allowed", "denied"}),
}
_OF_COUNTERS: Final = frozenset({"rate", "irate", "increase"})
_KEEPING: Final = _OF_COUNTERS | {"abs", "clamp_max", "clamp_min", "max_over_time", "min_over_time", "round"}
_CHOOSING: Final = frozenset({"topk", "bottomk"})


class Series(NamedTuple):
    """`metric` is None for what Prometheus itself makes."""

    labels: frozenset[str]
    counts: bool
    metric: Metric | None


def _exposed() -> Iterator[tuple[str, Series]]:
    yield "up", Series(SCRAPED, False, None)
    for metric in CATALOGUE:
        labels = SCRAPED.union(metric.labels)
        if metric.kind is Kind.HISTOGRAM:
            yield f"{metric.name}_bucket", Series(labels | {"le"}, True, metric)
            yield f"{metric.name}_sum", Series(labels, True, metric)
            yield f"{metric.name}_count", Series(labels, True, metric)
        else:
            yield metric.name, Series(labels, metric.kind is Kind.COUNTER, metric)


EXPOSED: Final = dict(_exposed())


class Checked(NamedTuple):
    """`labels` are those of the result; `metrics` what it was made of."""

    labels: frozenset[str]
    metrics: frozenset[str]


def check(text: str) -> Checked:
    """AssertionError where the query names what does not exist, or makes no sense of it."""
    found: set[str] = set()
    try:
        return Checked(_Check(text, found).labels(promql.parse(text)), frozenset(found))
    except ValueError as error:
        raise AssertionError(f"{text}: {error}") from error


class _Check:
    def __init__(self, text: str, found: set[str]) -> None:
        self._text = text
        self._found = found

    def labels(self, expr: promql.Expr) -> frozenset[str]:
        match expr:
            case promql.NumberLiteral() | promql.StringLiteral():
                return frozenset()
            case promql.ParenExpr() | promql.UnaryExpr():
                return self.labels(expr.expr)
            case promql.VectorSelector():
                return self._selected(expr, counted=False)
            case promql.Call():
                return self._called(expr)
            case promql.AggregateExpr():
                return self._aggregated(expr)
            case promql.BinaryExpr() if str(expr.op) == "unless":
                return self._begun(expr)
            case promql.BinaryExpr():
                return self._joined(expr)
            case _:
                raise AssertionError(f"{self._text}: {type(expr).__name__} is not expected")

    def _selected(self, selector: promql.VectorSelector, *, counted: bool) -> frozenset[str]:
        name = selector.name or ""
        series = EXPOSED.get(name)
        assert series is not None, f"{self._text}: there is no metric {name}"
        assert series.counts == counted, f"{self._text}: {name} is looked at as what it is not"
        if series.metric is not None:
            self._found.add(series.metric.name)
        for matcher in selector.matchers.matchers:
            assert matcher.name in series.labels, f"{self._text}: {name} has no label {matcher.name}"
            if matcher.name in _CLOSED:
                values = set(matcher.value.split("|"))
                unknown = values - _CLOSED[matcher.name]
                assert not unknown, f"{self._text}: {matcher.name} is never {unknown}"
        return series.labels

    def _called(self, call: promql.Call) -> frozenset[str]:
        name = call.func.name
        if name in {"time", "vector"}:
            return frozenset()
        if name == "histogram_quantile":
            labels = self.labels(call.args[1])
            assert "le" in labels, f"{self._text}: a quantile of what has no buckets"
            return labels - {"le"}
        assert name in _KEEPING, f"{self._text}: {name}() is not expected"
        (argument,) = call.args
        if isinstance(argument, promql.MatrixSelector):
            return self._selected(argument.vector_selector, counted=name in _OF_COUNTERS)
        return self.labels(argument)

    def _aggregated(self, aggregate: promql.AggregateExpr) -> frozenset[str]:
        inner = self.labels(aggregate.expr)
        if str(aggregate.op) in _CHOOSING:
            return inner
        if aggregate.modifier is None:
            return frozenset()
        assert aggregate.modifier.type == promql.AggModifierType.By, f"{self._text}: without()"
        by = frozenset(aggregate.modifier.labels)
        assert by <= inner, f"{self._text}: there is no label {set(by - inner)} to sum by"
        return by

    def _begun(self, binary: promql.BinaryExpr) -> frozenset[str]:
        """`counter unless counter offset 1h`: those that began since then."""
        now, then = binary.lhs, binary.rhs
        assert isinstance(now, promql.VectorSelector), f"{self._text}: unless is of a selector"
        assert isinstance(then, promql.VectorSelector), f"{self._text}: unless is of a selector"
        assert now.name == then.name, f"{self._text}: {now.name} is not {then.name}"
        assert now.offset is None, f"{self._text}: now has an offset"
        assert then.offset is not None, f"{self._text}: then has no offset"
        return self._selected(now, counted=True)

    def _joined(self, binary: promql.BinaryExpr) -> frozenset[str]:
        left, right = self.labels(binary.lhs), self.labels(binary.rhs)
        scalar = not _is_vector(binary.lhs) or not _is_vector(binary.rhs)
        if scalar or str(binary.op) == "or":
            return left | right
        modifier = binary.modifier
        if modifier is not None and modifier.matching is not None:
            on = frozenset(modifier.matching.labels)
            assert on <= left & right, f"{self._text}: {set(on - left & right)} is not on both sides"
            return left if str(binary.op) == "and" else on
        assert left == right, (
            f"{self._text}: {set(left ^ right)} is on one side only, so nothing ever matches"
        )
        return left


def _is_vector(expr: promql.Expr) -> bool:
    match expr:
        case promql.NumberLiteral():
            return False
        case promql.ParenExpr() | promql.UnaryExpr():
            return _is_vector(expr.expr)
        case promql.BinaryExpr():
            return _is_vector(expr.lhs) or _is_vector(expr.rhs)
        case promql.Call():
            return bool(expr.func.name != "time")
        case _:
            return True
