"""Bedrock's Converse: how a request says each feature."""

from typing import Any, Final

import msgspec

from fastgate.wire.reference.samples import (
    ARGUMENTS,
    ASKED,
    FILM,
    PDF,
    PIXEL,
    PLAIN,
    SCHEMA,
    SOUND,
    TWO_TEXTS,
    Said,
)

_USER: Final = {"role": "user", "content": [{"text": ASKED}]}
_SPEC: Final = {"name": "look", "description": "Looks.", "inputSchema": {"json": SCHEMA}}
_TOOLS: Final[list[dict[str, Any]]] = [{"toolSpec": _SPEC}, {"toolSpec": {**_SPEC, "name": "hear"}}]
_ANSWER: Final = {"role": "assistant", "content": [{"text": "It is red."}]}
_PIXEL: Final = {"image": {"format": "png", "source": {"bytes": PIXEL}}}
_TEXT: Final = {"format": "txt", "name": "it", "source": {"bytes": "QSB0ZXh0IG9mIGl0cyBvd24u"}}


def _with(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [*parts, {"text": ASKED}]}]}


def _called(*results: Any, **more: Any) -> dict[str, Any]:
    calls = [
        {"toolUse": {"toolUseId": f"call_{index}", "name": name, "input": ARGUMENTS}}
        for index, name in zip(range(len(results)), ("look", "hear"), strict=False)
    ]
    answers = [
        {"toolResult": {"toolUseId": f"call_{index}", "content": [result], **more}}
        for index, result in enumerate(results)
    ]
    turns = [_USER, {"role": "assistant", "content": calls}, {"role": "user", "content": answers}]
    return {"toolConfig": {"tools": _TOOLS}, "messages": turns}


def _chosen(choice: Any) -> dict[str, Any]:
    return {"toolConfig": {"tools": _TOOLS, "toolChoice": choice}}


def _thinking(value: Any) -> dict[str, Any]:
    return {"additionalModelRequestFields": {"thinking": value}}


PLAIN_REQUEST: Final = {"messages": [_USER]}

SAID: Final[Said] = {
    "system message": {"system": [{"text": "Be brief."}]},
    "several turns": {"messages": [_USER, _ANSWER, _USER]},
    "image, base64": _with(_PIXEL),
    "PDF, base64": _with({"document": {"format": "pdf", "name": "it", "source": {"bytes": PDF}}}),
    "text document": _with({"document": _TEXT}),
    "title of a document": _with({"document": _TEXT}),
    "audio": _with({"audio": {"format": "wav", "source": {"bytes": SOUND}}}),
    "video": _with({"video": {"format": "mp4", "source": {"bytes": FILM}}}),
    "tools": {"toolConfig": {"tools": _TOOLS}},
    "strict tools": {
        "toolConfig": {"tools": [{"toolSpec": {**each["toolSpec"], "strict": True}} for each in _TOOLS]}
    },
    "the provider's own tools": {"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}},
    "tool call and result": _called({"text": PLAIN}),
    "parallel calls and results": _called({"text": PLAIN}, {"text": "Something else."}),
    "failed tool": _called({"text": PLAIN}, status="error"),
    "image in a tool result": _called(_PIXEL),
    "tool choice: auto": _chosen({"auto": {}}),
    "tool choice: any": _chosen({"any": {}}),
    "tool choice: one": _chosen({"tool": {"name": "look"}}),
    "JSON by a schema": {
        "outputConfig": {
            "textFormat": {
                "type": "json_schema",
                "structure": {
                    "jsonSchema": {"schema": msgspec.json.encode(SCHEMA).decode(), "name": "place"}
                },
            }
        }
    },
    "output cap": {"inferenceConfig": {"maxTokens": 77}},
    "stop sequences": {"inferenceConfig": {"stopSequences": ["END"]}},
    "temperature": {"inferenceConfig": {"temperature": 0.5}},
    "`top_p`": {"inferenceConfig": {"topP": 0.5}},
    "`top_k`": {"additionalModelRequestFields": {"top_k": 5}},
    "reasoning effort": {"additionalModelRequestFields": {"output_config": {"effort": "low"}}},
    "reasoning budget": _thinking({"type": "enabled", "budget_tokens": 2048}),
    "reasoning off": _thinking({"type": "disabled"}),
    TWO_TEXTS: _with({"text": PLAIN}),
    "cache marker": _with({"text": PLAIN}, {"cachePoint": {"type": "default"}}),
    "cache marker, 1 hour": _with({"text": PLAIN}, {"cachePoint": {"type": "default", "ttl": "1h"}}),
    "citations of a document": _with({"document": {**_TEXT, "citations": {"enabled": True}}}),
    "service tier": {"serviceTier": {"type": "flex"}},
    "metadata": {"requestMetadata": {"a": "b"}},
    "a field unknown here": {"brandNew": 1},
}
