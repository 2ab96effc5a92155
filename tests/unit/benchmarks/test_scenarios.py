"""Scenarios, and what a client sends in them."""

import msgspec
import pytest
from benchmarks.suite.bodies import body
from benchmarks.suite.scenarios import SCENARIOS, SETS, Format, Kind, Scenario, named


def test_sets_name_scenarios_that_there_are() -> None:
    for names in SETS.values():
        assert set(names) <= SCENARIOS.keys()


def test_names_and_sets_together_are_each_taken_once() -> None:
    assert [scenario.name for scenario in named(["c32", "smoke", "c8"])] == [
        name for name in SCENARIOS if name in {*SETS["smoke"], "c32"}
    ]


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"no scenario c33; there are table, .*c32"):
        named(["c33", "c8"])


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda scenario: scenario.name)
def test_bodies_are_of_the_size_that_the_scenario_says(scenario: Scenario) -> None:
    sent = body(scenario, scenario.model)
    assert abs(len(sent) - scenario.body_bytes) <= max(60, scenario.body_bytes * 0.01)
    request = msgspec.json.decode(sent)
    assert request["model"] == scenario.model
    assert ("stream" in request) is (scenario.kind is Kind.STREAMS)
    assert ("max_tokens" in request) is (scenario.client is Format.MESSAGES)
    roles = [message["role"] for message in request["messages"]]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
