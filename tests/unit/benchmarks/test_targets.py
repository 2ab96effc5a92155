"""What must be reached: the table itself, and the verdicts."""

import pytest
from benchmarks.suite.contestants.table import CONTESTANTS
from benchmarks.suite.scenarios import SCENARIOS, SETS
from benchmarks.suite.targets import Target, Verdict, reached, targets
from tests.unit.benchmarks.conftest import MadeRun

CPU = "cpu_us_per_request"


def test_the_table_names_scenarios_and_contestants_that_there_are() -> None:
    wanted = targets()
    assert wanted.contestant in CONTESTANTS
    for target in wanted.target:
        assert target.scenarios
        assert set(target.scenarios) <= SCENARIOS.keys()
        assert target.beside is None or target.beside in SCENARIOS
        assert target.against is None or target.against in CONTESTANTS
        assert (target.aim >= target.must) if target.more_is_better else (target.aim <= target.must)


def test_make_bench_measures_all_that_the_issue_has_a_table_of() -> None:
    seen = [target for target in targets().target if target.seen]
    assert len(seen) == 12
    assert {name for target in seen for name in target.scenarios} == set(SETS["table"])


@pytest.mark.parametrize(
    ("mine", "verdict"), [(24.0, Verdict.AIM), (40.0, Verdict.MUST), (46.0, Verdict.MISSED)]
)
def test_less_is_better(made_run: MadeRun, mine: float, verdict: Verdict) -> None:
    target = Target(name="CPU", scenarios=["c32"], figure=CPU, against="nginx", must=4.5, aim=2.5)
    run = made_run({("c32", "nginx"): {CPU: [10.0] * 3}, ("c32", "governed"): {CPU: [mine] * 3}})
    assert reached(target, run, "governed").verdict is verdict


@pytest.mark.parametrize(
    ("mine", "verdict"), [(70.0, Verdict.AIM), (40.0, Verdict.MUST), (30.0, Verdict.MISSED)]
)
def test_more_is_better(made_run: MadeRun, mine: float, verdict: Verdict) -> None:
    target = Target(
        name="rps", scenarios=["c128"], figure="rps", against="nginx", more_is_better=True, must=0.35, aim=0.6
    )
    run = made_run({("c128", "nginx"): {"rps": [100.0] * 3}, ("c128", "governed"): {"rps": [mine] * 3}})
    assert reached(target, run, "governed").verdict is verdict


def test_what_is_added_is_compared_with_what_nginx_adds(made_run: MadeRun) -> None:
    target = Target(
        name="TTFT",
        scenarios=["streams200"],
        figure="ttft_p50_us",
        added=True,
        against="nginx",
        must=4,
        aim=2,
    )
    run = made_run(
        {
            ("streams200", "direct"): {"ttft_p50_us": [100.0] * 3},
            ("streams200", "nginx"): {"ttft_p50_us": [150.0] * 3},
            ("streams200", "governed"): {"ttft_p50_us": [250.0] * 3},
        }
    )
    found = reached(target, run, "governed")
    assert found.value is not None
    assert found.value.value == 3.0
    assert found.verdict is Verdict.MUST


def test_absolute_is_the_greatest_of_its_scenarios(made_run: MadeRun) -> None:
    target = Target(name="peak", scenarios=["c1", "c32"], figure="pss_peak_mb", must=170, aim=110)
    run = made_run(
        {
            ("c1", "governed"): {"pss_peak_mb": [90.0] * 3},
            ("c32", "governed"): {"pss_peak_mb": [120.0, 115.0, 130.0]},
        }
    )
    found = reached(target, run, "governed")
    assert found.value is not None
    assert found.value.value == 120.0
    assert found.verdict is Verdict.MUST


def test_beside_another_scenario_of_its_own(made_run: MadeRun) -> None:
    target = Target(name="keys", scenarios=["keys100k"], figure=CPU, beside="c32", must=1.05, aim=1.0)
    run = made_run({("c32", "governed"): {CPU: [100.0] * 3}, ("keys100k", "governed"): {CPU: [104.0] * 3}})
    assert reached(target, run, "governed").verdict is Verdict.MUST


def test_a_void_turn_leaves_it_open(made_run: MadeRun) -> None:
    target = Target(name="CPU", scenarios=["c32"], figure=CPU, against="nginx", must=4.5, aim=2.5)
    run = made_run({("c32", "nginx"): {CPU: [10.0] * 3}, ("c32", "governed"): {CPU: [20.0] * 3}})
    run.turns[4].void = "1 of connect"
    assert reached(target, run, "governed").verdict is Verdict.UNKNOWN
