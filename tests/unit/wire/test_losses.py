"""What no format but one can say is named by the writers of all others."""

import msgspec
import pytest
from tests.support.wire_targets import target

from fastgate.domain.conversation import (
    Citation,
    Conversation,
    Image,
    Message,
    Part,
    Role,
    Source,
    Text,
    Tool,
)
from fastgate.domain.format import CONVERSATIONS, Format
from fastgate.errors import GatewayError
from fastgate.wire.chat import CLIENT as chat
from fastgate.wire.formats import PROVIDERS
from fastgate.wire.interface import Losses

WRITERS = sorted(CONVERSATIONS & PROVIDERS.keys())


def written(spoken: Format, request: Conversation) -> tuple[bytes, list[str]]:
    losses = Losses()
    body = PROVIDERS[spoken].write_request(request, target(), losses)
    return msgspec.json.encode(body), losses.names


def of_user(*parts: Part) -> Conversation:
    return Conversation(format=Format.CHAT, messages=(Message(role=Role.USER, parts=parts),))


def test_what_is_unknown_beside_a_tool_is_kept() -> None:
    tool = {"type": "function", "function": {"name": "f"}, "defer_loading": True}
    request = chat.read_request(msgspec.json.encode({"messages": [], "tools": [tool]}), None)
    assert isinstance(request.tools[0], Tool)
    assert request.tools[0].extra == {"defer_loading": msgspec.Raw(b"true")}


@pytest.mark.parametrize("spoken", WRITERS)
def test_what_only_another_format_says_of_a_tool(spoken: Format) -> None:
    asking = Format.MESSAGES if spoken is Format.CHAT else Format.CHAT
    tool = Tool(name="f", extra={"defer_loading": msgspec.Raw(b"true")})
    hello = Message(role=Role.USER, parts=(Text(text="Hi"),))
    body, lost = written(spoken, Conversation(format=asking, messages=(hello,), tools=(tool,)))
    assert lost == ["tools[0].defer_loading"]
    assert b"defer_loading" not in body


@pytest.mark.parametrize("spoken", WRITERS)
@pytest.mark.parametrize(
    ("url", "of"), [("s3://bucket/key", Format.CONVERSE), ("gs://bucket/key", Format.GENERATE_CONTENT)]
)
def test_places_in_a_cloud_are_for_its_own_models(spoken: Format, url: str, of: Format) -> None:
    body, lost = written(
        spoken, of_user(Text(text="Hi"), Image(source=Source(media_type="image/png", url=url)))
    )
    assert (url.encode() in body) is (spoken is of)
    assert lost == ([] if spoken is of else ["messages[0].content[1]"])


@pytest.mark.parametrize("spoken", WRITERS)
def test_citations_of_another_format(spoken: Format) -> None:
    citation = Citation(url="https://x", format=Format.RESPONSES)
    said = Message(role=Role.ASSISTANT, parts=(Text(text="so", citations=(citation,)),))
    hello = Message(role=Role.USER, parts=(Text(text="Hi"),))
    request = Conversation(format=Format.RESPONSES, messages=(hello, said, hello))
    body, lost = written(spoken, request)
    assert b"so" in body
    assert len(lost) == 1
    assert lost[0].endswith("citations")


@pytest.mark.parametrize("spoken", WRITERS)
def test_instructions_alone_are_something_to_answer(spoken: Format) -> None:
    system = Message(role=Role.SYSTEM, parts=(Text(text="Say hi"),))
    body, lost = written(spoken, Conversation(format=Format.CHAT, messages=(system,)))
    assert body.count(b"Say hi") == 1
    assert lost == []
    if spoken in (Format.MESSAGES, Format.INVOKE, Format.CONVERSE, Format.GENERATE_CONTENT):
        assert b'"role":"user"' in body


@pytest.mark.parametrize("parameters", [3, "{}", [], True])
def test_a_schema_that_is_none_is_refused(parameters: object) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    with pytest.raises(GatewayError) as caught:
        chat.read_request(msgspec.json.encode({"messages": [], "tools": [tool]}), None)
    assert caught.value.param == "tools[0].function.parameters"
