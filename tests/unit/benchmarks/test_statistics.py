"""Medians, ratios and their intervals."""

import random

import pytest
from benchmarks.suite.statistics import Figure, added, figure, good, ratio
from tests.unit.benchmarks.conftest import MadeRun

CPU = "cpu_us_per_request"


def test_median_and_span(made_run: MadeRun) -> None:
    turns = made_run({("c32", "nginx"): {CPU: [15.0, 11.0, 12.0]}}).turns
    assert figure(turns, CPU) == Figure(12.0, 11.0, 15.0)
    assert figure(turns, "rps") is None


def test_a_void_turn_voids_the_row(made_run: MadeRun) -> None:
    run = made_run({("c32", "nginx"): {CPU: [15.0, 11.0, 12.0]}})
    assert len(good(run, "c32", "nginx")) == 3
    run.turns[1].void = "3 of status_500"
    assert good(run, "c32", "nginx") == []


def test_a_ratio_is_of_medians_and_its_interval_of_whole_rounds(made_run: MadeRun) -> None:
    # Every round was disturbed, both contestants alike: the ratio is the same in all.
    run = made_run(
        {("c32", "nginx"): {CPU: [10.0, 30.0, 20.0]}, ("c32", "fastgate"): {CPU: [20.0, 60.0, 40.0]}}
    )
    found = ratio(good(run, "c32", "fastgate"), good(run, "c32", "nginx"), CPU)
    assert found is not None
    assert found.value == 2.0
    assert (found.low, found.high) == (2.0, 2.0)


def test_the_interval_holds_the_true_ratio_about_as_often_as_it_says(made_run: MadeRun) -> None:
    draw = random.Random(1)
    held = 0
    for _ in range(60):
        nginx = [draw.gauss(100, 5) for _ in range(9)]
        mine = [draw.gauss(300, 15) for _ in range(9)]
        run = made_run({("c32", "nginx"): {CPU: nginx}, ("c32", "fastgate"): {CPU: mine}})
        found = ratio(good(run, "c32", "fastgate"), good(run, "c32", "nginx"), CPU)
        assert found is not None
        held += found.low <= 3.0 <= found.high
    assert held >= 48


@pytest.mark.parametrize("others", [{}, {("c32", "nginx"): {"rps": [1.0, 1.0, 1.0]}}])
def test_no_ratio_to_what_was_not_measured(
    made_run: MadeRun, others: dict[tuple[str, str], dict[str, list[float]]]
) -> None:
    run = made_run({("c32", "fastgate"): {CPU: [1.0, 1.0, 1.0]}, **others})
    assert ratio(good(run, "c32", "fastgate"), good(run, "c32", "nginx"), CPU) is None


def test_what_is_added_is_taken_round_by_round(made_run: MadeRun) -> None:
    run = made_run(
        {
            ("c1", "direct"): {"latency_p50_us": [50.0, 500.0, 60.0]},
            ("c1", "nginx"): {"latency_p50_us": [90.0, 570.0, 110.0]},
        }
    )
    found = added(good(run, "c1", "nginx"), good(run, "c1", "direct"), "latency_p50_us")
    assert found == Figure(50.0, 40.0, 70.0)
