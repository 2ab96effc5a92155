"""The dashboard, as code: `python -m deploy.grafana.dashboard > deploy/grafana/fastgate.json`.

A test compares the file, and every query with the metrics that exist.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from deploy.grafana import money, traffic
from deploy.grafana.query import FROM, WHERE, Panel, Row

ROWS: Final = (*traffic.ROWS, *money.ROWS)

_SCHEMA: Final = 39  # Grafana 10.4; newer ones migrate it as they load it
_COLUMNS: Final = 24
_HEIGHT: Final = 8
_STAT_HEIGHT: Final = 4
_DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def dashboard() -> dict[str, Any]:
    return {
        "uid": "fastgate",
        "title": "fastgate",
        "description": "An LLM gateway: traffic, latency, failover, money.",
        "tags": ["fastgate", "llm"],
        "schemaVersion": _SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": list(_variables())},
        "annotations": {"list": [_restarts()]},
        "panels": list(_panels(ROWS)),
    }


def _variables() -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}
    yield _variable("job", "Job", "label_values(fastgate_build_info, job)")
    yield _variable("instance", "Gateway", 'label_values(fastgate_build_info{job=~"$job"}, instance)')
    yield _variable("provider", "Provider", f"label_values(fastgate_requests_total{{{WHERE}}}, provider)")
    yield _variable("model", "Model", f"label_values(fastgate_requests_total{{{FROM}}}, model)")


def _variable(name: str, label: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": _DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,  # when the time range changes
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "sort": 1,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _restarts() -> dict[str, Any]:
    return {
        "name": "Processes started again",
        "datasource": _DATASOURCE,
        "enable": True,
        "iconColor": "orange",
        "expr": f"sum by (instance, process) (increase(fastgate_worker_restarts_total{{{WHERE}}}[1m])) > 0",
        "titleFormat": "{{instance}} {{process}} was started again",
    }


def _panels(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    ids = iter(range(1, 1_000))
    y = 0
    for row in rows:
        inside, height = _laid_out(row.panels, y + 1, ids)
        yield {
            "id": next(ids),
            "type": "row",
            "title": row.title,
            "collapsed": row.collapsed,
            "gridPos": {"x": 0, "y": y, "w": _COLUMNS, "h": 1},
            "panels": inside if row.collapsed else [],
        }
        if not row.collapsed:
            yield from inside
        y += 1 + (0 if row.collapsed else height)


def _laid_out(panels: Sequence[Panel], top: int, ids: Iterator[int]) -> tuple[list[dict[str, Any]], int]:
    """From left to right, in lines; and the height of all."""
    found: list[dict[str, Any]] = []
    x, y, line = 0, top, 0
    for panel in panels:
        height = _STAT_HEIGHT if panel.kind == "stat" else _HEIGHT
        if x + panel.width > _COLUMNS:
            x, y, line = 0, y + line, 0
        place = {"x": x, "y": y, "w": panel.width, "h": height}
        found.append(_panel(panel, next(ids), place))
        x, line = x + panel.width, max(line, height)
    return found, y + line - top


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _DATASOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _DATASOURCE,
                "expr": query.expr,
                "legendFormat": query.legend,
                "instant": query.instant,
                "range": not query.instant,
                "format": "table" if panel.kind == "table" else "time_series",
            }
            for index, query in enumerate(panel.queries)
        ],
        "transformations": [_WITHOUT_TIME] if panel.kind == "table" else [],
    }


_WITHOUT_TIME: Final = {"id": "organize", "options": {"excludeByName": {"Time": True}}}


def _defaults(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.ceiling is not None:
        defaults["max"] = panel.ceiling
    if panel.kind == "timeseries":
        defaults["custom"] = {
            "fillOpacity": 20 if panel.stacked else 0,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        }
    if panel.thresholds:
        steps = [{"color": color, "value": value or None} for value, color in panel.thresholds]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
        defaults["color"] = {"mode": "thresholds"}
    return defaults


def _options(panel: Panel) -> dict[str, Any]:
    match panel.kind:
        case "timeseries":
            return {
                "legend": {"displayMode": "list", "placement": "bottom"},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }
        case "stat":
            return {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area", "colorMode": "value"}
        case "bargauge":
            return {"orientation": "horizontal", "displayMode": "basic"}
        case _:
            return {}


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(dashboard()), indent=2).decode() + "\n")
