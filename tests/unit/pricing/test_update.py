"""Newer price data: what is taken, what is refused, and the way back."""

from dataclasses import is_dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from genai_prices.data import providers
from genai_prices.types import ModelPrice

from fastgate.errors import ConfigError
from fastgate.pricing.catalogue import installed
from fastgate.pricing.difference import Change, changes
from fastgate.pricing.update import current, install, parse, roll_back
from fastgate.store.data_dir import DataDir


def vendor(id_: str = "openai", **prices: Any) -> dict[str, Any]:
    models = [
        {"id": name, "match": {"equals": name}, "prices": {"input_mtok": price}}
        for name, price in prices.items()
    ]
    return {"id": id_, "name": id_, "api_pattern": id_, "models": models}


def data_of(*vendors: Any) -> bytes:
    return msgspec.json.encode(list(vendors))


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path)


def test_the_packages_own_data_is_used_until_there_is_an_update(data_dir: DataDir) -> None:
    assert current(data_dir).label == installed().label


def test_an_update_is_used_and_the_one_before_comes_back(data_dir: DataDir) -> None:
    first, second = data_of(vendor(a=1)), data_of(vendor(a=2))
    install(data_dir, first)
    assert current(data_dir).label == parse(first).label
    install(data_dir, second)
    assert current(data_dir).label == parse(second).label
    assert roll_back(data_dir)
    assert current(data_dir).label == parse(first).label
    assert roll_back(data_dir)
    assert current(data_dir).label == installed().label
    assert not roll_back(data_dir)


def test_files_are_readable_by_the_owner_only_and_nothing_is_left_over(data_dir: DataDir) -> None:
    install(data_dir, data_of(vendor(a=1)))
    install(data_dir, data_of(vendor(a=2)))
    assert {path.name for path in data_dir.path.iterdir()} == {"prices.json", "prices.previous.json"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in data_dir.path.iterdir())


def test_a_damaged_update_is_named(data_dir: DataDir) -> None:
    data_dir.prices.write_bytes(b'[{"id"')
    with pytest.raises(ConfigError, match=r"prices\.json: not JSON.*`fastgate prices rollback` goes back"):
        current(data_dir)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<html>", "not JSON"),
        (b"{}", "a list of vendors is expected"),
        (b"[]", "a list of vendors is expected"),
        (b'[{"id": "openai"}]', "not price data of genai-prices"),
        (data_of(vendor(a="dear")), "not price data of genai-prices"),
        (data_of(vendor(a=-1)), "openai/a: the price for `input_mtok` is no amount of money"),
        (data_of(vendor(a=10**15)), "openai/a: the price for `input_tokens` is out of range"),
        (
            data_of(
                {
                    **vendor(),
                    "models": [{"id": "a", "match": {"equals": "a"}, "prices": {"per_smile": 1}}],
                }
            ),
            "openai/a: a price for `per_smile`, which is no unit",
        ),
        (
            data_of(
                {**vendor(), "models": [{"id": "a", "match": {"regex": "("}, "prices": {"input_mtok": 1}}]}
            ),
            "openai/a: ",
        ),
        (data_of({**vendor(a=1), "fallback_model_providers": ["gone"]}), "resells the models of gone"),
    ],
)
def test_what_is_no_price_data_is_refused_whole(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(data)


def test_a_price_with_tiers_times_and_variants_is_read() -> None:
    model = {
        "id": "m",
        "match": {"or": [{"equals": "m"}, {"starts_with": "m-"}]},
        "context_window": 1_000,
        "prices": [
            {"prices": {"input_mtok": 1}},
            {
                "constraint": {"start_date": "2026-01-01"},
                "prices": {"input_mtok": {"base": 2, "tiers": [{"start": 5, "price": 3}]}},
            },
        ],
        "price_variants": [{"when": {"processing": "batch"}, "prices": {"input_mtok": 0.5}}],
    }
    found = parse(data_of({**vendor(), "models": [model]})).find("openai", "m-1")
    assert found is not None
    assert found.model.context_window == 1_000


def test_all_of_the_packages_data_survives_the_way_over_json() -> None:
    there = parse(msgspec.json.encode([written(provider) for provider in providers]))
    assert changes(installed(), there, time_ns=1_795_521_600 * 10**9) == []


def written(value: Any) -> Any:
    """The package's objects as its `data.json` has them."""
    if isinstance(value, ModelPrice):
        return {key: written(price) for key, price in value.__dict__.items() if price is not None}
    if isinstance(value, list):
        return [written(each) for each in value]
    if isinstance(value, Decimal | date | time):
        return str(value)
    if not is_dataclass(value):
        return value
    fields = {name: each for name, each in vars(value).items() if each is not None and name[0] != "_"}
    return {name.rstrip("_"): written(each) for name, each in fields.items()}


def test_changes_name_what_is_other_now() -> None:
    before = parse(data_of(vendor(same=1, dearer=1, gone=4), vendor("mistral", far=1)))
    after = parse(data_of(vendor(same=1, dearer=2.5, new=3), vendor("mistral", far=1)))
    assert changes(before, after, time_ns=0) == [
        Change("openai", "dearer", "", "input_tokens", "1 per 1M", "2.5 per 1M"),
        Change("openai", "new", "", "input_tokens", "", "3 per 1M"),
        Change("openai", "gone", "", "input_tokens", "4 per 1M", ""),
    ]


def test_a_change_of_another_time_is_told_without_amounts() -> None:
    later = {
        "id": "a",
        "match": {"equals": "a"},
        "prices": [
            {"prices": {"input_mtok": 1}},
            {"constraint": {"start_date": "2030-01-01"}, "prices": {"input_mtok": 2}},
        ],
    }
    before, after = parse(data_of(vendor(a=1))), parse(data_of({**vendor(), "models": [later]}))
    assert changes(before, after, time_ns=0) == [Change("openai", "a", "", "", "", "")]
    assert changes(before, before, time_ns=0) == []
