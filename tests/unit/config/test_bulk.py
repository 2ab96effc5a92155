"""Long lists in JSON: read at once, and no different from how they are read item by item."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from fastgate.config import bulk
from fastgate.config.diagnostics import Diagnostic
from fastgate.config.load import check
from fastgate.config.settings import Settings

KEYS = 20
KEY = {
    "secret_hash": "0" * 64,
    "team_id": "t",
    "budget": [{"max_per_day_usd": 1.25, "soft_limit": [0.8]}],
    "rate_limit": {"requests_per_minute": 6},
    "metadata": {"code": "47:11", "näme": "ü"},
}


@pytest.fixture(autouse=True)
def _short_lists_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_LEAST_BYTES", 1_000)


def configuration(change: Mapping[str, Any] | None = None, **more: Any) -> str:
    """Some keys, of which the last is changed."""
    keys: list[dict[str, Any]] = [{"id": f"v{n}", **KEY, "secret_hash": f"{n:064x}"} for n in range(KEYS)]
    keys[-1] |= change or {}
    data = msgspec.json.encode(
        {"teams": [{"id": "t"}], "virtual_keys": keys, "server": {"port": 9000}, **more}
    )
    return msgspec.json.format(data, indent=1).decode()


def loaded(text: str, **environ: str) -> tuple[Settings | None, list[Diagnostic]]:
    return check(None, {"FASTGATE_CONFIG_YAML": text, **environ})


def ordinarily(text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Settings | None, list[Diagnostic]]:
    with monkeypatch.context() as patch:
        patch.setattr(bulk, "take", lambda _text: None)
        return loaded(text)


def test_the_same_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    text = configuration({"budget": {"max_usd": "0.10", "reset_duration": "1h"}})
    taken = bulk.take(text)
    assert taken is not None
    assert list(taken.lists) == ["virtual_keys"]
    assert taken.rest.count("\n") == text.count("\n")
    settings, found = loaded(text)
    assert settings is not None
    assert len(settings.virtual_keys) == KEYS
    assert (settings, found) == ordinarily(text, monkeypatch)


def test_equal_budgets_and_limits_are_one_object_each() -> None:
    settings, _ = loaded(configuration({"budget": {"max_per_day_usd": 2}, "rate_limit": None}))
    assert settings is not None
    first, *others, last = settings.virtual_keys
    assert all(key.budget is first.budget and key.rate_limit is first.rate_limit for key in others)
    assert last.budget != first.budget
    assert last.rate_limit is None


def test_what_is_wrong_with_many_is_told_of_each() -> None:
    budget = {"max_per_day_usd": 1, "reset_duration": "weekly"}
    keys = [{"id": f"v{n}", "secret_hash": f"{n:064x}", "budget": budget} for n in range(KEYS)]
    settings, found = loaded(configuration(virtual_keys=keys))
    assert settings is None
    assert [item.path for item in found] == [f"virtual_keys[{n}].budget.reset_duration" for n in range(KEYS)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate_limit": {"request_per_minute": 1}}, "unknown setting"),
        ({"id": "v0"}, "`v0` is taken"),
        ({"budget": {"max_per_day_usd": -1}}, "expected an amount in US dollars"),
        ({"budget": {"max_per_day_usd": "NaN"}}, "expected an amount in US dollars"),
        ({"budget": {"max_per_day_usd": 80_000_000}}, "at most 70000000 US dollars"),
        ({"budget": {"max_per_day_usd": 1, "soft_limit": [-0.5]}}, "expected a number of at least 0"),
        ({"team_id": "${TEAM}"}, "the environment variable TEAM is not set"),
        ({"expires_at": "soon"}, "expected an RFC 3339 time"),
        ({"secret_hash": f"{0:064x}"}, "has the same secret as v0"),
        ({"allowed_providers": ["opnai"]}, "no provider is called `opnai`"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    change: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = configuration(change)
    settings, found = loaded(text)
    assert settings is None
    assert any(message in item.message for item in found)
    assert min(item.line for item in found) > text[: text.index(f'"v{KEYS - 2}"')].count("\n")
    assert (settings, found) == ordinarily(text, monkeypatch)


def test_a_key_that_stands_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    text = configuration().replace('"team_id": "t",', '"team_id": "t", "team_id": "t",', 1)
    settings, found = loaded(text)
    assert settings is None
    assert "the key stands twice" in found[0].message
    assert (settings, found) == ordinarily(text, monkeypatch)


def test_what_is_elsewhere_has_its_line_too() -> None:
    text = configuration(logging={"level": "loud"})
    line = text[: text.index('"level"')].count("\n") + 1
    settings, found = loaded(text)
    assert settings is None
    assert [item.line for item in found] == [line]


@pytest.mark.parametrize(
    "text",
    [
        "server: {port: 9000}",
        configuration()[:-2],
        configuration({"team_id": "\\u0024{TEAM}"}),
        configuration({"metadata": {"a": "env.HOME"}}),
        configuration({"metadata": {"a": "file:/etc/hostname"}}),
        configuration().replace("v7", "\\u0024v7", 1),
    ],
    ids=["short", "broken", "reference", "env", "file", "escaped"],
)
def test_in_doubt_nothing_is_taken(text: str) -> None:
    assert bulk.take(text) is None


def test_a_variable_wins_over_the_list_in_the_file() -> None:
    settings, _ = loaded(configuration(), FASTGATE_VIRTUAL_KEYS="[]")
    assert settings is not None
    assert settings.virtual_keys == []
