"""What an answer rests on, as Gemini says it: grounding and recitation. Its places are bytes."""

from collections.abc import Sequence
from typing import Any

from fastgate.domain.conversation import Citation
from fastgate.domain.format import Format
from fastgate.wire.gemini.shapes import Candidate, GroundingChunk, Web
from fastgate.wire.interface import raw


class Answered:
    """The text of a candidate so far, and the sources that its citations count from 0 over a whole stream."""

    __slots__ = ("_ascii", "_chunks", "_text", "queries")

    def __init__(self) -> None:
        self._text: list[str] = []
        self._ascii = True
        self._chunks: list[GroundingChunk] = []
        self.queries = 0

    def add(self, text: str) -> None:
        self._text.append(text)
        self._ascii = self._ascii and text.isascii()

    def citations(self, candidate: Candidate) -> list[Citation]:
        """Those that this part of the answer tells."""
        found: list[Citation] = []
        grounding = candidate.grounding_metadata
        if grounding is not None:
            self.queries = max(self.queries, len(grounding.web_search_queries or ()))
            self._chunks += grounding.grounding_chunks or ()
            for support in grounding.grounding_supports or ():
                segment = support.segment
                start, end = (
                    (None, None) if segment is None else (segment.start_index or 0, segment.end_index)
                )
                found += [
                    self._cited(self._chunks[index], start, end)
                    for index in support.grounding_chunk_indices or ()
                    if 0 <= index < len(self._chunks)
                ]
        recited = candidate.citation_metadata
        if recited is not None:
            found += [
                Citation(
                    url=source.uri,
                    title=source.title,
                    start=self._characters(source.start_index or 0),
                    end=self._characters(source.end_index),
                    format=Format.GENERATE_CONTENT,
                    raw=raw(source),
                )
                for source in recited.citations or recited.citation_sources or ()
            ]
        return found

    def _cited(self, chunk: GroundingChunk, start: int | None, end: int | None) -> Citation:
        source = chunk.web or chunk.retrieved_context or chunk.maps or Web()
        return Citation(
            url=source.uri,
            title=source.title,
            quoted=source.text,
            start=self._characters(start),
            end=self._characters(end),
            format=Format.GENERATE_CONTENT,
            raw=raw(chunk),
        )

    def _characters(self, place: int | None) -> int | None:
        if place is None or self._ascii:
            return place
        return len("".join(self._text).encode()[:place].decode(errors="ignore"))


def grounding_metadata(citations: Sequence[Citation], text: str) -> dict[str, Any]:
    """As it is written for clients; `text` is the answer's, which places count in."""
    chunks: list[dict[str, Any]] = []
    supports: list[dict[str, Any]] = []
    for citation in citations:
        source = {
            name: value
            for name, value in (("uri", citation.url), ("title", citation.title), ("text", citation.quoted))
            if value is not None
        }
        chunk = {"web" if citation.url and citation.quoted is None else "retrievedContext": source}
        if chunk not in chunks:
            chunks.append(chunk)
        if citation.start is not None and citation.end is not None:
            segment = {
                "startIndex": len(text[: citation.start].encode()),
                "endIndex": len(text[: citation.end].encode()),
                "text": text[citation.start : citation.end],
            }
            supports.append({"segment": segment, "groundingChunkIndices": [chunks.index(chunk)]})
    metadata: dict[str, Any] = {"groundingChunks": chunks}
    if supports:
        metadata["groundingSupports"] = supports
    return metadata
