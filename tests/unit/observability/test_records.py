"""The shape of an exchange's line."""

from typing import Annotated, get_args, get_origin, get_type_hints

import msgspec
import pytest

from fastgate.observability.records import AttemptRecord, ExchangeRecord

RECORDS = pytest.mark.parametrize("record", [ExchangeRecord, AttemptRecord])


@RECORDS
def test_every_field_is_documented(record: type[msgspec.Struct]) -> None:
    for name, hint in get_type_hints(record, include_extras=True).items():
        assert get_origin(hint) is Annotated, name
        assert get_args(hint)[1].description.endswith((".", ")")), name


@RECORDS
def test_no_field_takes_headers_or_anything_of_any_shape(record: type[msgspec.Struct]) -> None:
    for name, hint in get_type_hints(record).items():
        assert "header" not in name
        assert hint in {str, int, float, bool, dict[str, str], list[AttemptRecord]} or get_args(hint)


def test_fields_at_their_default_are_left_out() -> None:
    attempt = AttemptRecord(deployment="openai/gpt-4o", result="ok")
    record = ExchangeRecord(request_id="r", attempts=[attempt])
    assert msgspec.to_builtins(record) == {
        "request_id": "r",
        "attempts": [{"deployment": "openai/gpt-4o", "result": "ok"}],
    }
