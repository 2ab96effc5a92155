"""The tool that asks another model."""

import msgspec
import pytest

from fastgate.errors import GatewayError
from fastgate.wire.messages.advisor import refuse_advisor

TOOL = {"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-4-6"}


@pytest.mark.parametrize(
    "body",
    [
        msgspec.json.encode({"tools": [{"name": "f", "input_schema": {}}, TOOL]}),
        msgspec.json.encode({"provider_options": {"anthropic": {"tools": [TOOL]}}}),
        b'{"tools":[{"type":"\\u0061dvisor_20260301","model":"m"}]}',
        b'{"tools":[{"\\u0074ype":"advisor\\u005f20260301","model":"m"}]}',
    ],
)
def test_it_is_refused(body: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        refuse_advisor(body)
    assert (caught.value.code, caught.value.param) == ("invalid_field", "tools")


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        msgspec.json.encode({"messages": [{"role": "user", "content": "advisor_ \u00e9"}, TOOL]}),
        msgspec.json.encode({"tools": [{"type": "custom", "name": "advisor_x", "input_schema": {}}]}),
        b'{"tools":[1e999],"x":"advisor_"}',
    ],
)
def test_all_else_is_not(body: bytes) -> None:
    refuse_advisor(body)
