"""Bodies as providers send them, and what each cost on 24 November 2026, worked out by hand.

The amounts are nano-USD, so a price of $2.50 a million tokens is 2,500 a token. Each case says where its
price stands; the shapes of usage are those of the providers' SDKs. The bodies of dialects that the gateway
does not read yet (Anthropic, Gemini, Bedrock) are given as the units that they are to become.
"""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.usage import Usage
from fastgate.pricing.book import PriceList
from fastgate.pricing.catalogue import installed
from fastgate.pricing.listing import Target, nanoseconds, prices_of
from fastgate.providers.openai.answer import read_answer

NOON: Final = datetime(2026, 11, 24, 12, tzinfo=UTC)
CATALOGUE: Final = installed()


class Case(NamedTuple):
    model: str
    cost: int
    body: dict[str, Any]
    endpoint: Endpoint = Endpoint.CHAT
    at: datetime = NOON


def cost_of(model: str, usage: Usage, at: datetime = NOON) -> int:
    base = CATALOGUE.find_like(model)
    assert base is not None
    prices = PriceList(prices_of(Target("p", model, None, (), base), (), CATALOGUE))
    tariff = prices.at(nanoseconds(at), usage.service_tier)
    assert tariff is not None
    return tariff.cost_nano(usage)


def chat(prompt: int, completion: int, cached: int = 0, reasoning: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "object": "chat.completion",
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0},
        },
        **more,
    }


