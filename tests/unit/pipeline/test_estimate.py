"""What is billed where the provider does not say what it consumed."""

from typing import Any

import pytest
from tests.support import replies
from tests.support.builders import chat_completion, chat_events, sse
from tests.support.fake_provider import FakeProvider
from tests.support.till import Till
from tests.unit.pipeline.conftest import Open

from fastgate.domain.usage import Usage
from fastgate.pipeline.estimate import KEPT_TEXT, Delivered
from fastgate.providers import token_count
from fastgate.wire.envelope import SAMPLE
from fastgate.wire.openai_text import delta_text

TEXT = "The quick brown fox jumps over the lazy dog. "
MODEL = "gpt-4o"


def event(text: str) -> bytes:
    return sse({"choices": [{"index": 0, "delta": {"content": text}}]})


def test_the_text_of_a_stream_is_counted() -> None:
    delivered = Delivered()
    assert delivered.tokens(MODEL) == 0
    for piece in (TEXT[:7], TEXT[7:], ""):
        delivered.add(delta_text(event(piece)))
    assert delivered.tokens(MODEL) == token_count.count(TEXT, MODEL)


def test_what_came_since_the_provider_last_reported() -> None:
    delivered = Delivered()
    delivered.reported()
    assert delivered.unreported(MODEL) == 0
    delivered.add(TEXT)
    assert delivered.unreported(MODEL) == delivered.tokens(MODEL) > 0
    delivered.reported()
    assert delivered.unreported(MODEL) == 0
    delivered.add(TEXT)
    assert delivered.unreported(MODEL) == -(-delivered.tokens(MODEL) // 2)


def test_what_frames_a_stream_is_no_text() -> None:
    delivered = Delivered()
    for piece in (b": ping\n\n", b"data: [DONE]\n\n", b"data: {broken\n\n", sse({"choices": []})):
        delivered.add(delta_text(piece))
    assert delivered.tokens(MODEL) == 0


def test_a_long_stream_is_counted_in_proportion_and_not_kept() -> None:
    delivered = Delivered()
    piece = TEXT * 100
    for _ in range(100):
        delivered.add(delta_text(event(piece)))
    exact = token_count.count(piece, MODEL) * 100
    assert delivered.tokens(MODEL) == pytest.approx(exact, rel=0.01)
    assert len(delivered._kept) < KEPT_TEXT + len(piece) + 1


def test_a_long_stream_of_other_scripts() -> None:
    """Bytes and characters differ: a cut in the middle of one is no defect."""
    delivered = Delivered()
    for _ in range(40_000):
        delivered.add(delta_text(event("\u4f60\u597d")))
    assert 0 < delivered.tokens(MODEL) <= 80_000


# --- with the gateway ---------------------------------------------------------------------------------


def usage(till: Till) -> Usage:
    closing = till.entry().closing
    assert closing.estimated
    return closing.usage


async def test_an_answer_without_usage(opened: Open, provider: FakeProvider) -> None:
    answer = chat_completion(TEXT)
    del answer["usage"]
    provider.script(replies.json_reply(answer))
    async with opened() as till:
        assert (await till.ask()).status == 200
        found = usage(till)
        assert found.output_tokens == token_count.count(TEXT, "gpt")
        assert 3 < found.input_tokens < 20


async def test_a_stream_without_usage(opened: Open, provider: FakeProvider) -> None:
    pieces = [TEXT, TEXT, TEXT]
    provider.script(replies.sse_reply(chat_events(pieces, with_usage=False)))
    async with opened() as till:
        assert (await till.ask(stream=True)).complete
        found = usage(till)
        assert found.output_tokens == token_count.count("".join(pieces), "gpt")


async def test_a_stream_in_one_piece(opened: Open, provider: FakeProvider) -> None:
    """All events in the first chunk: what is held back until the first content counts, and once."""
    body = b"".join(chat_events([TEXT, TEXT], with_usage=False))
    provider.script(replies.sse_reply([body]))
    async with opened() as till:
        assert (await till.ask(stream=True)).complete
        assert usage(till).output_tokens == token_count.count(TEXT * 2, "gpt")


async def test_the_prompt_of_a_stream_whose_body_is_not_kept(opened: Open, provider: FakeProvider) -> None:
    """Of a long one its first part is, and the rest is taken in proportion."""
    provider.script(replies.sse_reply(chat_events(with_usage=False)))
    prompt = TEXT * 2_000
    async with opened() as till:
        await till.ask(stream=True, messages=[{"role": "user", "content": prompt}])
        assert len(prompt) > 5 * SAMPLE
        exact = token_count.count(prompt, "gpt")
        assert usage(till).input_tokens == pytest.approx(exact, rel=0.02)


async def test_an_upload_is_billed_as_it_was_held(opened: Open, provider: FakeProvider) -> None:
    """What a file takes is known to the provider alone."""
    provider.script(replies.json_reply({"text": TEXT}), path="/v1/audio/transcriptions")
    part = b"--x\r\ncontent-disposition: form-data; name="
    form = part + b'"model"\r\n\r\ngpt\r\n' + part + b'"file"; filename="a"\r\n\r\nabc\r\n--x--\r\n'
    async with opened() as till:
        talk = await till.upload("/v1/audio/transcriptions", form, b"multipart/form-data; boundary=x")
        assert talk.status == 200, talk.answer
        entry = till.entry()
        assert usage(till).input_tokens == entry.opening.input_tokens > 0


async def test_usage_that_is_there_is_not_estimated(opened: Open, provider: FakeProvider) -> None:
    body: dict[str, Any] = chat_completion(TEXT, prompt_tokens=1, completion_tokens=2)
    provider.script(replies.json_reply(body))
    async with opened() as till:
        await till.ask()
        closing = till.entry().closing
        assert not closing.estimated
        assert (closing.usage.input_tokens, closing.usage.output_tokens) == (1, 2)
