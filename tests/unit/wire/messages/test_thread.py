"""A thread is refused where nobody holds it, in the words after which Anthropic's SDK does without."""

from typing import Any

import anthropic
import msgspec
import pytest
from anthropic.lib.threads import _thread_state
from tests.support.messages_schema import read_by_sdk

from fastgate.errors import GatewayError
from fastgate.wire.interface import Problem
from fastgate.wire.messages import CLIENT
from fastgate.wire.messages.hosted import Host, hosted
from fastgate.wire.messages.thread import refuse_thread

CREATE = {"type": "create"}
CONTINUE = {"type": "continue", "previous_message_id": "msg_1"}


def body(**more: Any) -> bytes:
    messages = [{"role": "user", "content": "hi"}]
    return msgspec.json.encode({"model": "m", "max_tokens": 9, "messages": messages, **more})


@pytest.mark.parametrize("thread", [CREATE, CONTINUE])
def test_refused_by_the_reader(thread: dict[str, str]) -> None:
    with pytest.raises(GatewayError) as refused:
        CLIENT.read_request(body(thread=thread), None)
    assert (refused.value.code, refused.value.param) == ("unsupported_field", "thread")


@pytest.mark.parametrize("host", Host)
def test_refused_for_the_clouds(host: Host) -> None:
    with pytest.raises(GatewayError):
        hosted(msgspec.json.decode(body(thread=CREATE), type=dict[str, msgspec.Raw]), host)


@pytest.mark.parametrize("said", [{}, {"thread": None}])
def test_none_is_none(said: dict[str, None]) -> None:
    CLIENT.read_request(body(**said), None)
    refuse_thread(msgspec.json.decode(body(**said), type=dict[str, msgspec.Raw]))


def test_the_sdk_takes_it_for_what_the_api_says() -> None:
    problem = Problem(400, "M.", type="t", code="unsupported_field", param="thread", request_id="r-1")
    with pytest.raises(anthropic.BadRequestError) as caught:
        read_by_sdk(CLIENT.write_problem(problem)[1], 400)
    assert _thread_state._unsupported_features(caught.value) == []


def test_other_errors_have_no_details() -> None:
    problem = Problem(400, "M.", type="t", code="unsupported_field", param="top_k", request_id="r-1")
    with pytest.raises(anthropic.BadRequestError) as caught:
        read_by_sdk(CLIENT.write_problem(problem)[1], 400)
    assert _thread_state._unsupported_features(caught.value) is None