CASES: Final = {
    # developers.openai.com/api/docs/pricing: gpt-4o $2.50, cached $1.25, output $10.
    "chat": Case("openai/gpt-4o", 1_117 * 2_500 + 46 * 10_000, chat(1_117, 46)),
    "cached": Case("openai/gpt-4o", 93 * 2_500 + 1_024 * 1_250 + 46 * 10_000, chat(1_117, 46, 1_024)),
    # The same page: gpt-5.1 $1.25, output $10, in which reasoning is.
    "reasoning": Case("openai/gpt-5.1", 75 * 1_250 + 1_186 * 10_000, chat(75, 1_186, reasoning=1_024)),
    # Flex is half of it: $0.625, cached $0.0625, output $5. 100 x 625 + 50 x 62.5 + 10 x 5,000.
    "flex": Case("openai/gpt-5.1", 115_625, chat(150, 10, 50, service_tier="flex")),
    "priority": Case("openai/gpt-5.1", 10 * 2_500 + 20_000, chat(10, 1, service_tier="priority")),
    "tier without a price": Case("openai/gpt-5.1", 10 * 1_250 + 10_000, chat(10, 1, service_tier="scale")),
    # gpt-5.6: $4, cached $0.40, cache writes $5, output $20.
    "cache write": Case(
        "openai/gpt-5.6",
        100 * 4_000 + 2_000 * 400 + 1_000 * 5_000 + 10 * 20_000,
        {
            "status": "completed",
            "usage": {
                "input_tokens": 3_100,
                "input_tokens_details": {"cached_tokens": 2_000, "cache_write_tokens": 1_000},
                "output_tokens": 10,
                "output_tokens_details": {"reasoning_tokens": 4},
                "total_tokens": 3_110,
            },
        },
        Endpoint.RESPONSES,
    ),
    # Web search $10 and file search $2.50 a thousand calls, beside the tokens of gpt-4o.
    "searches": Case(
        "openai/gpt-4o",
        1_000 * 2_500 + 100 * 10_000 + 2 * 10_000_000 + 2_500_000,
        {
            "status": "completed",
            "usage": {"input_tokens": 1_000, "output_tokens": 100, "total_tokens": 1_100},
            "output": [
                {"type": "web_search_call", "action": {"type": "search"}},
                {"type": "web_search_call", "action": {"type": "find_in_page"}},
                {"type": "web_search_call", "action": {"type": "search"}},
                {"type": "file_search_call"},
            ],
        },
        Endpoint.RESPONSES,
    ),
    # gpt-audio: text $2.50 in and $10 out, sound $32 in and $64 out.
    "sound": Case(
        "openai/gpt-audio",
        20 * 2_500 + 80 * 32_000 + 30 * 10_000 + 70 * 64_000,
        {
            "usage": {
                "prompt_tokens": 100,
                "completion_tokens": 100,
                "total_tokens": 200,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 80},
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 70},
            }
        },
    ),
    # gpt-image-1: text $5, images $10 in, images $40 out.
    "image": Case(
        "openai/gpt-image-1",
        50 * 5_000 + 194 * 10_000 + 1_056 * 40_000,
        {
            "created": 1,
            "data": [{"b64_json": "…"}],
            "usage": {
                "input_tokens": 244,
                "input_tokens_details": {"image_tokens": 194, "text_tokens": 50},
                "output_tokens": 1_056,
                "total_tokens": 1_300,
            },
        },
        Endpoint.IMAGES_EDITS,
    ),
    # text-embedding-3-small $0.02: 8 tokens are 160 nano-USD.
    "embeddings": Case(
        "openai/text-embedding-3-small",
        160,
        {"object": "list", "data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}},
        Endpoint.EMBEDDINGS,
    ),
    # whisper-1 $0.006 a minute, which is 100,000 nano-USD a second.
    "whisper": Case(
        "openai/whisper-1",
        850_000,
        {"text": "…", "usage": {"type": "duration", "seconds": 8.5}},
        Endpoint.AUDIO_TRANSCRIPTIONS,
    ),
    # console.groq.com/docs/models: whisper-large-v3 $0.111 an hour, ten seconds at least: 308,333.3.
    "a short sound at Groq": Case(
        "groq/whisper-large-v3", 308_333, {"text": "…", "duration": 2.1}, Endpoint.AUDIO_TRANSCRIPTIONS
    ),
    # gpt-4o-transcribe: text $2.50, sound $6, output $10.
    "transcript": Case(
        "openai/gpt-4o-transcribe",
        14 * 6_000 + 45 * 10_000,
        {
            "text": "…",
            "usage": {
                "type": "tokens",
                "input_tokens": 14,
                "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
                "output_tokens": 45,
                "total_tokens": 59,
            },
        },
        Endpoint.AUDIO_TRANSCRIPTIONS,
    ),
    # docs.x.ai/docs/models: grok-3-mini $0.30, output $0.50, reasoning beside it.
    "reasoning beside the output": Case(
        "xai/grok-3-mini",
        12 * 300 + 387 * 500,
        {
            "usage": {
                "prompt_tokens": 12,
                "completion_tokens": 1,
                "total_tokens": 399,
                "completion_tokens_details": {"reasoning_tokens": 386},
            }
        },
    ),
    # docs.perplexity.ai: sonar-deep-research $2, output $8, reasoning $3, citations $2, a search half a cent.
    "research": Case(
        "perplexity/sonar-deep-research",
        33 * 2_000 + 7_163 * 8_000 + 193_267 * 3_000 + 20_016 * 2_000 + 30 * 5_000_000,
        {
            "usage": {
                "prompt_tokens": 33,
                "completion_tokens": 7_163,
                "total_tokens": 7_196,
                "citation_tokens": 20_016,
                "num_search_queries": 30,
                "reasoning_tokens": 193_267,
            }
        },
    ),
    # The same page: sonar $1, output $1, and $12 a thousand calls in the largest search context.
    "a price for each call": Case("perplexity/sonar", 26_000 + 832_000 + 12_000_000, chat(26, 832)),
    # api-docs.deepseek.com/quick_start/pricing: deepseek-chat cached $0.07, else $0.27, output $1.10 …
    "by day": Case("deepseek/deepseek-chat", 36 * 270 + 64 * 70 + 10 * 1_100, chat(100, 10, 64)),
    # … and from 16:30 to 00:30 UTC $0.035, $0.135 and $0.55: 4,860 + 2,240 + 5,500.
    "by night": Case(
        "deepseek/deepseek-chat", 12_600, chat(100, 10, 64), at=datetime(2026, 11, 24, 16, 30, tzinfo=UTC)
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_cost_of_a_body(name: str) -> None:
    case = CASES[name]
    usage = read_answer(case.endpoint, msgspec.json.encode(case.body), stored=False).usage
    assert usage is not None
    assert cost_of(case.model, usage, case.at) == case.cost


def test_anthropic_with_both_caches_and_a_search() -> None:
    # anthropic.com/pricing#api: claude-sonnet-4-6 $3, read $0.30, written for 5 minutes $3.75, for an hour
    # $6, output $15, $10 a thousand searches. `input_tokens` of 50 is beside the others there.
    usage = Usage(
        input_tokens=50 + 2_000 + 300 + 100,
        cached_input_tokens=2_000,
        cache_write_tokens=300 + 100,
        cache_write_1h_tokens=100,
        output_tokens=500,
        web_searches=1,
    )
    expected = 50 * 3_000 + 2_000 * 300 + 300 * 3_750 + 100 * 6_000 + 500 * 15_000 + 10_000_000
    assert cost_of("anthropic/claude-sonnet-4-6", usage) == expected


def test_anthropic_in_a_batch() -> None:
    # platform.claude.com/docs/en/build-with-claude/batch-processing#pricing: half of it.
    usage = Usage(input_tokens=1_000, output_tokens=100, service_tier="batch")
    assert cost_of("anthropic/claude-sonnet-4-6", usage) == 1_000 * 1_500 + 100 * 7_500


def test_anthropic_at_bedrock_in_a_region() -> None:
    # aws.amazon.com/bedrock/pricing: a regional endpoint costs a tenth more, $3.30 and $16.50.
    usage = Usage(input_tokens=1_000, output_tokens=100)
    assert cost_of("aws/anthropic.claude-sonnet-4-6", usage) == 1_000 * 3_300 + 100 * 16_500


@pytest.mark.parametrize(
    ("prompt", "rates"), [(200_000, (1_250, 125, 10_000)), (200_001, (2_500, 250, 15_000))]
)
def test_gemini_with_thoughts_and_a_long_context(prompt: int, rates: tuple[int, int, int]) -> None:
    # ai.google.dev/gemini-api/docs/pricing: gemini-2.5-pro, prompts up to 200k tokens and above. Thoughts
    # (300) are beside the candidates (50) there, and the cached tokens inside the prompt.
    usage = Usage(
        input_tokens=prompt, cached_input_tokens=1_000, output_tokens=50 + 300, reasoning_tokens=300
    )
    plain, cached, output = rates
    assert cost_of("gemini/gemini-2.5-pro", usage) == (prompt - 1_000) * plain + 1_000 * cached + 350 * output


def test_gemini_with_sound() -> None:
    # The same page: gemini-2.5-flash $0.30, sound $1, cached $0.03 and $0.10, output $2.50.
    usage = Usage(
        input_tokens=1_000,
        input_audio_tokens=600,
        cached_input_tokens=300,
        cached_audio_tokens=200,
        output_tokens=10,
    )
    # 200 of cached sound, 100 of cached text, 400 of other sound, 300 of other text
    expected = 200 * 100 + 100 * 30 + 400 * 1_000 + 300 * 300 + 10 * 2_500
    assert cost_of("gemini/gemini-2.5-flash", usage) == expected


def test_pages_that_are_read() -> None:
    # mistral.ai/pricing/api: OCR $4 a thousand pages, $5 with annotations.
    assert cost_of("mistral/mistral-ocr-latest", Usage(pages=3)) == 12_000_000
    annotated = Usage(pages=3, other={"input_annotated_document_pages": 2})
    assert cost_of("mistral/mistral-ocr-latest", annotated) == 14_000_000


def test_speech_by_the_character() -> None:
    # developers.openai.com/api/docs/pricing: tts-1 $15 a million characters.
    assert cost_of("openai/tts-1", Usage(other={"input_characters": 43})) == 43 * 15_000
