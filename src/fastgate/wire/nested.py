"""Fields that the gateway looks at in formats that have them deeper in the body, under names of their own."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from fastgate._core.jsonscan import DuplicateKeyError, find_members
from fastgate.domain.format import Format
from fastgate.errors import GatewayError

_Members = dict[str, msgspec.Raw]

_sections: Final = msgspec.json.Decoder(_Members | None)


class Nested(NamedTuple):
    """`places`: the name in `Fields` to (section, field) as it is written; `spellings` are further names of
    each section and field. A section of "" is the body itself. In the section `of_model` each family of
    models has names of its own for what bounds its output."""

    places: Mapping[str, tuple[str, str]]
    spellings: Mapping[str, str] = {}
    of_model: str | None = None

    def find(self, members: _Members) -> _Members:
        """By the names in `Fields`. ValueError: a section is no object. GatewayError: one that is read
        otherwise by one parser than by another."""
        found: _Members = {}
        sections: dict[str, _Members] = {"": members}
        for name, (section, field) in self.places.items():
            if section not in sections:
                sections[section] = self._section(members, section)
            value = self._get(sections[section], field, section)
            if value is not None:
                found[name] = value
        if self.of_model is not None:
            fields = members if not self.of_model else self._section(members, self.of_model)
            if fields:
                _add_bounds(found, fields)
        return found

    def written(self, param: str) -> str:
        """The path of what is called `param` in `Fields`."""
        section, field = self.places.get(param, ("", param))
        return f"{section}.{field}" if section else field

    def set(self, members: dict[str, Any], name: str, value: Any) -> None:
        """Write a field, in the section that the client has written if there is one."""
        section, field = self.places[name]
        if not section:
            members[field] = value
            return
        key = section if section in members else self.spellings.get(section, section)
        raw = members.get(key)
        inner = {} if raw is None else _sections.decode(raw) or {}
        inner.pop(self.spellings.get(field, field), None)
        members[key if raw is not None else section] = {**inner, field: value}

    def _section(self, members: _Members, name: str) -> _Members:
        raw = self._get(members, name)
        if raw is None:
            return {}
        section = _sections.decode(raw) or {}
        if section:
            try:
                find_members(bytes(raw), ())
            except DuplicateKeyError as error:
                raise _twice(f"The key {error.key[:64]!r} stands twice in {name}", name) from None
        return section

    def _get(self, members: _Members, name: str, section: str = "") -> msgspec.Raw | None:
        other = self.spellings.get(name, name)
        if other != name and name in members and other in members:
            path = f"{section}.{name}" if section else name
            raise _twice(f"{name} and {other} are the same field", path)
        value = members.get(name)
        return members.get(other) if value is None else value


def _twice(what: str, param: str) -> GatewayError:
    return GatewayError("duplicate_key", f"{what}: send it once.", param=param)


_BOUNDS: Final = (
    "max_tokens",
    "max_completion_tokens",
    "max_gen_len",
    "max_new_tokens",
    "max_tokens_to_sample",
    "maxTokens",
    "maxTokenCount",
)
_ANSWERS: Final = ("n", "num_generations")
_BOUNDED: Final = ("inferenceConfig", "textGenerationConfig")
"""Sections of Nova's and Titan's bodies."""


def _add_bounds(found: _Members, fields: _Members) -> None:
    """The most that any of the names lets a model write: which of them it goes by is not known here. A
    negative one is no bound."""
    inner = [section for name in _BOUNDED if isinstance(section := _decoded(fields.get(name)), dict)]
    for name, spellings in (("max_tokens", _BOUNDS), ("n", _ANSWERS)):
        values = [_decoded(found.get(name)), *(_decoded(fields.get(each)) for each in spellings)]
        values += [section.get(each) for section in inner for each in spellings]
        said = [each for each in values if type(each) is int]
        if said:
            most = min(said) if min(said) < 0 else max(said)
            found[name] = msgspec.Raw(b"%d" % most)


def _decoded(raw: msgspec.Raw | None) -> Any:
    """None where there is none, or a number beyond all bounds in it, which the provider refuses."""
    try:
        return None if raw is None else msgspec.json.decode(raw)
    except msgspec.ValidationError:
        return None


NESTED: Final[dict[Format, Nested]] = {
    Format.GENERATE_CONTENT: Nested(
        {
            "max_tokens": ("generationConfig", "maxOutputTokens"),
            "n": ("generationConfig", "candidateCount"),
            "metadata": ("", "labels"),
            "service_tier": ("", "serviceTier"),
        },
        {
            "generationConfig": "generation_config",
            "maxOutputTokens": "max_output_tokens",
            "candidateCount": "candidate_count",
            "serviceTier": "service_tier",
        },
    ),
    Format.CONVERSE: Nested(
        {
            "max_tokens": ("inferenceConfig", "maxTokens"),
            "metadata": ("", "requestMetadata"),
            "service_tier": ("serviceTier", "type"),
        },
        of_model="additionalModelRequestFields",
    ),
    Format.INVOKE: Nested({"max_tokens": ("", "max_tokens")}, of_model=""),
}

_OF_FAMILY: Final = (
    ("meta.llama", Nested({"max_tokens": ("", "max_gen_len")})),
    ("amazon.nova", Nested({"max_tokens": ("inferenceConfig", "maxTokens")})),
    ("amazon.titan", Nested({"max_tokens": ("textGenerationConfig", "maxTokenCount")})),
    ("openai.", Nested({"max_tokens": ("", "max_completion_tokens")})),
)
"""How InvokeModel's bodies call it that are not as Claude's. Source: Amazon's pages on each family."""


def nested_for(format_: Format, model: str) -> Nested | None:
    """Where to write for this model; None: by the names in `Fields`."""
    if format_ is not Format.INVOKE:
        return NESTED.get(format_)
    return next((nested for part, nested in _OF_FAMILY if part in model), None)
