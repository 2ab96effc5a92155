"""botocore as judge of what is written for Bedrock and for its clients: its model, serializer and parsers."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
import msgspec
from botocore.eventstream import EventStream
from botocore.model import ServiceModel
from botocore.parsers import EventStreamJSONParser, create_parser
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator


@cache
def service_model() -> ServiceModel:
    return botocore.session.Session().get_service_model("bedrock-runtime")


def checked_request(body: dict[str, Any], operation: str = "Converse") -> dict[str, Any]:
    """`body` as plain values, after botocore found nothing against it."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    shape = service_model().operation_model(operation).input_shape
    report = ParamValidator().validate({"modelId": "some.model", **plain}, shape)
    assert not report.has_errors(), report.generate_report()
    unknown = set(plain) - set(shape.members)
    assert not unknown, f"Bedrock knows no {sorted(unknown)}"
    return plain


def serialized(params: dict[str, Any], operation: str = "Converse") -> bytes:
    """The body that boto3 sends for `params`."""
    model = service_model().operation_model(operation)
    serializer = create_serializer("rest-json", include_validation=True)
    body = serializer.serialize_to_request({"modelId": "some.model", **params}, model)["body"]
    assert isinstance(body, bytes)
    return body


def parsed_answer(body: bytes, operation: str = "Converse") -> dict[str, Any]:
    """What boto3 makes of an answer that satisfies the model."""
    shape = service_model().operation_model(operation).output_shape
    report = ParamValidator().validate(msgspec.json.decode(body), shape)
    assert not report.has_errors(), report.generate_report()
    parsed: dict[str, Any] = create_parser("rest-json").parse(
        {"status_code": 200, "headers": {}, "body": body}, shape
    )
    parsed.pop("ResponseMetadata")
    return parsed


def parsed_error(status: int, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """The `Error` of boto3's ClientError."""
    shape = service_model().operation_model("Converse").output_shape
    parsed: dict[str, Any] = create_parser("rest-json").parse(
        {"status_code": status, "headers": headers, "body": body}, shape
    )
    error: dict[str, Any] = parsed["Error"]
    return error


class _Raw:
    def __init__(self, data: bytes, size: int) -> None:
        self._data = data
        self._size = size

    def stream(self) -> Iterator[bytes]:
        for at in range(0, len(self._data), self._size):
            yield self._data[at : at + self._size]


def parsed_stream(data: bytes, operation: str = "ConverseStream", *, size: int = 64) -> list[dict[str, Any]]:
    """The events that boto3 reads, each of which satisfies the model. EventStreamError for an exception."""
    output = service_model().operation_model(operation).output_shape
    shape = output.members["body" if operation.startswith("Invoke") else "stream"]
    events = []
    for event in EventStream(_Raw(data, size), shape, EventStreamJSONParser(), operation):
        report = ParamValidator().validate(event, shape)
        assert not report.has_errors(), report.generate_report()
        events.append(event)
    return events
