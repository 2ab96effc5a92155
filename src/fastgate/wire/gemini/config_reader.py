"""`generationConfig` of a client's request."""

from typing import Final

import msgspec

from fastgate.domain.conversation import Conversation, Effort, Reasoning, Schema
from fastgate.wire.gemini.schema import json_schema
from fastgate.wire.gemini.shapes import MEMBERS, Shape
from fastgate.wire.reading import decoded, invalid, is_absent, json_object
from fastgate.wire.unread import Known

_JSON: Final = "application/json"

_EFFORTS: Final = {
    "MINIMAL": Effort.MINIMAL,
    "LOW": Effort.LOW,
    "MEDIUM": Effort.MEDIUM,
    "HIGH": Effort.HIGH,
    "XHIGH": Effort.XHIGH,
}


class _Thinking(Shape):
    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None


class _Config(Shape):
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    candidate_count: int | None = None
    max_output_tokens: int | None = None
    stop_sequences: list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    response_mime_type: str | None = None
    response_schema: msgspec.Raw = msgspec.Raw()
    response_json_schema: msgspec.Raw = msgspec.Raw()
    thinking_config: _Thinking | None = None


# Not strict: proto JSON takes numbers as strings too.
_configs: Final = msgspec.json.Decoder(_Config, strict=False)
_READ: Final = frozenset(_Config.__struct_encode_fields__)
_NAME: Final = "generationConfig"
KNOWN_CONFIG: Final = Known(_Config, one_of=[("responseJsonSchema", "responseSchema")], kept=True)


def read_config(written: msgspec.Raw, into: Conversation) -> None:
    """Sets the fields; what none is goes into `extra`, by its path. GatewayError `invalid_field`."""
    if bytes(written) == b"null":
        return
    config = decoded(_configs, written, _NAME)
    into.extra.update(
        {f"{_NAME}.{name}": value for name, value in MEMBERS.decode(written).items() if name not in _READ}
    )
    into.temperature = config.temperature
    into.top_p = config.top_p
    into.top_k = config.top_k
    into.n = config.candidate_count
    into.max_output_tokens = config.max_output_tokens
    into.stop = tuple(config.stop_sequences or ())
    into.presence_penalty = config.presence_penalty
    into.frequency_penalty = config.frequency_penalty
    into.seed = config.seed
    into.logprobs = config.response_logprobs
    into.top_logprobs = config.logprobs
    into.output_schema = _schema(config, into)
    into.reasoning = None if config.thinking_config is None else _reasoning(config.thinking_config)


def _schema(config: _Config, into: Conversation) -> Schema | None:
    if config.response_mime_type not in {None, "", _JSON}:
        # `text/x.enum` with its schema, which only Gemini has.
        if config.response_mime_type != "text/plain":
            into.extra[f"{_NAME}.responseMimeType"] = msgspec.Raw(
                msgspec.json.encode(config.response_mime_type)
            )
            if not is_absent(config.response_schema):
                into.extra[f"{_NAME}.responseSchema"] = config.response_schema
        return None
    given = json_object(config.response_json_schema, f"{_NAME}.responseJsonSchema")
    if given is not None:
        return Schema(schema=given)
    if not is_absent(config.response_schema):
        return Schema(schema=json_schema(config.response_schema, f"{_NAME}.responseSchema"))
    return Schema() if config.response_mime_type == _JSON else None


def _reasoning(thinking: _Thinking) -> Reasoning:
    level = (thinking.thinking_level or "").upper()
    if level not in _EFFORTS and level not in {"", "THINKING_LEVEL_UNSPECIFIED"}:
        raise invalid(f"{_NAME}.thinkingConfig.thinkingLevel", "It is MINIMAL, LOW, MEDIUM, HIGH or XHIGH")
    budget = thinking.thinking_budget
    return Reasoning(
        effort=_EFFORTS.get(level),
        budget_tokens=budget if budget is not None and budget > 0 else None,
        adaptive=budget is not None and budget < 0,
        off=budget == 0,
        shown=thinking.include_thoughts,
    )
