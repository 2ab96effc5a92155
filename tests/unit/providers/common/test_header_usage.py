"""What Bedrock's InvokeModel says of usage in headers."""

import pytest

from fastgate.domain.usage import Usage
from fastgate.providers.common.header_usage import of_tier, usage_in

INPUT = b"x-amzn-bedrock-input-token-count"
OUTPUT = b"x-amzn-bedrock-output-token-count"


def test_counts() -> None:
    assert usage_in([(INPUT, b"12"), (b"x", b"9"), (OUTPUT, b"3")]) == Usage(input_tokens=12, output_tokens=3)
    assert usage_in([(INPUT, b"12")]) == Usage(input_tokens=12)


@pytest.mark.parametrize("value", [b"", b"-1", b"1.5", b"x", b"9" * 5_000])
def test_what_is_no_count(value: bytes) -> None:
    assert usage_in([(INPUT, value)]) is None


def test_the_tier() -> None:
    usage = Usage(input_tokens=1)
    assert of_tier(usage, b"priority") == Usage(input_tokens=1, service_tier="priority")
    assert of_tier(usage, None) is usage
    assert of_tier(None, b"priority") is None
