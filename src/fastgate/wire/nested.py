"""Fields that the gateway looks at in formats that have them deeper in the body, under names of their own."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from fastgate.domain.format import Format

_Members = dict[str, msgspec.Raw]

_sections: Final = msgspec.json.Decoder(_Members | None)


class Nested(NamedTuple):
    """`places`: the name in `Fields` to (section, field) as it is written; `spellings` are further names of
    each section and field. A section of "" is the body itself."""

    places: Mapping[str, tuple[str, str]]
    spellings: Mapping[str, str] = {}

    def find(self, members: _Members) -> _Members:
        """By the names in `Fields`. ValueError: a section is no object."""
        found: _Members = {}
        sections: dict[str, _Members] = {"": members}
        for name, (section, field) in self.places.items():
            if section not in sections:
                raw = self._get(members, section)
                sections[section] = {} if raw is None else _sections.decode(raw) or {}
            value = self._get(sections[section], field)
            if value is not None:
                found[name] = value
        return found

    def written(self, param: str) -> str:
        """The path of what is called `param` in `Fields`."""
        section, field = self.places.get(param, ("", param))
        return f"{section}.{field}" if section else field

    def set(self, members: dict[str, Any], name: str, value: Any) -> None:
        """Write a field, in the section that the client has written if there is one."""
        section, field = self.places[name]
        key = section if section in members else self.spellings.get(section, section)
        raw = members.get(key)
        inner = {} if raw is None else _sections.decode(raw) or {}
        inner.pop(self.spellings.get(field, field), None)
        members[key if raw is not None else section] = {**inner, field: value}

    def _get(self, members: _Members, name: str) -> msgspec.Raw | None:
        value = members.get(name)
        return members.get(self.spellings.get(name, name)) if value is None else value


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
        }
    ),
}
