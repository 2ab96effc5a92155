"""Tables and plots of a run, and the part of docs/benchmarks.md that is made of them."""

from pathlib import Path

import pytest
from benchmarks.suite.plots import draw
from benchmarks.suite.report import BEGIN, END, PAGE, recorded, render, replaced
from benchmarks.suite.results import read, write
from tests.unit.benchmarks.conftest import MadeRun


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert replaced(page, render(*recorded())) == page, "run: make bench-report"


def test_a_row_for_each_contestant_with_ratios(made_run: MadeRun) -> None:
    run = made_run(
        {
            ("c32", "direct"): {"rps": [9_000.0] * 3, "latency_p50_us": [100.0] * 3},
            ("c32", "nginx"): {"cpu_us_per_request": [15.0] * 3, "latency_p50_us": [300.0] * 3},
            ("c32", "governed"): {"cpu_us_per_request": [60.0, 62.0, 58.0], "latency_p50_us": [1_500.0] * 3},
        },
        left_out={"litellm": "it is not installed"},
    )
    report = render(run)
    assert "| CPU a request, 1 KB, c = 32 | nginx | 19 (11) | 16 | 5.5 | 360 | 4.5 | 2.5 | 4.00 (" in report
    row = next(line for line in report.splitlines() if line.startswith("| governed | 60.0"))
    assert row.startswith("| governed | 60.0 (58.0-62.0) | 4.00 (3.87-4.13) | - | - | - | 1.50 ms / ")
    assert "| 1.40 ms / - / - / - |" in row
    assert "| litellm | about it. **Left out**: it is not installed. |" in report


def test_an_error_voids_the_row_and_is_told(made_run: MadeRun) -> None:
    run = made_run(
        {("c32", "portkey"): {"cpu_us_per_request": [15.0] * 3}, ("c1", "nginx"): {"rps": [1.0] * 3}}
    )
    run.turns[2].void = "49 of status_500"
    report = render(run)
    assert "| portkey | void: 49 of status_500 |" in report
    assert "Not here: nginx." in report


def test_every_table_has_as_many_cells_in_each_row(made_run: MadeRun) -> None:
    run = made_run({(name, "nginx"): {"rps": [1.0, 2.0]} for name in ("start", "c1", "open500", "streams50")})
    run.turns[0].void = "it did not start"
    width = 0
    for line in render(run).splitlines():
        if not line.startswith("|"):
            width = 0
        elif width:
            assert line.count("|") == width, line
        else:
            width = line.count("|")


def test_a_page_without_a_place_for_it_is_refused() -> None:
    assert replaced(f"above\n{BEGIN}\nold\n{END}\nbelow\n", "new\n") == f"above\n{BEGIN}\nnew\n{END}\nbelow\n"
    with pytest.raises(ValueError, match="markers"):
        replaced("# Benchmarks\n", "new\n")


def test_a_run_is_read_as_it_was_written(made_run: MadeRun, tmp_path: Path) -> None:
    run = made_run({("c32", "nginx"): {"rps": [1.0, 2.0]}, ("fallback", "fastgate"): {"rps": [1.0, 2.0]}})
    write(run, tmp_path / "results" / "bench.json")
    assert read(tmp_path / "results" / "bench.json") == run


def test_the_same_plots_of_the_same_run(made_run: MadeRun, tmp_path: Path) -> None:
    figures = {"rps": [900.0, 950.0], "latency_p50_us": [80.0, 90.0], "latency_p99_us": [200.0, 220.0]}
    cpu = {f"{mode}_us_per_request": [10.0, 12.0] for mode in ("cpu", "user", "system")}
    run = made_run(
        {(scenario, name): {**figures, **cpu} for scenario in ("c1", "c32") for name in ("nginx", "governed")}
    )
    drawn = [draw(run, tmp_path / name) for name in ("one", "two")]
    assert [path.name for path in drawn[0]] == ["latency.svg", "cpu.svg"]
    for one, two in zip(*drawn, strict=True):
        assert one.read_bytes() == two.read_bytes()
    assert "governed" in drawn[0][0].read_text()
    assert "control" in drawn[0][1].read_text()
