"""Whole answers, read and written."""

from typing import Any

import msgspec
import pytest
from google.genai import types
from tests.support.discovery import faults

from fastgate.domain.conversation import (
    Citation,
    Conversation,
    Foreign,
    Image,
    Refusal,
    Source,
    Text,
    Thinking,
    ToolUse,
)
from fastgate.domain.embedding import EmbeddingReply
from fastgate.domain.format import Format
from fastgate.domain.reply import Choice, Finish, Reply
from fastgate.domain.usage import Usage
from fastgate.wire.gemini import CLIENT, PROVIDER
from fastgate.wire.gemini.finish import READ, WRITTEN
from fastgate.wire.gemini.seal import opened
from fastgate.wire.interface import Asked, Losses
from fastgate.wire.seals import HERE, REDACTED

ASKED = Asked(
    request=Conversation(format=Format.GENERATE_CONTENT, messages=()),
    model="gemini-3-pro",
    fallback_id="r1",
    created_s=0,
    include_usage=False,
    path="/v1beta/models/gemini-3-pro:generateContent",
    query="",
)


def read(body: Any) -> Reply:
    return PROVIDER.read_answer(msgspec.json.encode(body))


def write(reply: Reply) -> Any:
    written = CLIENT.write_answer(reply, ASKED, Losses())
    answer = msgspec.json.decode(written)
    assert faults("gemini", "GenerateContentResponse", answer) == []
    types.GenerateContentResponse.model_validate_json(written)
    return answer


def candidate(*parts: Any, **fields: Any) -> Any:
    return {"content": {"parts": list(parts), "role": "model"}, "finishReason": "STOP", "index": 0, **fields}


def reply(*parts: Any, finish: Finish = Finish.STOP, **fields: Any) -> Reply:
    return Reply(id="a", model="m", choices=(Choice(parts=parts, finish=finish, **fields),))


def test_an_answer_as_gemini_3_gives_it() -> None:
    answer = read(
        {
            "candidates": [
                candidate(
                    {"text": "Let me see.", "thought": True},
                    {"text": "Sunny in "},
                    {
                        "functionCall": {"name": "f", "args": {"city": "Paris"}, "id": "abc"},
                        "thoughtSignature": "c2ln",
                    },
                    {"functionCall": {"name": "g"}},
                )
            ],
            "usageMetadata": {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 60,
                "candidatesTokenCount": 7,
                "thoughtsTokenCount": 5,
                "toolUsePromptTokenCount": 11,
                "totalTokenCount": 123,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 70},
                    {"modality": "AUDIO", "tokenCount": 10},
                    {"modality": "IMAGE", "tokenCount": 20},
                ],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 3}],
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 2}],
                "serviceTier": "priority",
            },
            "modelVersion": "gemini-3-pro-001",
            "responseId": "xyz",
        }
    )
    thinking, text, first, second = answer.choices[0].parts
    assert thinking == Thinking(text="Let me see.", format=Format.GENERATE_CONTENT)
    assert text == Text(text="Sunny in ")
    assert first == ToolUse(id="abc", name="f", arguments='{"city":"Paris"}', signature="c2ln")
    assert isinstance(second, ToolUse)
    assert second.id.startswith("call_")
    assert second.arguments == "{}"
    assert answer.choices[0].finish is Finish.TOOL_USE
    assert (answer.id, answer.model, answer.service_tier) == ("xyz", "gemini-3-pro-001", "priority")
    assert answer.usage == Usage(
        input_tokens=111,
        output_tokens=12,
        cached_input_tokens=60,
        reasoning_tokens=5,
        input_audio_tokens=10,
        input_image_tokens=20,
        cached_audio_tokens=3,
        output_image_tokens=2,
        service_tier="priority",
    )


def test_units_that_only_video_has() -> None:
    usage = {
        "promptTokenCount": 9,
        "promptTokensDetails": [{"modality": "VIDEO", "tokenCount": 5}],
        "toolUsePromptTokensDetails": [{"modality": "VIDEO", "tokenCount": 1}],
        "cacheTokensDetails": [{"modality": "IMAGE", "tokenCount": 2}, {"modality": "TEXT"}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 3}],
        "trafficType": "ON_DEMAND_FLEX",
    }
    answer = read({"candidates": [candidate({"text": "a"})], "usageMetadata": usage})
    assert answer.usage == Usage(
        input_tokens=9,
        cached_image_tokens=2,
        output_audio_tokens=3,
        other={"input_video_tokens": 6},
        service_tier="flex",
    )


def test_ids_never_meet_those_of_another_turn() -> None:
    body = {"candidates": [candidate({"functionCall": {"name": "f"}}, {"functionCall": {"name": "f"}})]}
    ids = [part.id for _ in range(20) for part in read(body).choices[0].parts if isinstance(part, ToolUse)]
    assert len(set(ids)) == 40


