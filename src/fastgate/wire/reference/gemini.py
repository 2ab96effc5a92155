"""Gemini's generateContent: how a request says each feature."""

from typing import Any, Final

from fastgate.wire.reference.samples import (
    ARGUMENTS,
    ASKED,
    FILM,
    PAPER,
    PDF,
    PICTURE,
    PIXEL,
    PLAIN,
    SCHEMA,
    SOUND,
    Said,
)

_USER: Final = {"role": "user", "parts": [{"text": ASKED}]}
_FUNCTION: Final = {"name": "look", "description": "Looks.", "parametersJsonSchema": SCHEMA}
_TOOLS: Final = [{"functionDeclarations": [_FUNCTION, {**_FUNCTION, "name": "hear"}]}]
_ANSWER: Final = {"role": "model", "parts": [{"text": "It is red."}]}


def _with(*parts: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [*parts, {"text": ASKED}]}]}


def _inline(media_type: str, data: str) -> dict[str, Any]:
    return _with({"inlineData": {"mimeType": media_type, "data": data}})


def _at(media_type: str, url: str) -> dict[str, Any]:
    return _with({"fileData": {"mimeType": media_type, "fileUri": url}})


def _called(*results: Any, **more: Any) -> dict[str, Any]:
    names = ("look", "hear")[: len(results)]
    calls = [
        {"functionCall": {"id": f"call_{index}", "name": name, "args": ARGUMENTS}}
        for index, name in enumerate(names)
    ]
    answers = [
        {"functionResponse": {"id": f"call_{index}", "name": name, "response": result, **more}}
        for index, (name, result) in enumerate(zip(names, results, strict=True))
    ]
    turns = [_USER, {"role": "model", "parts": calls}, {"role": "user", "parts": answers}]
    return {"tools": _TOOLS, "contents": turns}


def _chosen(mode: str, **more: Any) -> dict[str, Any]:
    return {"tools": _TOOLS, "toolConfig": {"functionCallingConfig": {"mode": mode, **more}}}


def _config(**config: Any) -> dict[str, Any]:
    return {"generationConfig": config}


PLAIN_REQUEST: Final = {"contents": [_USER]}

SAID: Final[Said] = {
    "system message": {"systemInstruction": {"parts": [{"text": "Be brief."}]}},
    "several turns": {"contents": [_USER, _ANSWER, _USER]},
    "image, base64": _inline("image/png", PIXEL),
    "image, URL": _at("image/png", PICTURE),
    "PDF, base64": _inline("application/pdf", PDF),
    "PDF, URL": _at("application/pdf", PAPER),
    "text document": _inline("text/plain", "QSB0ZXh0IG9mIGl0cyBvd24u"),
    "audio": _inline("audio/wav", SOUND),
    "video": _inline("video/mp4", FILM),
    "tools": {"tools": _TOOLS},
    "the provider's own tools": {"tools": [{"googleSearch": {}}]},
    "tool call and result": _called({"output": PLAIN}),
    "parallel calls and results": _called({"output": PLAIN}, {"output": "Something else."}),
    "failed tool": _called({"error": PLAIN}),
    "image in a tool result": _called(
        {"output": PLAIN}, parts=[{"inlineData": {"mimeType": "image/png", "data": PIXEL}}]
    ),
    "tool choice: auto": _chosen("AUTO"),
    "tool choice: none": _chosen("NONE"),
    "tool choice: any": _chosen("ANY"),
    "tool choice: one": _chosen("ANY", allowedFunctionNames=["look"]),
    "tool choice: some": {
        **_chosen("ANY", allowedFunctionNames=["look", "hear"]),
        "tools": [*_TOOLS, {"functionDeclarations": [{**_FUNCTION, "name": "smell"}]}],
    },
    "JSON of any kind": _config(responseMimeType="application/json"),
    "JSON by a schema": _config(responseMimeType="application/json", responseJsonSchema=SCHEMA),
    "output cap": _config(maxOutputTokens=77),
    "stop sequences": _config(stopSequences=["END"]),
    "temperature": _config(temperature=0.5),
    "temperature above 1": _config(temperature=1.5),
    "`top_p`": _config(topP=0.5),
    "`top_k`": _config(topK=5),
    "penalties": _config(frequencyPenalty=0.5, presencePenalty=0.5),
    "seed": _config(seed=7),
    "several answers": _config(candidateCount=2),
    "logprobs": _config(responseLogprobs=True, logprobs=2),
    "reasoning effort": _config(thinkingConfig={"thinkingLevel": "LOW"}),
    "reasoning budget": _config(thinkingConfig={"thinkingBudget": 2048}),
    "reasoning off": _config(thinkingConfig={"thinkingBudget": 0}),
    "service tier": {"serviceTier": "flex"},
    "metadata": {"labels": {"a": "b"}},
    "safety settings": {
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}]
    },
    "a field unknown here": {"brandNew": 1},
}
