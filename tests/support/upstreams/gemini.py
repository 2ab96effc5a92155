"""The Gemini API."""

import msgspec
from tests.support.upstreams.script import JSON, Heard, Say, halves


class GeminiUpstream:
    """Calls have no ids, as from the Gemini API itself."""

    name, dialect, model = "up_gemini", "gemini", "gemini-2.5-flash"
    base_path, stream_type = "/v1beta", "text/event-stream"

    def _usage(self, say: Say) -> JSON:
        return (
            {"promptTokenCount": 10, "candidatesTokenCount": 3, "totalTokenCount": 13}
            if say.usage is None
            else say.usage
        )

    def _parts(self, say: Say) -> list[JSON]:
        """The signature is on the first call, else on the text."""
        parts: list[JSON] = []
        if say.thinking:
            parts.append({"text": say.thinking, "thought": True})
        if say.text:
            parts.append({"text": say.text})
        parts += [{"functionCall": {"name": call.name, "args": call.arguments}} for call in say.calls]
        if say.signature:
            signed = next((part for part in parts if "functionCall" in part), parts[-1])
            signed["thoughtSignature"] = say.signature
        return parts

    def _answer(self, parts: list[JSON], usage: JSON | None, reason: str | None) -> JSON:
        candidate: JSON = {"content": {"role": "model", "parts": parts}, "index": 0}
        if reason is not None:
            candidate["finishReason"] = reason
        said: JSON = {"candidates": [candidate], "modelVersion": self.model, "responseId": "resp-1"}
        return said if usage is None else {**said, "usageMetadata": usage}

    def whole(self, say: Say) -> JSON:
        return self._answer(self._parts(say), self._usage(say), "STOP")

    def stream(self, say: Say) -> list[bytes]:
        parts, usage = [piece for part in self._parts(say) for piece in self._pieces(part)], self._usage(say)
        some = {name: count for name, count in usage.items() if name == "promptTokenCount"}
        chunks = [self._answer([part], some, None) for part in parts[:-1]]
        chunks.append(self._answer(parts[-1:], usage, "STOP"))
        return [b"data: " + msgspec.json.encode(each) + b"\r\n\r\n" for each in chunks]

    def _pieces(self, part: JSON) -> list[JSON]:
        first, rest = halves(part.get("text", ""))
        return [{**part, "text": first}, {**part, "text": rest}] if first and len(part) == 1 else [part]

    def heard(self, body: JSON) -> list[Heard]:
        system = body.get("systemInstruction") or {"parts": []}
        out = [Heard("system", "text", part["text"]) for part in system["parts"]]
        for content in body["contents"]:
            role = "assistant" if content["role"] == "model" else "user"
            out += [self._heard(role, part) for part in content["parts"]]
        return out

    def _heard(self, role: str, part: JSON) -> Heard:
        signature = part.get("thoughtSignature", "")
        if "text" in part:
            kind = "thinking" if part.get("thought") else "text"
            return Heard(role, kind, part["text"], signature=signature)
        if "inlineData" in part:
            return Heard(role, "image", part["inlineData"]["data"])
        if "functionCall" in part:
            call = part["functionCall"]
            return Heard(
                role,
                "call",
                id=call.get("id", ""),
                name=call["name"],
                arguments=call.get("args", {}),
                signature=signature,
            )
        result = part["functionResponse"]
        is_error = "error" in result["response"]
        text = "".join(str(each) for each in result["response"].values())
        return Heard(role, "result", text, id=result.get("id", ""), name=result["name"], is_error=is_error)

    def cap(self, body: JSON) -> int | None:
        config = body.get("generationConfig") or body.get("generation_config") or {}
        return config.get("maxOutputTokens", config.get("max_output_tokens"))

    def problem(self, message: str) -> JSON:
        return {"error": {"code": 500, "message": message, "status": "INTERNAL"}}