def test_a_blocked_prompt_has_no_candidates() -> None:
    answer = read({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}})
    assert answer.choices == (Choice(parts=(), finish=Finish.FILTERED),)
    assert answer.usage == Usage(input_tokens=3)


@pytest.mark.parametrize(
    "body",
    [{}, {"candidates": []}, {"candidates": [{"content": {"parts": [1]}}]}, {"candidates": 1}, []],
)
def test_what_is_no_answer(body: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read(body)


@pytest.mark.parametrize("reason", [each.value for each in types.FinishReason])
def test_every_finish_reason_of_the_sdk_is_known(reason: str) -> None:
    assert reason in READ
    assert read({"candidates": [candidate(finishReason=reason)]}).choices[0].finish is READ[reason]


@pytest.mark.parametrize("finish", Finish)
def test_every_finish_is_written_as_one_that_the_sdk_has(finish: Finish) -> None:
    answer = write(reply(Text(text="x"), finish=finish))
    assert answer["candidates"][0]["finishReason"] == WRITTEN[finish]
    types.FinishReason(WRITTEN[finish])


def test_an_answer_is_written_with_all_that_a_client_looks_for() -> None:
    answer = write(
        Reply(
            id="",
            model="",
            choices=(
                Choice(
                    parts=(
                        Thinking(text="hm", signature="c2ln", format=Format.GENERATE_CONTENT),
                        Text(text="a", signature="c2ln"),
                        Refusal(text="no"),
                        ToolUse(id="1", name="f", arguments='{"a": 1}', signature="c2ln"),
                        Image(source=Source(media_type="image/png", data="AAAA"), signature="c2ln"),
                        Foreign(
                            format=Format.GENERATE_CONTENT,
                            kind="codeExecutionResult",
                            raw=msgspec.Raw(b'{"codeExecutionResult":{"outcome":"OUTCOME_OK"}}'),
                        ),
                        Foreign(format=Format.MESSAGES, kind="x", raw=msgspec.Raw(b"{}")),
                    ),
                    finish=Finish.TOOL_USE,
                ),
                Choice(parts=(), finish=Finish.FILTERED),
            ),
            usage=Usage(
                input_tokens=10,
                output_tokens=9,
                cached_input_tokens=4,
                reasoning_tokens=5,
                input_audio_tokens=3,
                service_tier="default",
            ),
        )
    )
    assert answer == {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "hm", "thought": True, "thoughtSignature": "c2ln"},
                        {"text": "a", "thoughtSignature": "c2ln"},
                        {"text": "no"},
                        {
                            "functionCall": {"id": "1", "name": "f", "args": {"a": 1}},
                            "thoughtSignature": "c2ln",
                        },
                        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thoughtSignature": "c2ln"},
                        {"codeExecutionResult": {"outcome": "OUTCOME_OK"}},
                    ],
                },
                "finishReason": "STOP",
                "index": 0,
            },
            {"finishReason": "SAFETY", "index": 1},
        ],
        "usageMetadata": {
            "promptTokenCount": 10,
            "candidatesTokenCount": 4,
            "thoughtsTokenCount": 5,
            "totalTokenCount": 19,
            "cachedContentTokenCount": 4,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 7},
                {"modality": "AUDIO", "tokenCount": 3},
            ],
        },
        "modelVersion": "gemini-3-pro",
        "responseId": "r1",
    }


def test_another_formats_thinking_is_sealed_for_the_way_back() -> None:
    answer = write(
        reply(
            Thinking(text="hm", signature="ErUB", format=Format.MESSAGES),
            Thinking(redacted="xyz", format=Format.MESSAGES),
        )
    )
    first, second = answer["candidates"][0]["content"]["parts"]
    assert opened(first["thoughtSignature"]) == (Format.MESSAGES, "ErUB", HERE)
    assert (second["text"], opened(second["thoughtSignature"])) == ("", (Format.MESSAGES, "xyz", REDACTED))


def test_a_call_that_was_cut_off_is_left_out() -> None:
    cut = ToolUse(id="1", name="f", arguments='{"a": ')
    answer = write(reply(Text(text="x"), cut, finish=Finish.TOOL_USE))["candidates"][0]
    assert answer["finishReason"] == "MALFORMED_FUNCTION_CALL"
    assert answer["content"]["parts"] == [{"text": "x"}]
    assert write(reply(cut, finish=Finish.LENGTH))["candidates"][0] == {
        "finishReason": "MAX_TOKENS",
        "index": 0,
    }


