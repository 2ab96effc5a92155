"""Heads of dialects that add headers and paths of their own."""

import pytest

from fastgate.domain.credential import AwsKeys, Secret
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.format import Format
from fastgate.domain.snapshot import Deployment, Provider
from fastgate.providers.common.head import HeadBuilder, host, segment, target
from fastgate.providers.interface import Header, RequestPlan

_heads = HeadBuilder(b"anthropic-")


def plan(*, secret: Secret | None = "s", headers: tuple[Header, ...] = ()) -> RequestPlan:
    return RequestPlan(
        method=b"POST",
        path="/v1/messages",
        endpoint=Endpoint.CHAT,
        format=Format.MESSAGES,
        translated=False,
        stream=False,
        provider=Provider(
            name="p",
            dialect="p",
            auth_header="x-api-key",
            auth_prefix="",
            headers=(("X-Configured", "1"),),
            query="q=1",
        ),
        deployment=Deployment(
            id="p/m", provider="p", model="m", upstream_model=None, base_url="http://h:1/b"
        ),
        model="m",
        secret=secret,
        content_type=b"",
        query="",
        headers=headers,
        heads={},
    )


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("gpt-4o", "gpt-4o"),
        ("a/../b", "a%2F..%2Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("x:predict", "x%3Apredict"),
        ("100%2F", "100%252F"),
        ("a b\r\n", "a%20b%0D%0A"),
        ("m@2", "m@2"),
        ("…", "%E2%80%A6"),
        ("..a", "..a"),
    ],
)
def test_a_models_name_is_one_segment(name: str, written: str) -> None:
    assert segment(name, "@") == written


@pytest.mark.parametrize("name", ["", ".", "..", "..."])
def test_a_models_name_is_no_step(name: str) -> None:
    with pytest.raises(ValueError, match="step"):
        segment(name)


def lines(planned: RequestPlan, *extra: Header, path: str = "/x", prefix: str = "") -> list[bytes]:
    return _heads.build(planned, path, b"", prefix=prefix, query="k=v", extra=extra).split(b"\r\n")


def test_the_target() -> None:
    planned = plan()
    first = lines(planned, path=":generate", prefix="/models/m")[0]
    assert first == b"POST /b/models/m:generate?q=1&k=v HTTP/1.1"
    assert target(planned, ":generate", prefix="/models/m", query="k=v") == first.split()[1]
    assert b"host: %b" % host(planned) in lines(planned)


def test_the_dialects_headers_win_over_the_clients_and_lose_to_the_configurations() -> None:
    client = ((b"Anthropic-Version", b"client"), (b"anthropic-beta", b"client"))
    own = ((b"anthropic-version", b"own"), (b"x-configured", b"own"))
    head = lines(plan(headers=client), *own)
    assert b"anthropic-version: own" in head
    assert b"anthropic-beta: client" in head
    assert b"x-configured: 1" in head
    names = [line.partition(b":")[0].lower() for line in head[1:-2]]
    assert len(names) == len(set(names))


def test_a_text_is_presented_and_what_signs_is_the_dialects_affair() -> None:
    own = (b"x-api-key", b"own")
    assert [line for line in lines(plan(), own) if b"api-key" in line] == [b"x-api-key: s"]
    keys = AwsKeys("id", "secret")
    head = lines(plan(secret=keys, headers=((b"x-api-key", b"client"),)), own)
    assert [line for line in head if b"api-key" in line] == [b"x-api-key: own"]
    assert not any(b"secret" in line for line in head)


@pytest.mark.parametrize("path", ["", "x", "/a b", "/\r\nx"])
def test_a_path_that_splits_the_request(path: str) -> None:
    with pytest.raises(ValueError, match="target"):
        lines(plan(), path=path)


@pytest.mark.parametrize("prefix", ["/a b", "/\r\nx", "/\u00e9"])
def test_a_prefix_that_splits_the_request(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"target|ascii"):
        lines(plan(), prefix=prefix)


def test_a_header_that_splits_the_request() -> None:
    with pytest.raises(ValueError, match="line break"):
        lines(plan(), (b"anthropic-version", b"1\r\nx: 2"))
