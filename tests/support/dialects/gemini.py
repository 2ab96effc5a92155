"""Gemini's generateContent; streams are the array that it gives without `alt=sse`."""

from collections.abc import Sequence

from tests.support.dialects.client import SCHEMA, TOOL, Got, Result, from_json
from tests.support.upstreams.script import JSON, Call


class GeminiClient:
    name = "gemini"

    def path(self, model: str, *, stream: bool) -> str:
        return f"/v1beta/models/{model}:" + ("streamGenerateContent" if stream else "generateContent")

    def ask(self, text: str, image: str | None = None) -> list[JSON]:
        parts: list[JSON] = [{"text": text}]
        if image is not None:
            parts.append({"inlineData": {"mimeType": "image/png", "data": image}})
        return [{"role": "user", "parts": parts}]

    def results(self, results: Sequence[Result]) -> list[JSON]:
        parts = []
        for each in results:
            response = {"error" if each.is_error else "output": each.text}
            function = {"name": each.call.name, "response": response}
            parts.append({"functionResponse": function | ({"id": each.call.id} if each.call.id else {})})
        return [{"role": "user", "parts": parts}]

    def body(self, model: str, history: Sequence[JSON], *, stream: bool, tools: bool = False) -> JSON:
        body: JSON = {"contents": list(history)}
        if tools:
            body["tools"] = [{"functionDeclarations": [{"name": TOOL, "parametersJsonSchema": SCHEMA}]}]
        return body

    def whole(self, body: bytes) -> Got:
        return self._got([from_json(body.decode())])

    def streamed(self, body: bytes) -> Got:
        """The array, which is what is streamed where the query does not say `alt=sse`."""
        return self._got(from_json(body.decode()))

    def _got(self, answers: list[JSON]) -> Got:
        """Each chunk is a content of its own in the history, as in that of Google's SDK."""
        got = Got()
        parts: list[JSON] = []
        for answer in answers:
            if "error" in answer:
                assert set(answer["error"]) >= {"code", "message", "status"}
                got.error = answer["error"]["message"]
                continue
            got.model = answer.get("modelVersion", got.model)
            got.usage = answer.get("usageMetadata", got.usage)
            for candidate in answer.get("candidates", ()):
                content = candidate.get("content") or {}
                parts += content.get("parts") or ()
                got.turn += [content] if content.get("parts") else []
                got.finish = candidate.get("finishReason", got.finish)
        for part in parts:
            if "functionCall" in part:
                call = part["functionCall"]
                got.calls.append(Call(call.get("id", ""), call["name"], call.get("args", {})))
            elif part.get("thought"):
                got.thinking += part["text"]
            else:
                got.text += part.get("text", "")
        got.finished = got.finish is not None and not got.error
        return got

    def problem(self, status: int, body: bytes) -> str:
        error = from_json(body.decode())["error"]
        assert (error["code"], bool(error["status"])) == (status, True)
        return str(error["message"])
