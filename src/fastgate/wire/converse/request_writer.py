"""A conversation, written as a Converse request."""

import re
from typing import Any, Final

import msgspec

from fastgate.domain.conversation import Conversation, Message, Role, Schema, Text
from fastgate.wire.converse.block_writer import Block, BlockWriter
from fastgate.wire.converse.family import Family
from fastgate.wire.converse.model_fields import MODEL_FIELDS, ModelFields
from fastgate.wire.converse.tool_writer import ToolWriter
from fastgate.wire.converse.usage import TIERS
from fastgate.wire.converse.writing import Writing
from fastgate.wire.interface import Losses, Target
from fastgate.wire.messages.schema import enforceable
from fastgate.wire.unread import is_path, put_back
from fastgate.wire.unsaid import drop_unsaid

_ROLES: Final = {
    Role.USER: "user",
    Role.ASSISTANT: "assistant",
    Role.SYSTEM: "system",
    Role.DEVELOPER: "system",
}
_CLAUDE: Final = frozenset({Family.CLAUDE, Family.UNKNOWN})
_DEFAULT_TIERS: Final = frozenset({"auto", "standard", "standard_only"})
_UNSAID: Final = (
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "verbosity",
    "user",
    "store",
    "prompt_cache_key",
)
"""Fields of `Conversation` that Converse has no words for."""

# `requestMetadata` of the service model.
_MAX_METADATA: Final = 16
_METADATA: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")

_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def write_request(request: Conversation, target: Target, losses: Losses) -> dict[str, Any]:
    """The body's top-level members."""
    return _RequestWriter(request, target, losses).body()


