"""A request of each format with as much in it as it can have, as JSON values."""

from typing import Any, Final

from fastgate.domain.format import Format

REQUESTS: Final[dict[Format, Any]] = {
    Format.CHAT: {
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {
                "role": "user",
                "name": "bob",
                "content": [
                    {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                    {
                        "type": "image_url",
                        "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "high"},
                    },
                    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                    {
                        "type": "file",
                        "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "x.pdf"},
                    },
                    {"type": "video_url", "video_url": {"url": "https://x/y.mp4"}},
                    {"type": "weird", "x": 1},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "reasoning_content": "t",
                "thinking_blocks": [
                    {"type": "thinking", "thinking": "t", "signature": "fastgate.generate_content.ahead.xyz"},
                    {"type": "redacted_thinking", "data": "zz"},
                ],
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "f", "arguments": '{"a":1}'},
                        "extra_content": {"google": {"thought_signature": "s"}},
                    },
                    {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "free"}},
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "r1"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "x"}]},
            {"role": "user", "content": "go"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "d",
                    "parameters": {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}},
                    "strict": True,
                },
            },
            {"type": "custom", "custom": {"name": "g", "format": {"type": "text"}}},
            {"type": "web"},
        ],
        "tool_choice": {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
        },
        "max_tokens": 9000,
        "temperature": 1.5,
        "top_p": 0.5,
        "top_k": 3,
        "seed": 4,
        "stop": ["a", " "],
        "n": 2,
        "logprobs": True,
        "top_logprobs": 2,
        "logit_bias": {"1": 2},
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "n",
                "schema": {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}},
                "strict": True,
            },
        },
        "reasoning_effort": "high",
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "verbosity": "low",
        "service_tier": "flex",
        "user": "u",
        "metadata": {"a": "b"},
        "store": True,
        "prompt_cache_key": "k",
        "provider_options": {"gemini": {"x": {"y": 1}}},
        "extra_thing": [1],
    },
    Format.COMPLETIONS: {
        "model": "m",
        "prompt": "p",
        "max_tokens": 5,
        "logprobs": 2,
        "stop": "x",
        "echo": True,
    },
    Format.RESPONSES: {
        "model": "m",
        "instructions": "i",
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "x"},
                    {"type": "input_image", "image_url": "https://x/y.png"},
                    {"type": "input_file", "file_data": "data:application/pdf;base64,AAAA", "filename": "a"},
                ],
            },
            {
                "type": "reasoning",
                "id": "r",
                "summary": [{"type": "summary_text", "text": "t"}],
                "encrypted_content": "fastgate.messages.here.sig",
            },
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "o"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "z"},
            {
                "type": "custom_tool_call_output",
                "call_id": "c2",
                "output": [{"type": "input_text", "text": "q"}],
            },
            {
                "type": "message",
                "role": "assistant",
                "content": [
                    {
                        "type": "output_text",
                        "text": "a",
                        "annotations": [
                            {
                                "type": "url_citation",
                                "url": "u",
                                "title": "t",
                                "start_index": 0,
                                "end_index": 1,
                            }
                        ],
                    },
                    {"type": "refusal", "refusal": "no"},
                ],
            },
            {"type": "mcp_call", "x": 1},
        ],
        "tools": [
            {
                "type": "function",
                "name": "f",
                "parameters": {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}},
                "strict": True,
            },
            {
                "type": "custom",
                "name": "g",
                "format": {"type": "grammar", "syntax": "lark", "definition": "x"},
            },
            {"type": "web_search"},
        ],
        "tool_choice": {"type": "function", "name": "f"},
        "text": {
            "format": {
                "type": "json_schema",
                "name": "n",
                "schema": {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}},
            },
            "verbosity": "low",
        },
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "metadata": {"a": "b"},
        "max_output_tokens": 100,
        "top_logprobs": 1,
    },
    Format.MESSAGES: {
        "model": "m",
        "max_tokens": 4000,
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "x"},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
                    },
                    {
                        "type": "document",
                        "source": {"type": "content", "content": [{"type": "text", "text": "q"}]},
                        "title": "t",
                        "context": "c",
                        "citations": {"enabled": True},
                    },
                    {
                        "type": "document",
                        "source": {"type": "text", "media_type": "text/plain", "data": "hi"},
                    },
                    {
                        "type": "search_result",
                        "source": "u",
                        "title": "t",
                        "content": [{"type": "text", "text": "x"}],
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "t", "signature": "fastgate.generate_content.ahead.abc"},
                    {"type": "redacted_thinking", "data": "d"},
                    {
                        "type": "text",
                        "text": "a",
                        "citations": [
                            {
                                "type": "web_search_result_location",
                                "cited_text": "c",
                                "url": "u",
                                "title": "t",
                                "encrypted_index": "e",
                            }
                        ],
                    },
                    {
                        "type": "tool_use",
                        "id": "t1",
                        "name": "f",
                        "input": {"a": 1},
                        "caller": {"type": "direct"},
                    },
                    {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t1",
                        "content": [
                            {"type": "text", "text": "r"},
                            {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
                        ],
                        "is_error": True,
                    }
                ],
            },
            {"role": "system", "content": "late"},
        ],
        "tools": [
            {
                "name": "f",
                "input_schema": {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}},
                "description": "d",
                "strict": True,
                "defer_loading": True,
                "cache_control": {"type": "ephemeral", "ttl": "1h"},
            },
            {"type": "web_search_20250305", "name": "web_search"},
        ],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "output_config": {
            "effort": "low",
            "format": {
                "type": "json_schema",
                "schema": {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}},
            },
            "z": 1,
        },
        "metadata": {"user_id": "u"},
        "temperature": 0.3,
        "top_k": 4,
        "stop_sequences": ["x"],
        "service_tier": "auto",
        "context_management": {"edits": []},
    },
    Format.GENERATE_CONTENT: {
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": "x"},
                    {
                        "inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="},
                        "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
                    },
                    {
                        "fileData": {"mimeType": "video/mp4", "fileUri": "https://youtu.be/x"},
                        "videoMetadata": {"fps": 1},
                    },
                ],
            },
            {
                "role": "model",
                "parts": [
                    {
                        "text": "t",
                        "thought": True,
                        "thoughtSignature": "ZmFzdGdhdGUubWVzc2FnZXMuc2lnbmF0dXJlLmFiYw==",
                    },
                    {
                        "functionCall": {"name": "f", "args": {"a": 1}},
                        "thoughtSignature": "skip_thought_signature_validator",
                    },
                    {"executableCode": {"code": "x"}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {
                        "functionResponse": {
                            "name": "f",
                            "response": {"output": "r"},
                            "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}],
                        }
                    }
                ],
            },
        ],
        "systemInstruction": {"parts": [{"text": "s"}]},
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "f",
                        "description": "d",
                        "parameters": {
                            "type": "OBJECT",
                            "properties": {"a": {"type": "STRING", "nullable": True}},
                            "propertyOrdering": ["a"],
                        },
                        "behavior": "x",
                    }
                ]
            },
            {"googleSearch": {}},
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}, "z": 1},
        "generationConfig": {
            "temperature": 0.3,
            "topK": 3,
            "candidateCount": 2,
            "maxOutputTokens": "300",
            "stopSequences": ["x"],
            "seed": 3,
            "responseLogprobs": True,
            "logprobs": 2,
            "responseMimeType": "application/json",
            "responseSchema": {"type": "OBJECT"},
            "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 1000},
            "q": 1,
        },
        "labels": {"a": "b"},
        "serviceTier": "flex",
        "safetySettings": [],
    },
    Format.CONVERSE: {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": "x"},
                    {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}},
                    {
                        "document": {
                            "format": "pdf",
                            "name": "n",
                            "source": {"s3Location": {"uri": "s3://b/k"}},
                        }
                    },
                    {"cachePoint": {"type": "default"}},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "t", "signature": "s"}}},
                    {"reasoningContent": {"redactedContent": "AAAA"}},
                    {"toolUse": {"toolUseId": "a", "name": "f", "input": {"a": 1}}},
                    {
                        "citationsContent": {
                            "content": [{"text": "x"}],
                            "citations": [{"title": "t", "location": {"web": {"url": "u"}}}],
                        }
                    },
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "toolResult": {
                            "toolUseId": "a",
                            "content": [{"json": {"a": 1}}, {"text": "x"}],
                            "status": "error",
                        }
                    }
                ],
            },
        ],
        "system": [{"text": "s"}, {"guardContent": {"text": {"text": "x"}}}],
        "inferenceConfig": {"maxTokens": 100, "temperature": 0.2, "topP": 0.3, "stopSequences": ["x"]},
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "f",
                        "description": "d",
                        "inputSchema": {
                            "json": {
                                "type": "object",
                                "properties": {"a": {"type": "string", "minLength": 2}},
                            }
                        },
                        "strict": True,
                    }
                },
                {"cachePoint": {"type": "default"}},
            ],
            "toolChoice": {"tool": {"name": "f"}},
        },
        "additionalModelRequestFields": {
            "thinking": {"type": "enabled", "budget_tokens": 2000},
            "top_k": 3,
            "z": 1,
        },
        "outputConfig": {
            "textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "n"}},
            }
        },
        "serviceTier": {"type": "flex"},
        "requestMetadata": {"a": "b"},
        "guardrailConfig": {},
    },
}
REQUESTS[Format.INVOKE] = {
    **{name: value for name, value in REQUESTS[Format.MESSAGES].items() if name != "model"},
    "anthropic_version": "bedrock-2023-05-31",
    "anthropic_beta": ["x"],
}
