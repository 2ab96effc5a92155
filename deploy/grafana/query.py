"""The vocabulary of the dashboard: panels, and the queries in them."""

from typing import Final, NamedTuple

WHERE: Final = 'job=~"$job", instance=~"$instance"'
SERVED: Final = f'{WHERE}, provider=~"$provider", model=~"$model"'
FROM: Final = f'{WHERE}, provider=~"$provider"'


class Query(NamedTuple):
    expr: str
    legend: str
    instant: bool = False


class Panel(NamedTuple):
    """`unit` is Grafana's id of it. `width` is in 24ths of the page."""

    title: str
    unit: str
    queries: tuple[Query, ...]
    kind: str = "timeseries"
    width: int = 8
    about: str = ""
    stacked: bool = False
    ceiling: float | None = None
    thresholds: tuple[tuple[float, str], ...] = ()


class Row(NamedTuple):
    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = True


def rate(metric: str, *by: str, where: str = WHERE) -> str:
    grouping = f" by ({', '.join(by)})" if by else ""
    return f"sum{grouping} (rate({metric}{{{where}}}[$__rate_interval]))"


def total(metric: str, *by: str, where: str = WHERE) -> str:
    """Of a gauge, now."""
    grouping = f" by ({', '.join(by)})" if by else ""
    return f"sum{grouping} ({metric}{{{where}}})"


def quantile(share: float, metric: str, *by: str, where: str = WHERE) -> str:
    return f"histogram_quantile({share}, {rate(f'{metric}_bucket', 'le', *by, where=where)})"


def quantiles(metric: str, *shares: float, where: str = WHERE) -> tuple[Query, ...]:
    return tuple(Query(quantile(share, metric, where=where), f"p{share * 100:g}") for share in shares)


def share(part: str, whole: str) -> str:
    """0 where there is no `part`; nothing where there is no `whole`."""
    return f"({part} or vector(0)) / ({whole} > 0)"


def one(expr: str, legend: str = "") -> tuple[Query, ...]:
    return (Query(expr, legend),)


def now(expr: str, legend: str = "") -> tuple[Query, ...]:
    return (Query(expr, legend, instant=True),)


def stat(
    title: str, unit: str, expr: str, about: str = "", thresholds: tuple[tuple[float, str], ...] = ()
) -> Panel:
    return Panel(title, unit, one(expr), "stat", width=4, about=about, thresholds=thresholds)


USED: Final = (
    f"sum by (level, owner, period) (fastgate_budget_spent_usd{{{WHERE}}}"
    f" + fastgate_budget_reserved_usd{{{WHERE}}})"
    f" / (sum by (level, owner, period) (fastgate_budget_limit_usd{{{WHERE}}}) > 0)"
)
GOOD_TO_BAD: Final = ((0.0, "green"), (1.0, "red"))
BAD_TO_GOOD: Final = ((0.0, "red"), (1.0, "green"))
