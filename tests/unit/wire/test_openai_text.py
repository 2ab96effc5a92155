import msgspec
import pytest

from fastgate.wire.openai_text import answer_text, delta_text, request_text


def _body(**members: object) -> bytes:
    return msgspec.json.encode(members)


def _event(**members: object) -> bytes:
    return b"data: " + msgspec.json.encode(members) + b"\n\n"


def _chunk(**delta: object) -> bytes:
    return _event(id="c", object="chat.completion.chunk", choices=[{"index": 0, "delta": delta}])


class TestRequests:
    def test_chat(self) -> None:
        text = request_text(
            _body(
                model="gpt-4o",
                messages=[
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "name": "ann", "content": "Hi"},
                ],
            )
        )
        assert sorted(text.pieces) == sorted(["system", "Be brief.", "user", "ann", "Hi"])
        assert text.tokens == 3 + 3 + 1 + 3  # each message, the name, the start of the answer

    def test_media_count_by_a_fixed_figure_and_their_base64_not_at_all(self) -> None:
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 9_000}}
        small = {"type": "image_url", "image_url": {"url": "https://x", "detail": "low"}}
        text = request_text(
            _body(messages=[{"role": "user", "content": [{"type": "text", "text": "See:"}, image, small]}])
        )
        assert text.pieces == ["user", "See:"]
        assert text.tokens == 3 + 3 + 765 + 85

    def test_tool_calls_their_results_and_definitions(self) -> None:
        tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
        text = request_text(
            _body(
                tools=tools,
                messages=[
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
                        ],
                    },
                    {"role": "tool", "tool_call_id": "1", "content": "42"},
                ],
            )
        )
        assert text.pieces == ["assistant", "f", '{"a":1}', "tool", "42", msgspec.json.encode(tools).decode()]

    def test_arguments_that_are_an_object_count_as_their_json(self) -> None:
        call = {"function": {"name": "f", "arguments": {"city": "Paris"}}}
        text = request_text(_body(messages=[{"role": "assistant", "tool_calls": [call]}]))
        assert text.pieces == ["assistant", "f", '{"city":"Paris"}']

    def test_responses(self) -> None:
        text = request_text(
            _body(
                instructions="Be brief.",
                input=[
                    {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
                    {"type": "function_call_output", "call_id": "1", "output": "42"},
                ],
            )
        )
        assert text.pieces == ["Be brief.", "user", "Hi", "42"]
        assert text.tokens == 3 + 3 + 3

    @pytest.mark.parametrize(
        ("members", "pieces", "tokens"),
        [
            ({"prompt": "Once"}, ["Once"], 0),
            ({"prompt": ["Once", "Twice"]}, ["Once", "Twice"], 0),
            ({"prompt": [1, 2, 3]}, [], 3),
            ({"input": "Hi"}, ["Hi"], 3),
            ({"input": [[15339, 1917], [1]]}, [], 3 + 3),
        ],
    )
    def test_plain_and_tokenized_input(
        self, members: dict[str, object], pieces: list[str], tokens: int
    ) -> None:
        assert request_text(_body(**members)) == (pieces, tokens)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{",
            b'{"messages":5}',
            b'{"messages":[5,null,"x",[[]],{"content":{"type":[]}}]}',
            b'{"messages":[{"role":1,"content":[{"type":{"a":1},"text":7}]}]}',
            b'{"input":{"text":' + b"[" * 500 + b"]" * 500 + b"}}",
        ],
    )
    def test_odd_bodies_raise_nothing(self, body: bytes) -> None:
        assert request_text(body).tokens >= 0


class TestDeltas:
    @pytest.mark.parametrize(
        ("event", "text"),
        [
            (_chunk(content="Hel"), "Hel"),
            (_chunk(role="assistant", content=""), ""),
            (_chunk(refusal="No."), "No."),
            (_chunk(reasoning_content="hm"), "hm"),
            (_chunk(reasoning="hm", reasoning_content="hm"), "hm"),
            (_chunk(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": '{"a'}}]), 'f{"a'),
            (_chunk(tool_calls=[{"index": 0, "custom": {"name": "f", "input": "x"}}]), "fx"),
            (_chunk(function_call={"name": "f", "arguments": "{}"}), "f{}"),
            (_chunk(audio={"id": "a", "data": "AAAA", "transcript": "yes"}), "yes"),
            (_chunk(content=[{"type": "text", "text": "Hi"}]), "Hi"),
            (_chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]), "hm"),
            (_event(choices=[{"index": 0, "text": "Once"}]), "Once"),
            (_event(choices=[{"text": "a"}, {"text": "b"}]), "ab"),
            (_event(choices=[], usage={"prompt_tokens": 1}), ""),
            (_event(type="response.output_text.delta", delta="Hi", sequence_number=4), "Hi"),
            (_event(type="response.function_call_arguments.delta", delta="{"), "{"),
            (_event(type="response.reasoning_summary_text.delta", delta="hm"), "hm"),
            (_event(type="response.audio.delta", delta="AAAA"), ""),
            (_event(type="response.output_text.done", text="Hi"), ""),
            (_event(type="response.completed", response={"output": [{"text": "Hi"}]}), ""),
            (b"data: [DONE]\n\n", ""),
            (b": ping\n\n", ""),
            (b"data: {nonsense\n\n", ""),
            (b'data: {"choices":[5,{"delta":7}]}\n\n', ""),
        ],
    )
    def test_what_an_event_adds(self, event: bytes, text: str) -> None:
        assert delta_text(event) == text


class TestAnswers:
    def test_chat_with_every_kind_of_content_and_several_choices(self) -> None:
        message = {
            "role": "assistant",
            "content": "Hello",
            "reasoning_content": "hm",
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        }
        body = _body(choices=[{"message": message}, {"message": {"role": "assistant", "content": " Bye"}}])
        assert answer_text(body) == "hmHellof{} Bye"

    def test_legacy_completions_and_transcripts(self) -> None:
        assert answer_text(_body(choices=[{"text": "Once"}])) == "Once"
        assert answer_text(_body(text="spoken")) == "spoken"

    def test_responses(self) -> None:
        output = [
            {
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": "hm"}],
                "encrypted_content": "A",
            },
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
            {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
        ]
        assert answer_text(_body(output=output, status="completed")) == "hmHellof{}"

    @pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"choices":{"a":1},"output":7}'])
    def test_odd_bodies_raise_nothing(self, body: bytes) -> None:
        assert answer_text(body) == ""
