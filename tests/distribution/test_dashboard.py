"""The dashboard and the alerts: each query against the metrics that exist."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import yaml
from deploy.grafana.dashboard import ROWS, dashboard
from deploy.grafana.query import Panel, Query
from tests.support.gateway_process import GatewayProcess, gateway_config
from tests.support.processes import ROOT
from tests.support.promql import check

from fastgate.observability.catalogue import CATALOGUE

FILE: Final = ROOT / "deploy" / "grafana" / "fastgate.json"
ALERTS: Final = ROOT / "deploy" / "prometheus" / "alerts.yml"
# What Grafana puts in for its variables.
_VARIABLES: Final = {"$__rate_interval": "1m", "$__range": "1h"}
_LEGEND: Final = re.compile(r"\{\{(\w+)\}\}")
_LABEL: Final = re.compile(r"\$labels\.(\w+)")

PANELS: Final = [panel for row in ROWS for panel in row.panels]
RULES: Final = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def filled_in(expr: str) -> str:
    for name, value in _VARIABLES.items():
        expr = expr.replace(name, value)
    return expr


def queries() -> Iterator[Any]:
    for panel in PANELS:
        for query in panel.queries:
            yield pytest.param(panel, query, id=f"{panel.title}: {query.legend or query.expr}")


def test_the_file_is_made_of_the_code() -> None:
    assert msgspec.json.decode(FILE.read_bytes()) == dashboard(), (
        "run `python -m deploy.grafana.dashboard > deploy/grafana/fastgate.json`"
    )


@pytest.mark.parametrize(("panel", "query"), list(queries()))
def test_a_query_asks_for_what_there_is(panel: Panel, query: Query) -> None:
    labels = check(filled_in(query.expr)).labels
    assert set(_LEGEND.findall(query.legend)) <= labels
    if panel.kind == "timeseries" and len(panel.queries) == 1 and labels:
        assert _LEGEND.search(query.legend), "its series cannot be told apart"


def test_the_variables_ask_for_what_there_is() -> None:
    found = dashboard()
    for variable in found["templating"]["list"][1:]:
        asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"])
        assert asked is not None
        # As a rate: what is looked at is its labels.
        expr = asked[1] if asked[1].startswith("fastgate_build_info") else f"rate({asked[1]}[1m])"
        assert asked[2] in check(expr).labels
        used = f"${variable['name']}"
        assert used in msgspec.json.encode(found["panels"]).decode()
    (annotation,) = found["annotations"]["list"]
    assert set(_LEGEND.findall(annotation["titleFormat"])) <= check(annotation["expr"]).labels


def test_each_metric_is_looked_at_somewhere() -> None:
    looked_at = {
        name for panel in PANELS for query in panel.queries for name in check(filled_in(query.expr)).metrics
    }
    looked_at |= {name for rule in RULES for name in check(rule["expr"]).metrics}
    assert {metric.name for metric in CATALOGUE} - looked_at == set()


def test_no_panel_lies_on_another() -> None:
    panels = dashboard()["panels"]
    shown = [[panel for panel in panels if panel["type"] != "row" or not panel["panels"]]]
    shown += [panel["panels"] for panel in panels if panel["type"] == "row" and panel["panels"]]
    everything = [panel for group in shown for panel in group]
    ids = [panel["id"] for panel in everything]
    assert len(ids) == len(set(ids))
    for group in shown:
        taken: set[tuple[int, int]] = set()
        for panel in group:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken, panel["title"]
            assert max(x for x, _ in cells) < 24
            taken |= cells


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_asks_for_what_there_is(rule: dict[str, Any]) -> None:
    labels = check(rule["expr"]).labels
    assert rule["labels"]["severity"] in {"warning", "critical"}
    texts = " ".join(rule["annotations"].values())
    assert set(_LABEL.findall(texts)) <= labels
    assert "instance" in labels, "somebody has to know which gateway"


def test_commands_and_pages_that_alerts_name_exist() -> None:
    text = ALERTS.read_text()
    for page in re.findall(r"docs/[\w/-]+\.md", text):
        assert (ROOT / page).exists()
    reference = (ROOT / "docs" / "cli.md").read_text()
    commands = re.findall(r"`(fastgate [\w ]+)`", text)
    assert commands
    for command in commands:
        assert f"## {command}\n" in reference


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool (Debian: prometheus)")
def test_prometheus_takes_its_files_and_the_alerts_fire_as_they_should(tmp_path: Path) -> None:
    shutil.copy(ALERTS, tmp_path)
    for name, how in (
        ("deploy/prometheus/prometheus.yml", "config"),
        ("docker/compose/prometheus.yml", "config"),
        ("deploy/prometheus/alerts.test.yml", "rules"),
    ):
        file = shutil.copy(ROOT / name, tmp_path)
        action = ["test", "rules"] if how == "rules" else ["check", "config"]
        done = subprocess.run(["promtool", *action, file], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_a_gateway_shows_is_what_is_asked_for(tmp_path: Path) -> None:
    """Where the catalogue does not say it: the bound of a bucket, and which processes there are."""
    (panel,) = [panel for panel in PANELS if "more than was held" in panel.title]
    bounds = re.search(r'le=~"([^"]+)"', panel.queries[0].expr)
    assert bounds is not None
    with GatewayProcess(gateway_config({}), tmp_path) as gateway:
        scrape = gateway.scrape()
    buckets = scrape.samples("fastgate_budget_overshoot_usd_bucket")
    assert any(re.fullmatch(bounds[1], sample.labels["le"]) for sample in buckets)
    memory = {s.labels["process"]: s.value for s in scrape.samples("fastgate_process_memory_bytes")}
    assert memory.keys() == {"supervisor", "worker-1", "control", "sim"}
    assert min(memory.values()) > 1 << 20
