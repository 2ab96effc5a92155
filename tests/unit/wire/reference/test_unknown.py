"""No member of a request is lost in silence, wherever it stands."""

from typing import Any

import msgspec
import pytest
from tests.support.sample_requests import REQUESTS

from fastgate.domain.format import FAMILIES, Format
from fastgate.wire.formats import CLIENTS
from fastgate.wire.interface import Request
from fastgate.wire.reference.requests import SIDES, TARGETS
from fastgate.wire.reference.unknown import MEMBER, lost_in, unknowns

_PAIRS = [
    (client, upstream)
    for client in SIDES
    for upstream in TARGETS
    if client is not upstream and any(family >= {client, upstream} for family in FAMILIES)
]


@pytest.mark.parametrize(("client", "upstream"), _PAIRS)
def test_of_each_feature(client: Format, upstream: Format) -> None:
    side = SIDES[client]
    lost = {
        f"{feature}: {path}"
        for feature, said in side.said.items()
        for path in lost_in({**side.plain, **said}, client, upstream)
        # Of tools that are not to be called, the model may be told nothing.
        if not (feature.startswith("tool choice: ") and "tools[" in path)
    }
    assert lost == set()


@pytest.mark.parametrize(("client", "upstream"), [pair for pair in _PAIRS if pair[0] in REQUESTS])
def test_of_a_request_that_has_all(client: Format, upstream: Format) -> None:
    lost = lost_in(REQUESTS[client], client, upstream)
    # Those are for the providers that they name.
    assert [path for path in lost if not path.startswith("provider_options")] == []


def test_it_is_put_into_each_object() -> None:
    said: Any = {"a": [{"b": 1}, "c"], "d": {"e": {}}}
    assert [path for path, _ in unknowns(said)] == [
        MEMBER,
        f"a[0].{MEMBER}",
        f"d.{MEMBER}",
        f"d.e.{MEMBER}",
    ]
    assert said == {"a": [{"b": 1}, "c"], "d": {"e": {}}}


def test_a_reader_that_overlooks_one_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Careless:
        def read_request(self, body: bytes, path_model: str | None) -> Request:
            request = inner.read_request(body, path_model)
            request.extra = {}
            return request

    inner = CLIENTS[Format.CHAT]
    monkeypatch.setitem(CLIENTS, Format.CHAT, Careless())
    plain = msgspec.json.decode(msgspec.json.encode(SIDES[Format.CHAT].plain))
    assert lost_in(plain, Format.CHAT, Format.MESSAGES) == [MEMBER, f"messages[0].{MEMBER}"]
