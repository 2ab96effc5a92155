"""What `serve` has compiled, on its way to the control process."""

import os
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from tests.support.gateway_process import gateway_config, provider_config

from fastgate.control import handover
from fastgate.control.compile import compile_here
from fastgate.control.compiling import CompileRequest
from fastgate.control.first import load
from fastgate.control.handover import Handover
from fastgate.control.watch import stamp
from fastgate.domain.account import Owner
from fastgate.errors import ConfigError
from fastgate.launch import Embedded

MONEY = {
    "customers": [{"id": "acme", "timezone": "Europe/Berlin", "budget": {"max_per_month_usd": 9}}],
    "virtual_keys": [
        {
            "id": f"vk{number}",
            "customer_id": "acme",
            "secret_hash": f"{number:064x}",
            "budget": {"max_per_month_usd": 3, "max_per_day_usd": 1},
            "rate_limit": {"requests_per_minute": 60},
            "model_limits": {"gpt*": {"tokens_per_day": 5}},
        }
        for number in range(3)
    ],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "fastgate.yaml", **MONEY)


def written(file: Path, **more: Any) -> Path:
    config = gateway_config({"local": provider_config("http://127.0.0.1:1/v1", "gpt-4o")})
    config |= {"data_dir": str(file.parent / "data"), **more}
    file.write_text(yaml.safe_dump(config))
    return file


def through_a_pipe(data: bytes) -> Handover | None:
    readable, writable = os.pipe()

    def write() -> None:
        with open(writable, "wb") as pipe:
            pipe.write(data)

    writer = Thread(target=write)
    writer.start()
    try:
        return handover.take(readable)
    finally:
        writer.join()


def test_it_arrives_as_it_would_be_compiled_there(file: Path) -> None:
    settings, handed = load(file, {})
    found = through_a_pipe(handed())
    assert found is not None
    assert found.file == stamp(file)
    there = compile_here(CompileRequest(str(file), settings.data_dir, Embedded()), {})
    assert found.result.compiled is not None
    assert len(found.result.compiled.budgets) == 1 + 2 * 3
    assert len(found.result.compiled.limits) == 2 * 3
    assert there.compiled is not None
    assert [spec.name for spec in found.result.compiled.budgets] == [
        spec.name for spec in there.compiled.budgets
    ]
    assert found.result.compiled.budgets == there.compiled.budgets
    assert found.result.compiled.limits == there.compiled.limits
    assert found.result.compiled.snapshot == there.compiled.snapshot
    assert found.result.compiled.keys.keys == there.compiled.keys.keys
    assert found.result.findings == there.findings


def test_what_owners_have_in_common_is_there_once(file: Path) -> None:
    found = through_a_pipe(load(file, {})[1]())
    assert found is not None
    assert found.result.compiled is not None
    owners: dict[Owner, Owner] = {}
    compiled = found.result.compiled
    for owner in (each.owner for specs in (compiled.budgets, compiled.limits) for each in specs):
        assert owners.setdefault(owner, owner) is owner


@pytest.mark.parametrize("part", [slice(0), slice(5), slice(-1), slice(9, None)])
def test_a_part_of_it_is_nothing(file: Path, part: slice) -> None:
    """The one who compiles has died, or an earlier control process while it read."""
    assert through_a_pipe(load(file, {})[1]()[part]) is None


def test_what_cannot_be_compiled_says_why_there(file: Path) -> None:
    damaged = file.parent / "data" / "prices.json"
    settings, handed = load(file, {})
    Path(settings.data_dir).mkdir()
    damaged.write_text("[]")
    found = through_a_pipe(handed())
    assert found is not None
    assert found.result.compiled is None
    assert str(damaged) in found.result.reasons[0]


@pytest.mark.parametrize("missing", ["providers", "virtual_keys"])
def test_where_something_may_have_to_stand_in_nothing_is_handed_over(tmp_path: Path, missing: str) -> None:
    empty: Any = {} if missing == "providers" else []
    file = written(tmp_path / "fastgate.yaml", **{missing: empty})
    assert load(file, {})[1]() == b""


def test_errors_are_told_before_anything_is_handed_over(tmp_path: Path) -> None:
    file = written(tmp_path / "fastgate.yaml", typo=1)
    with pytest.raises(ConfigError, match=r"fastgate.yaml:\d+: error: typo: unknown setting"):
        load(file, {})