class _RequestWriter:
    def __init__(self, request: Conversation, target: Target, losses: Losses) -> None:
        self._request = request
        self._writing = Writing(request, target.model, losses)
        wanted, cap = request.max_output_tokens, target.cap
        self._max_tokens = wanted if cap is None else min(wanted or cap, cap)
        self._fields = ModelFields(self._writing, self._max_tokens or target.default_max_tokens)
        self._tools = ToolWriter(self._writing)
        self._blocks = BlockWriter(
            losses.drop,
            caching=self._writing.caches,
            claude=self._writing.own or self._writing.family in _CLAUDE,
        )

    def body(self) -> dict[str, Any]:
        system, messages = self._conversation()
        said = {
            "messages": messages,
            "system": system,
            "inferenceConfig": self._inference(),
            "toolConfig": self._tools.config,
            "outputConfig": self._output(self._request.output_schema),
            "serviceTier": self._tier(self._request.service_tier),
            "requestMetadata": self._metadata(),
        }
        body: dict[str, Any] = {name: value for name, value in said.items() if value}
        extra = self._request.extra if self._writing.own else {}
        body |= {name: value for name, value in extra.items() if not is_path(name)}
        self._add_model_fields(body)
        put_back(body, extra, into=("inferenceConfig",))
        drop_unsaid(self._request, self._writing.losses, *_UNSAID)
        return body

    def _add_model_fields(self, body: dict[str, Any]) -> None:
        """The client's own ones win."""
        given = body.get(MODEL_FIELDS)
        fields = self._fields.members | self._tools.members | (_members.decode(given) if given else {})
        if fields:
            body[MODEL_FIELDS] = fields
        if self._writing.family is Family.CLAUDE and self._request.stop:
            # Converse says that a stop sequence was met, and only so which one.
            body.setdefault("additionalModelResponseFieldPaths", ["/stop_sequence"])

    def _conversation(self) -> tuple[list[Block], list[Block]]:
        """System blocks and messages. Roles alternate; instructions in the middle go to those in front, since
        few models take them elsewhere, unless the client spoke Converse itself."""
        system: list[Block] = []
        messages: list[Block] = []
        for index, message in enumerate(self._request.messages):
            path = f"messages[{index}].content"
            if message.name is not None:
                self._writing.losses.drop(f"messages[{index}].name")
            role = _ROLES[message.role]
            if role == "system" and not (self._writing.own and messages):
                system += self._blocks.texts(message.parts, path)
                continue
            content = self._content(message, path)
            last = messages[-1] if messages else None
            if last is not None and last["role"] == role:
                last["content"] = _results_first(last["content"] + content)
            elif content:
                messages.append({"role": role, "content": content})
        if system and not messages:
            # Bedrock answers no instruction alone.
            return [], [{"role": "user", "content": system}]
        if self._writing.family is Family.CLAUDE and messages and messages[-1]["role"] == "assistant":
            _trim(messages[-1]["content"])
        return system, messages

    def _content(self, message: Message, path: str) -> list[Block]:
        if len(message.parts) == 1:  # most are of one plain text
            (part,) = message.parts
            if type(part) is Text and not (part.citations or part.cache) and part.text.strip():
                return [{"text": part.text}]
        return self._blocks.blocks(message.parts, path)

    def _inference(self) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if self._max_tokens is not None:
            out["maxTokens"] = self._max_tokens
        self._sample(out)
        stop = [each for each in self._request.stop if each.strip() or self._writing.own]
        if len(stop) < len(self._request.stop):
            self._writing.lose("stop")  # Claude refuses white space
        if stop:
            out["stopSequences"] = stop
        return out

    def _sample(self, out: dict[str, Any]) -> None:
        """Between 0 and 1. Claude takes neither where it thinks, newer models of it one of the two only, and
        the newest none."""
        temperature, top_p = self._bounded("temperature"), self._bounded("top_p")
        if self._writing.family is Family.CLAUDE:
            unfree = self._fields.thinks or not self._writing.traits.samples
            if unfree and temperature is not None:
                self._forget("temperature", temperature)
                temperature = None
            if top_p is not None and (unfree or (temperature is not None and not self._writing.own)):
                self._forget("top_p", top_p)
                top_p = None
        if temperature is not None:
            out["temperature"] = temperature
        if top_p is not None:
            out["topP"] = top_p

    def _bounded(self, field: str) -> float | None:
        value: float | None = getattr(self._request, field)
        if value is None or 0 <= value <= 1:
            return value
        self._writing.lose(field)
        return min(max(value, 0.0), 1.0)

    def _forget(self, field: str, value: float) -> None:
        if value != 1:  # which it is anyway
            self._writing.lose(field)

    def _output(self, schema: Schema | None) -> dict[str, Any] | None:
        if schema is None:
            return None
        if schema.schema is None or not self._writing.enforces:
            self._writing.lose("output_schema")
            return None
        kept, lost = (schema.schema, []) if self._writing.own else enforceable(schema.schema)
        for keyword in lost:
            self._writing.losses.drop(f"{self._writing.called('output_schema')}.{keyword}")
        said = {"schema": bytes(kept).decode()}
        if schema.name is not None:
            said["name"] = schema.name
        if schema.description is not None:
            said["description"] = schema.description
        return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": said}}}

    def _tier(self, tier: str | None) -> dict[str, str] | None:
        if tier in TIERS:
            return {"type": tier}
        if tier is not None and tier not in _DEFAULT_TIERS:
            self._writing.lose("service_tier")
        return None

    def _metadata(self) -> dict[str, str]:
        out: dict[str, str] = {}
        for name, value in (self._request.metadata or {}).items():
            fits = (
                name and _METADATA.fullmatch(name) and isinstance(value, str) and _METADATA.fullmatch(value)
            )
            if fits and len(out) < _MAX_METADATA:
                out[name] = value
            else:
                self._writing.losses.drop(f"{self._writing.called('metadata')}.{name}")
        return out


def _results_first(blocks: list[Block]) -> list[Block]:
    if not any("toolResult" in block for block in blocks):
        return blocks
    return sorted(blocks, key=lambda block: "toolResult" not in block)


def _trim(blocks: list[Block]) -> None:
    """Claude goes on with an answer that has been begun, if that does not end in white space."""
    if "text" in blocks[-1]:
        blocks[-1] = {"text": blocks[-1]["text"].rstrip()}
