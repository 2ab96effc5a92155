"""Thoughts that come back in pieces."""

from fastgate.domain.conversation import Message, Role, Text, Thinking
from fastgate.domain.format import Format
from fastgate.wire.gemini.thoughts import with_whole_thoughts

OWN = Format.GENERATE_CONTENT


def model(*parts: Thinking | Text) -> Message:
    return Message(role=Role.ASSISTANT, parts=parts)


def thought(text: str) -> Thinking:
    return Thinking(text=text, format=OWN)


def sealed(text: str = "", by: Format = Format.MESSAGES) -> Thinking:
    return Thinking(text=text, signature="s", format=by)


SAID = Text(text="Hello")
USER = Message(role=Role.USER, parts=(SAID,))


def whole_thoughts(*messages: Message) -> tuple[Message, ...]:
    places = [f"contents[{index}].parts" for index in range(len(messages))]
    return with_whole_thoughts(messages, places)[0]


def test_pieces_in_one_content_and_in_several_are_one_thought() -> None:
    whole = sealed("ab c")
    assert whole_thoughts(model(thought("a"), thought("b"), sealed(" c"), SAID)) == (model(whole, SAID),)
    streamed = (USER, model(thought("a")), model(thought("b")), model(sealed(" c")), model(SAID))
    assert whole_thoughts(*streamed) == (USER, model(whole), model(SAID))


def test_what_is_left_is_found_where_it_was() -> None:
    messages = (USER, model(thought("a")), model(thought("b"), sealed(" c"), SAID))
    assert with_whole_thoughts(messages, ("x", "y", "z")) == (
        (USER, model(sealed("ab c"), SAID)),
        (("x[0]",), ("z[1]", "z[2]")),
    )
    assert with_whole_thoughts((USER,), ("x",)) == ((USER,), ("x",))


def test_each_seal_has_its_own_pieces() -> None:
    parts = (thought("a"), sealed(), thought("b"), sealed())
    assert whole_thoughts(model(*parts)) == (model(sealed("a"), sealed("b")),)


def test_what_belongs_to_no_seal_stays() -> None:
    for messages in (
        (model(thought("a"), thought("b"), SAID),),
        (model(thought("a"), SAID, sealed("b")),),
        (model(thought("a")), USER, model(sealed("b"))),
        (model(thought("a"), sealed("b", OWN)),),
        (model(thought("a"), Thinking(redacted="r", format=Format.MESSAGES), sealed("b")),),
        (Message(role=Role.ASSISTANT, parts=()), model(sealed("b"))),
    ):
        assert whole_thoughts(*messages) == messages
