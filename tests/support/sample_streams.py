"""A stream of each provider's format, as JSON values."""

from typing import Any, Final

from fastgate.domain.format import Format

STREAMS: Final[dict[Format, list[Any]]] = {
    Format.CHAT: [
        {
            "id": "i",
            "model": "m",
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
        },
        {"id": "i", "choices": [{"index": 0, "delta": {"reasoning_content": "t"}}]},
        {
            "id": "i",
            "choices": [
                {
                    "index": 0,
                    "delta": {
                        "content": "x",
                        "annotations": [{"type": "url_citation", "url_citation": {"url": "u"}}],
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
                }
            ],
        },
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {
                        "tool_calls": [
                            {
                                "index": 0,
                                "id": "c",
                                "type": "function",
                                "function": {"name": "f", "arguments": ""},
                            }
                        ]
                    },
                }
            ]
        },
        {
            "choices": [
                {"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]}}
            ]
        },
        {
            "choices": [
                {
                    "index": 1,
                    "delta": {
                        "content": "z",
                        "images": [{"image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}],
                    },
                }
            ]
        },
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
                    "finish_reason": "tool_calls",
                },
                {"index": 1, "delta": {"refusal": "no"}, "finish_reason": "stop"},
            ]
        },
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
    ],
    Format.MESSAGES: [
        {
            "type": "message_start",
            "message": {
                "id": "i",
                "model": "m",
                "usage": {"input_tokens": 1, "output_tokens": 1, "service_tier": "standard"},
            },
        },
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "t"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "citations_delta", "citation": {"type": "char_location", "cited_text": "c"}},
        },
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_stop", "index": 1},
        {
            "type": "content_block_start",
            "index": 2,
            "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 2,
            "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'},
        },
        {"type": "content_block_stop", "index": 2},
        {
            "type": "content_block_start",
            "index": 3,
            "content_block": {"type": "server_tool_use", "id": "t", "name": "f", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 3,
            "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'},
        },
        {"type": "content_block_stop", "index": 3},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 5},
        },
        {"type": "message_stop"},
    ],
    Format.GENERATE_CONTENT: [
        {
            "candidates": [{"content": {"parts": [{"text": "t", "thought": True}]}}],
            "modelVersion": "m",
            "responseId": "r",
        },
        {
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
    ],
    Format.CONVERSE: [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "t"}}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "s"}}}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "x"}}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"citation": {"title": "t"}}}),
        ("contentBlockStop", {"contentBlockIndex": 1}),
        (
            "contentBlockStart",
            {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "a", "name": "f"}}},
        ),
        ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"a":1}'}}}),
        ("contentBlockStop", {"contentBlockIndex": 2}),
        ("messageStop", {"stopReason": "tool_use", "additionalModelResponseFields": {"stop_sequence": "x"}}),
        (
            "metadata",
            {
                "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
                "serviceTier": {"type": "flex"},
            },
        ),
    ],
    Format.COHERE_CHAT: [
        {
            "type": "message-start",
            "id": "i",
            "delta": {"message": {"role": "assistant", "content": [], "tool_calls": []}},
        },
        {
            "type": "content-delta",
            "index": 0,
            "delta": {"message": {"content": {"text": "x"}}},
            "logprobs": {"text": "x", "logprobs": [-1]},
        },
        {
            "type": "citation-start",
            "index": 0,
            "delta": {
                "message": {
                    "citations": {
                        "start": 0,
                        "end": 1,
                        "sources": [{"type": "document", "document": {"url": "u"}}],
                    }
                }
            },
        },
        {
            "type": "tool-call-start",
            "index": 0,
            "delta": {"message": {"tool_calls": {"id": "c", "function": {"name": "f", "arguments": ""}}}},
        },
        {
            "type": "tool-call-delta",
            "index": 0,
            "delta": {"message": {"tool_calls": {"function": {"arguments": "{}"}}}},
        },
        {
            "type": "message-end",
            "delta": {
                "finish_reason": "COMPLETE",
                "usage": {"tokens": {"input_tokens": 1, "output_tokens": 1}},
            },
        },
    ],
    Format.OLLAMA_CHAT: [
        {"model": "m", "message": {"content": "x", "thinking": "t"}, "done": False},
        {
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
    ],
}
STREAMS[Format.INVOKE] = STREAMS[Format.MESSAGES]
"""Events; of Converse their names and payloads."""
