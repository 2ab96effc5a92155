"""Which of a provider's headers come back, and what may stand in ours."""

import pytest

from fastgate.pipeline.destination import header_value
from fastgate.pipeline.headers import relayed


def test_what_comes_back_and_under_which_name() -> None:
    given = {
        b"content-type": b"application/json",
        b"x-request-id": b"req-1",
        b"openai-processing-ms": b"12",
        b"x-ratelimit-remaining-tokens": b"9",
        b"content-length": b"5",
        b"transfer-encoding": b"chunked",
        b"connection": b"keep-alive",
        b"set-cookie": b"a=b",
        b"server": b"them",
        b"location": b"http://inside.example",
        b"retry-after": b"1",
        b"openai-organization": b"org",
        b"x-fastgate-provider": b"forged",
    }
    assert dict(relayed(list(given.items()))) == {
        b"content-type": b"application/json",
        b"x-fastgate-upstream-request-id": b"req-1",
        b"openai-processing-ms": b"12",
        b"x-upstream-ratelimit-remaining-tokens": b"9",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("openai/gpt-4o", b"openai/gpt-4o"),
        ("a\r\nx-evil: 1", b"a??x-evil: 1"),
        ("modèle", b"mod?le"),
        ("tab\tnul\0del\x7f", b"tab?nul?del?"),
        ("", b""),
    ],
)
def test_a_value_cannot_split_the_head(text: str, value: bytes) -> None:
    assert header_value(text) == value
