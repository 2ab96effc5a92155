"""The tags of a request: who may set which."""

from typing import Any

import msgspec
import pytest
from tests.support.till import Till, error_of
from tests.unit.pipeline.conftest import Open

from fastgate.errors import GatewayError
from fastgate.pipeline.tags import MAX_VALUE, tags_of

SETTINGS: dict[str, Any] = {
    "key": {"tags": {"env": "prod", "unit": "a"}},
    "tags": {"allowed": ["env", "feature", "user"]},
}


@pytest.fixture
async def till(opened: Open) -> Any:
    async with opened(**SETTINGS) as till:
        yield till


def tags(till: Till, header: str | None = None, metadata: dict[str, Any] | None = None) -> dict[str, str]:
    body = msgspec.json.encode({"model": "gpt", "metadata": metadata})
    headers = () if header is None else ((b"x-fastgate-tags", header.encode("latin-1")),)
    return tags_of(till.exchange(body, headers=headers))


async def test_without_a_word_they_are_the_keys_own(till: Till) -> None:
    assert tags(till) is till.key.tags
    assert tags(till, metadata={}) == {"env": "prod", "unit": "a"}


async def test_the_header_and_the_metadata_add_to_them(till: Till) -> None:
    assert tags(till, "feature=search") == {"env": "prod", "unit": "a", "feature": "search"}
    assert tags(till, " feature = search , user=u ")["user"] == "u"
    assert tags(till, metadata={"user": "m", "other": "x"}) == {"env": "prod", "unit": "a", "user": "m"}
    assert tags(till, "user=h", {"user": "m", "feature": "f"})["user"] == "h", "the header is the word"


async def test_the_keys_own_stand(till: Till) -> None:
    """Else a client would leave the budget that its key is under."""
    assert tags(till, "env=dev", {"env": "dev"})["env"] == "prod"


@pytest.mark.parametrize("metadata", [{"user": 7}, {"user": None}, {"user": "x" * (MAX_VALUE + 1)}])
async def test_metadata_that_is_no_tag_is_only_metadata(till: Till, metadata: dict[str, Any]) -> None:
    assert "user" not in tags(till, metadata=metadata)


@pytest.mark.parametrize(
    "header", ["", "feature", "feature=", "=x", "feature=a,,user=b", "feature=" + "x" * 65]
)
async def test_a_header_that_is_not_spelled_so(till: Till, header: str) -> None:
    with pytest.raises(GatewayError, match="name=value") as caught:
        tags(till, header)
    assert (caught.value.code, caught.value.param) == ("invalid_field", "x-fastgate-tags")


async def test_a_tag_that_is_not_allowed(till: Till) -> None:
    with pytest.raises(GatewayError, match="'unit' may not be set by a request; allowed: env, feature, user"):
        tags(till, "unit=b")


async def test_none_is_allowed_unless_it_is_configured(opened: Open) -> None:
    async with opened() as till:
        talk = await till.ask(headers=((b"x-fastgate-tags", b"a=b"),))
        status, code, message = error_of(talk)
        assert (status, code) == (400, "invalid_field")
        assert "allowed: none" in message
        assert (await till.ask(metadata={"a": "b"})).status == 200
        assert till.entry().opening.parties.tags == {}


async def test_more_than_a_record_takes(opened: Open) -> None:
    names = [f"tag{i}" for i in range(20)]
    async with opened(tags={"allowed": names}) as till:
        long = dict.fromkeys(names, "\N{GRINNING FACE}" * MAX_VALUE)
        status, code, message = error_of(await till.ask(metadata=long))
        assert (status, code) == (400, "invalid_field")
        assert "may take 768 bytes" in message
        assert (await till.ask(metadata=dict.fromkeys(names, "short"))).status == 200
