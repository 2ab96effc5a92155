"""Cohere's citations: a span of the answer, and the sources that it rests on."""

from typing import Any, Final

import msgspec

from fastgate.domain.conversation import Citation
from fastgate.domain.format import Format

_IN_ANSWER: Final = ("", "TEXT_CONTENT")


class _Source(msgspec.Struct):
    document: dict[str, Any] | None = None
    tool_output: dict[str, Any] | None = None


class _Citation(msgspec.Struct):
    start: int | None = None
    end: int | None = None
    type: str = ""
    sources: list[_Source] | None = None


_citations: Final = msgspec.json.Decoder(_Citation)


def read_citation(raw: msgspec.Raw) -> list[Citation]:
    """One for each source, the first of which carries all as Cohere wrote it. ValueError if it is none."""
    cited = _citations.decode(raw)
    # Those in the thinking and in plans count from the beginning of these.
    within = cited.type in _IN_ANSWER
    return [
        Citation(
            url=_text(source, "url"),
            title=_text(source, "title"),
            quoted=_text(source, "text") or _text(source, "snippet"),
            start=cited.start if within else None,
            end=cited.end if within else None,
            format=Format.COHERE_CHAT,
            raw=msgspec.Raw(bytes(raw)) if index == 0 else msgspec.Raw(),
        )
        for index, source in enumerate(cited.sources or [_Source()])
    ]


def _text(source: _Source, name: str) -> str | None:
    value = (source.document or source.tool_output or {}).get(name)
    return value if isinstance(value, str) and value else None
