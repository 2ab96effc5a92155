"""A `Conversation` as a body for the Messages API: version 2023-06-01, which has sampling parameters."""

from typing import Any, Final

import msgspec

from fastgate.domain.conversation import (
    Choosing,
    Conversation,
    Foreign,
    Message,
    Role,
    Tool,
)
from fastgate.domain.format import Format
from fastgate.wire.interface import Losses, Target
from fastgate.wire.messages.block_writer import Block, BlockWriter, plain
from fastgate.wire.messages.models import Traits, traits
from fastgate.wire.messages.request_reader import MessagesConversation
from fastgate.wire.messages.schema import enforceable
from fastgate.wire.messages.seal import FAMILY
from fastgate.wire.messages.thinking import Thoughts
from fastgate.wire.reading import MEMBERS
from fastgate.wire.tools import NO_PARAMETERS, only_tools
from fastgate.wire.unread import is_path, put_back
from fastgate.wire.unsaid import drop_extra, drop_unsaid, written

Content = str | list[Block] | msgspec.Raw

_SYSTEM: Final = frozenset({Role.SYSTEM, Role.DEVELOPER})
_OBJECT: Final = msgspec.Raw(b'"object"')
_MIN_TOP_P_THINKING: Final = 0.95
_SERVICE_TIERS: Final = {
    "auto": "auto",
    "priority": "auto",  # uses what priority capacity there is
    "standard_only": "standard_only",
    "default": "standard_only",
}
_UNSAID: Final = (
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "verbosity",
    "metadata",
    "store",
    "prompt_cache_key",
)
"""Fields of `Conversation` that this API has no words for."""


def write_request(request: Conversation, target: Target, losses: Losses, spoken: Format) -> dict[str, Any]:
    """The body. `spoken` is MESSAGES or INVOKE."""
    return _RequestWriter(request, target, losses, spoken).body()


