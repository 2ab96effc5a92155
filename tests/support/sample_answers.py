"""A whole answer of each provider's format with as much in it as it can have, as JSON values."""

from typing import Any, Final

from fastgate.domain.format import Format

ANSWERS: Final[dict[Format, Any]] = {
    Format.CHAT: {
        "id": "i",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "hi",
                    "refusal": None,
                    "reasoning_content": "t",
                    "annotations": [
                        {
                            "type": "url_citation",
                            "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 2},
                        }
                    ],
                    "tool_calls": [
                        {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
                    ],
                    "images": [
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
                    ],
                    "audio": {"id": "a"},
                },
                "logprobs": {
                    "content": [
                        {
                            "token": "a",
                            "logprob": -1.0,
                            "bytes": [97],
                            "top_logprobs": [{"token": "a", "logprob": -1.0, "bytes": None}],
                        }
                    ],
                    "refusal": None,
                },
                "finish_reason": "tool_calls",
            },
            {
                "index": 1,
                "message": {
                    "content": [
                        {"type": "thinking", "thinking": [{"text": "x"}]},
                        {"type": "text", "text": "y"},
                    ]
                },
                "finish_reason": "stop",
            },
        ],
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": 4,
            "total_tokens": 7,
            "prompt_tokens_details": {"cached_tokens": 1},
        },
        "service_tier": "default",
    },
    Format.MESSAGES: {
        "id": "i",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "t", "signature": "s"},
            {
                "type": "text",
                "text": "a",
                "citations": [
                    {
                        "type": "char_location",
                        "cited_text": "c",
                        "document_index": 0,
                        "document_title": "d",
                        "start_char_index": 0,
                        "end_char_index": 1,
                    }
                ],
            },
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
            {"type": "redacted_thinking", "data": "d"},
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 1,
            "output_tokens": 2,
            "cache_creation_input_tokens": 3,
            "cache_read_input_tokens": 4,
            "cache_creation": {"ephemeral_1h_input_tokens": 1},
            "server_tool_use": {"web_search_requests": 1},
            "service_tier": "standard",
        },
    },
    Format.GENERATE_CONTENT: {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "t", "thought": True},
                        {"text": "héllo", "thoughtSignature": "s"},
                        {"functionCall": {"name": "f", "args": {"a": 1}}},
                        {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
                        {"executableCode": {"code": "x"}},
                    ],
                },
                "finishReason": "STOP",
                "index": 0,
                "groundingMetadata": {
                    "groundingChunks": [{"web": {"uri": "u", "title": "t"}}],
                    "groundingSupports": [
                        {"segment": {"startIndex": 0, "endIndex": 3}, "groundingChunkIndices": [0]}
                    ],
                    "webSearchQueries": ["q"],
                },
                "citationMetadata": {"citations": [{"uri": "u", "startIndex": 0, "endIndex": 2}]},
                "logprobsResult": {
                    "chosenCandidates": [{"token": "a", "logProbability": -1}],
                    "topCandidates": [{"candidates": [{"token": "a", "logProbability": -1}]}],
                },
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 1,
            "candidatesTokenCount": 2,
            "thoughtsTokenCount": 3,
            "totalTokenCount": 6,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 1}],
        },
        "modelVersion": "gemini-3-pro",
        "responseId": "r",
    },
    Format.CONVERSE: {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"text": "x"},
                    {"reasoningContent": {"reasoningText": {"text": "t", "signature": "s"}}},
                    {"toolUse": {"toolUseId": "a", "name": "f", "input": {"a": 1}}},
                    {"citationsContent": {"content": [{"text": "x"}], "citations": [{"title": "t"}]}},
                    {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}},
                ],
            }
        },
        "stopReason": "tool_use",
        "usage": {
            "inputTokens": 1,
            "outputTokens": 2,
            "totalTokens": 3,
            "cacheReadInputTokens": 1,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 1}],
        },
        "metrics": {"latencyMs": 1},
        "additionalModelResponseFields": {"stop_sequence": "x"},
        "serviceTier": {"type": "flex"},
    },
    Format.COHERE_CHAT: {
        "id": "i",
        "message": {
            "role": "assistant",
            "content": [{"type": "text", "text": "x"}, {"type": "thinking", "thinking": "t"}],
            "tool_plan": "p",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            "citations": [
                {
                    "start": 0,
                    "end": 1,
                    "text": "x",
                    "type": "TEXT_CONTENT",
                    "sources": [{"type": "document", "document": {"url": "u", "title": "t"}}],
                }
            ],
        },
        "finish_reason": "COMPLETE",
        "usage": {
            "billed_units": {"input_tokens": 1, "output_tokens": 2},
            "tokens": {"input_tokens": 1, "output_tokens": 2},
        },
        "logprobs": [{"text": "x", "logprobs": [-1]}],
    },
    Format.OLLAMA_CHAT: {
        "model": "m",
        "message": {
            "role": "assistant",
            "content": "x",
            "thinking": "t",
            "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}],
        },
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 1,
        "eval_count": 2,
        "logprobs": [{"token": "a", "logprob": -1, "top_logprobs": []}],
    },
}
ANSWERS[Format.INVOKE] = ANSWERS[Format.MESSAGES]