def test_grounding_counts_bytes_and_citations_characters() -> None:
    text = "Grüße aus Köln."
    start, end = len("Grüße aus ".encode()), len(text.encode())
    answer = read(
        {
            "candidates": [
                candidate(
                    {"text": text[:4]},
                    {"text": text[4:]},
                    groundingMetadata={
                        "webSearchQueries": ["a", "b"],
                        "groundingChunks": [{"web": {"uri": "u1", "title": "t1"}}, {"web": {"uri": "u2"}}],
                        "groundingSupports": [
                            {
                                "segment": {"startIndex": start, "endIndex": end},
                                "groundingChunkIndices": [0, 1, 7],
                            }
                        ],
                    },
                )
            ],
            "usageMetadata": {"promptTokenCount": 1},
            "modelVersion": "gemini-3-pro",
        }
    )
    first, second = answer.choices[0].parts
    assert isinstance(first, Text)
    assert isinstance(second, Text)
    assert first.citations == ()
    assert [(each.url, each.title) for each in second.citations] == [("u1", "t1"), ("u2", None)]
    assert [text[each.start : each.end] for each in second.citations] == ["Köln.", "Köln."]
    assert answer.usage is not None
    assert answer.usage.web_searches == 2
    metadata = write(answer)["candidates"][0]["groundingMetadata"]
    assert metadata == {
        "groundingChunks": [{"web": {"uri": "u1", "title": "t1"}}, {"web": {"uri": "u2"}}],
        "groundingSupports": [
            {
                "segment": {"startIndex": start, "endIndex": end, "text": "Köln."},
                "groundingChunkIndices": [0],
            },
            {
                "segment": {"startIndex": start, "endIndex": end, "text": "Köln."},
                "groundingChunkIndices": [1],
            },
        ],
    }


def test_before_gemini_3_a_grounded_request_is_one_search() -> None:
    grounding = {"webSearchQueries": ["a", "b"]}
    answer = read(
        {
            "candidates": [candidate({"text": "x"}, groundingMetadata=grounding)],
            "usageMetadata": {"promptTokenCount": 1},
            "modelVersion": "gemini-2.5-flash",
        }
    )
    assert answer.usage is not None
    assert answer.usage.web_searches == 1


@pytest.mark.parametrize("name", ["citations", "citationSources"])
def test_recitations(name: str) -> None:
    sources = [{"uri": "u", "startIndex": 0, "endIndex": 3}, {"endIndex": 2}]
    answer = read({"candidates": [candidate({"text": "abcdef"}, citationMetadata={name: sources})]})
    (part,) = answer.choices[0].parts
    assert isinstance(part, Text)
    assert [(each.url, each.start, each.end) for each in part.citations] == [("u", 0, 3), (None, 0, 2)]


def test_a_quotation_from_a_document_is_retrieved_context() -> None:
    cited = Text(text="x", citations=(Citation(title="t", quoted="q"),))
    assert write(reply(cited))["candidates"][0]["groundingMetadata"] == {
        "groundingChunks": [{"retrievedContext": {"title": "t", "text": "q"}}]
    }


def test_probabilities() -> None:
    result = {
        "chosenCandidates": [{"token": "é", "logProbability": -0.5}, {"token": "b", "logProbability": -1.0}],
        "topCandidates": [
            {"candidates": [{"token": "é", "logProbability": -0.5}, {"token": "c", "logProbability": -2.0}]},
            {"candidates": [{"token": "b", "logProbability": -1.0}]},
        ],
    }
    answer = read({"candidates": [candidate({"text": "éb"}, logprobsResult=result)]})
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert msgspec.json.decode(logprobs) == {
        "content": [
            {
                "token": "é",
                "logprob": -0.5,
                "bytes": [195, 169],
                "top_logprobs": [
                    {"token": "é", "logprob": -0.5, "bytes": [195, 169]},
                    {"token": "c", "logprob": -2.0, "bytes": [99]},
                ],
            },
            {
                "token": "b",
                "logprob": -1.0,
                "bytes": [98],
                "top_logprobs": [{"token": "b", "logprob": -1.0, "bytes": [98]}],
            },
        ],
        "refusal": None,
    }
    assert write(answer)["candidates"][0]["logprobsResult"] == result


def test_an_answer_of_another_family_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError):
        CLIENT.write_answer(EmbeddingReply(id="", model="", vectors={}), ASKED, Losses())


def test_a_summary_reads_no_more_than_it_must() -> None:
    whole = PROVIDER.summary(
        msgspec.json.encode(
            {
                "candidates": [candidate({"text": 1}, groundingMetadata={"webSearchQueries": ["a"]})],
                "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2},
                "responseId": "x",
            }
        )
    )
    assert (whole.usage, whole.id) == (Usage(input_tokens=3, output_tokens=2, web_searches=1), "x")
    failed = PROVIDER.summary(b'[{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}]')
    assert (failed.failed, failed.message, failed.usage) == (429, "slow", None)
    assert PROVIDER.summary(b"{}") == (None, None, 0, "")