class _RequestWriter:
    def __init__(self, request: Conversation, target: Target, losses: Losses, spoken: Format) -> None:
        self._request = request
        self._target = target
        self._losses = losses
        self._spoken = spoken
        self._family = request.format in FAMILY
        self._traits: Traits = traits(target.model)
        self._blocks = BlockWriter(losses, family=self._family)

    def body(self) -> dict[str, Any]:
        request = self._request
        max_tokens = self._max_tokens()
        body: dict[str, Any] = {"model": self._target.model, "max_tokens": max_tokens}
        tools = self._tools()
        system, messages = self._messages()
        if system:
            body["system"] = system
        body["messages"] = messages
        if tools:
            body["tools"] = tools
        self._blocks.limit_marks()
        self._choose_tools(body, tools)
        thoughts = Thoughts(request, self._traits, max_tokens, self._losses)
        if thoughts.thinking is not None:
            body["thinking"] = thoughts.thinking
        self._configure_output(body, thoughts)
        self._sample(body, thinking=thoughts.on)
        self._add_rest(body)
        if self._target.stream:
            body["stream"] = True
        return body

    def _max_tokens(self) -> int:
        wanted, cap = self._request.max_output_tokens, self._target.cap
        if wanted is None:
            wanted = self._target.default_max_tokens
        return wanted if cap is None else min(wanted, cap)

    def _messages(self) -> tuple[Content, list[Block]]:
        """The content of the system prompt, and the messages of alternating roles. A system message in the
        middle stays there if it was written for this API; others join those in front: few models take them
        anywhere else."""
        if isinstance(self._request, MessagesConversation):
            return self._as_written(self._request)
        system: list[Block] = []
        turns: list[tuple[str, list[Block]]] = []
        for place, message in enumerate(self._request.messages):
            blocks = self._blocks.blocks(message, place)
            if message.role in _SYSTEM and (not turns or not self._family):
                system += self._only_text(message, place, blocks)
                continue
            role = "system" if message.role in _SYSTEM else message.role.value
            if not blocks:
                continue
            if turns and turns[-1][0] == role:
                turns[-1][1].extend(blocks)
            else:
                turns.append((role, blocks))
        if turns and turns[-1][0] == "assistant" and not self._family:
            _trim(turns[-1][1])
        if system and not turns:
            # The API answers no instruction alone.
            return "", [{"role": "user", "content": plain(system)}]
        messages = [{"role": role, "content": plain(_results_first(blocks))} for role, blocks in turns]
        return plain(system), messages

    def _as_written(self, request: MessagesConversation) -> tuple[Content, list[Block]]:
        system: Content = ""
        messages: list[Block] = []
        for place, (message, content) in enumerate(zip(request.messages, request.written, strict=True)):
            said = plain(self._blocks.blocks(message, place)) if content is None else content
            if message.role is Role.SYSTEM and place == 0:
                system = said
            elif said:
                messages.append({"role": message.role.value, "content": said})
        return system, messages

    def _only_text(self, message: Message, place: int, blocks: list[Block]) -> list[Block]:
        texts = [block for block in blocks if block["type"] == "text"]
        if len(texts) < len(blocks):
            self._losses.drop(f"messages[{place}].content")
        return texts

    def _tools(self) -> list[Block]:
        only = only_tools(self._request.tool_choice)
        out: list[Block] = []
        for place, tool in enumerate(self._request.tools):
            if isinstance(tool, Foreign):
                if tool.format in FAMILY:
                    out.append(MEMBERS.decode(tool.raw))
                else:
                    self._losses.drop(f"tools[{place}]")
            elif tool.custom:
                self._losses.drop(f"tools[{place}]")
            elif not only or tool.name in only:
                out.append(self._tool(tool, place))
        return out

    def _tool(self, tool: Tool, place: int) -> Block:
        schema = tool.parameters or NO_PARAMETERS
        if "type" not in (members := MEMBERS.decode(schema)):
            schema = msgspec.Raw(msgspec.json.encode({"type": _OBJECT, **members}))
        block: Block = {"name": tool.name, "input_schema": schema}
        if tool.description is not None:
            block["description"] = tool.description
        if self._family:
            block.update(tool.extra)
            if tool.strict is not None:
                block["strict"] = tool.strict
        elif tool.strict and self._enforces(schema):
            block["strict"] = True
        elif tool.strict:
            self._losses.drop(f"tools[{place}].strict")
        if tool.cache is not None:
            self._blocks.mark(block, tool.cache)
        if not self._family:
            drop_extra(tool, f"tools[{place}]", self._losses)
        return block

    def _enforces(self, schema: msgspec.Raw) -> bool:
        return self._traits.schemas and not enforceable(schema)[1]

    def _choose_tools(self, body: dict[str, Any], tools: list[Block]) -> None:
        request = self._request
        choice, parallel = request.tool_choice, request.parallel_tools
        if not tools:
            if choice is not None and choice.choosing is Choosing.REQUIRED:
                self._lose("tool_choice")
            return
        if choice is None and parallel in (None, True):
            return
        said: dict[str, Any] = {"type": "auto"}
        if choice is not None:
            if choice.choosing is Choosing.NONE:
                body["tool_choice"] = {"type": "none"}
                return
            if choice.choosing is Choosing.REQUIRED:
                forced = len(choice.names) == 1
                said = {"type": "tool", "name": choice.names[0]} if forced else {"type": "any"}
        if parallel is not None:
            said["disable_parallel_tool_use"] = not parallel
        body["tool_choice"] = said

    def _configure_output(self, body: dict[str, Any], thoughts: Thoughts) -> None:
        config: dict[str, Any] = {}
        if thoughts.effort is not None:
            config["effort"] = thoughts.effort
        schema = self._request.output_schema
        if schema is not None:
            if schema.schema is None or not self._traits.schemas:
                self._lose("output_schema")
            else:
                config["format"] = {"type": "json_schema", "schema": self._output_schema(schema.schema)}
        if config:
            body["output_config"] = config

    def _output_schema(self, schema: msgspec.Raw) -> msgspec.Raw:
        if self._family:
            return schema
        kept, lost = enforceable(schema)
        for keyword in lost:
            self._losses.drop(f"{written(self._request, 'output_schema')}.{keyword}")
        return kept

    def _sample(self, body: dict[str, Any], *, thinking: bool) -> None:
        """With thinking, the API takes a temperature of 1 only; of temperature and top_p, newer models take
        one only."""
        request, newest = self._request, not self._traits.samples
        temperature, top_p = request.temperature, request.top_p
        if temperature is not None and temperature > 1:
            self._lose("temperature")
            temperature = 1.0
        kept = {
            "temperature": None if newest or (thinking and temperature != 1) else temperature,
            "top_p": top_p,
            "top_k": None if newest or thinking else request.top_k,
        }
        one_too_many = kept["temperature"] is not None and not self._family
        if newest or one_too_many or (thinking and (top_p or 1) < _MIN_TOP_P_THINKING):
            kept["top_p"] = None
        for name, said in (("temperature", temperature), ("top_p", top_p), ("top_k", request.top_k)):
            if kept[name] is not None:
                body[name] = kept[name]
            elif said is not None and (said != 1 or name == "top_k"):  # 1 is what the others are anyway
                self._lose(name)

    def _add_rest(self, body: dict[str, Any]) -> None:
        request = self._request
        stop = [each for each in request.stop if each.strip()]
        if len(stop) < len(request.stop):
            self._lose("stop")  # the API refuses white space
        if stop:
            body["stop_sequences"] = stop
        if request.user is not None:
            body["metadata"] = {"user_id": request.user}
        if request.service_tier is not None:
            tier = _SERVICE_TIERS.get(request.service_tier)
            if tier is None:
                self._lose("service_tier")
            else:
                body["service_tier"] = tier
        drop_unsaid(request, self._losses, *_UNSAID)
        if self._family:
            self._add_extra(body)

    def _lose(self, field: str) -> None:
        self._losses.drop(written(self._request, field))

    def _add_extra(self, body: dict[str, Any]) -> None:
        for name, value in self._request.extra.items():
            if name == "anthropic_beta" and self._spoken is Format.MESSAGES:
                self._losses.drop(name)  # a header there
            elif name == "output_config":
                body[name] = {**MEMBERS.decode(value), **body.get(name, {})}
            elif not is_path(name):
                body.setdefault(name, value)
        put_back(body, self._request.extra, into=("metadata",))


def _results_first(blocks: list[Block]) -> list[Block]:
    """The API wants the results of tools in front of what else a user says."""
    results = [block for block in blocks if block["type"] == "tool_result"]
    if not results or len(results) == len(blocks):
        return blocks
    return results + [block for block in blocks if block["type"] != "tool_result"]


def _trim(blocks: list[Block]) -> None:
    """The API refuses white space at the end of an answer that it is to go on with."""
    if blocks[-1]["type"] == "text":
        blocks[-1]["text"] = blocks[-1]["text"].rstrip()
