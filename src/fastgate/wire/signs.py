"""What stands in a request's body beside text, by its format: to reckon what it costs without reading it.

Keys and `type`s are looked for with their quotes, which no text of a client has unescaped.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from fastgate._core.literals import LiteralSet
from fastgate.domain.format import Format

_BASE64: Final = rb"[A-Za-z0-9+/=_-]{256,}"
_DATA_URL: Final = rb'(?:data:[^",]{0,100};base64,)?'

Literals = tuple[bytes, ...]


class Found(msgspec.Struct, frozen=True, gc=False):
    """`encoded`: bytes of the body that are media in base64. `stored`: it names what the provider has, as a
    conversation. `searches`: it has tools of the provider's own that search."""

    images: int = 0
    files: int = 0
    encoded: int = 0
    stored: bool = False
    searches: bool = False


NOTHING: Final = Found()


class Signs:
    """Of one format. `parts`, `kept` and `tools` are the literals that the expressions are looked for by
    first, as nearly all bodies have none of them. `media` are all parts: what is no `images` is a file.
    """

    def __init__(
        self,
        *,
        images: bytes,
        media: bytes,
        encoded: bytes,
        parts: Literals,
        stored: bytes = b"",
        kept: Literals = (),
        searches: bytes = b"",
        tools: Literals = (),
    ) -> None:
        self._images = re.compile(images)
        self._media = re.compile(media)
        self._encoded = re.compile(encoded)
        self._stored = re.compile(stored)
        self._searches = re.compile(searches)
        self._literals = LiteralSet(parts + kept + tools)
        self._has_parts = (1 << len(parts)) - 1
        self._has_kept = ((1 << len(kept)) - 1) << len(parts)
        self._has_tools = ((1 << len(tools)) - 1) << len(parts + kept)

    def find(self, body: bytes) -> Found:
        present = self._literals.present(body)
        if not present:
            return NOTHING
        images = files = encoded = 0
        if present & self._has_parts:
            images = len(self._images.findall(body))
            files = max(len(self._media.findall(body)) - images, 0)
            if images or files:
                encoded = sum(map(len, self._encoded.findall(body)))
        stored = present & self._has_kept and self._stored.search(body)
        searches = present & self._has_tools and self._searches.search(body)
        return Found(images, files, encoded, bool(stored), bool(searches))


def _openai(stored: bytes = b"", kept: Literals = ()) -> Signs:
    return Signs(
        images=rb'"type"\s*:\s*"(?:image_url|input_image)"',
        media=rb'"type"\s*:\s*"(?:image_url|input_image|input_audio|file|input_file)"',
        encoded=rb'"(?:(?:image_)?url|data|file_data)"\s*:\s*"' + _DATA_URL + _BASE64 + b'"',
        parts=(b'"image_url"', b'"input_image"', b'"input_audio"', b'"file"', b'"input_file"'),
        stored=stored,
        kept=kept,
        searches=rb'"(?:web_search|file_search|code_interpreter)[a-z0-9_]*"',
        tools=(b'"web_search', b'"file_search', b'"code_interpreter'),
    )


OPENAI: Final = _openai()

_RESPONSES: Final = _openai(
    rb'"(?:conversation"\s*:|item_reference"|prompt"\s*:\s*\{)',
    (b'"conversation"', b'"item_reference"', b'"prompt"'),
)

_MESSAGES: Final = Signs(
    images=rb'"type"\s*:\s*"image"',
    media=rb'"type"\s*:\s*"(?:image|document|container_upload)"',
    encoded=rb'"data"\s*:\s*"' + _BASE64 + b'"',
    parts=(b'"image"', b'"document"', b'"container_upload"'),
    stored=rb'"(?:container|thread)"\s*:\s*["{]',
    kept=(b'"container"', b'"thread"'),
    searches=rb'"type"\s*:\s*"(?:web_search|web_fetch|code_execution)_[a-z0-9_]*"',
    tools=(b'"web_search_', b'"web_fetch_', b'"code_execution_'),
)

# An image is told by its type alone, whichever of the members comes first.
_GENERATE_CONTENT: Final = Signs(
    images=rb'"mime_?[tT]ype"\s*:\s*"image/',
    media=rb'"(?:inline|file)_?[dD]ata"\s*:\s*\{',
    encoded=rb'"data"\s*:\s*"' + _BASE64 + b'"',
    parts=(b'"inlineData"', b'"inline_data"', b'"fileData"', b'"file_data"'),
    stored=rb'"cached_?[cC]ontent"\s*:\s*"',
    kept=(b'"cachedContent"', b'"cached_content"'),
    searches=(
        rb'"(?:google_?[sS]earch(?:_?[rR]etrieval)?|google_?[mM]aps|enterprise_?[wW]eb_?[sS]earch'
        rb'|url_?[cC]ontext|file_?[sS]earch|code_?[eE]xecution|retrieval)"\s*:\s*\{'
    ),
    tools=(
        b'"google',
        b'"enterprise',
        b'"urlContext"',
        b'"url_context"',
        b'"fileSearch"',
        b'"file_search"',
        b'"codeExecution"',
        b'"code_execution"',
        b'"retrieval"',
    ),
)

# Told from properties of those names in a tool's schema by the members that such a block may begin with.
_CONVERSE: Final = Signs(
    images=rb'"image"\s*:\s*\{\s*"(?:format|source)"',
    media=(
        rb'"(?:image|video|audio)"\s*:\s*\{\s*"(?:format|source)"'
        rb'|"document"\s*:\s*\{\s*"(?:format|name|source|context|citations)"'
    ),
    encoded=rb'"bytes"\s*:\s*"' + _BASE64 + b'"',
    parts=(b'"image"', b'"video"', b'"audio"', b'"document"'),
    searches=rb'"systemTool"\s*:\s*\{',
    tools=(b'"systemTool"',),
)

_COHERE: Final = Signs(
    images=rb'"type"\s*:\s*"image_url"|[\[,]\s*"data:image/',
    media=rb'"type"\s*:\s*"image_url"|[\[,]\s*"data:image/',
    encoded=rb'[:\[,]\s*"data:[^",]{0,100};base64,' + _BASE64 + b'"',
    parts=(b'"image_url"', b'"images"'),
)

SIGNS: Final[Mapping[Format, Signs]] = {
    Format.RESPONSES: _RESPONSES,
    Format.MESSAGES: _MESSAGES,
    Format.INVOKE: _MESSAGES,
    Format.GENERATE_CONTENT: _GENERATE_CONTENT,
    Format.EMBED_CONTENT: _GENERATE_CONTENT,
    Format.CONVERSE: _CONVERSE,
    Format.COHERE_EMBED: _COHERE,
}
"""Of those that have other words than OpenAI's chat completions."""


def find_any(body: bytes) -> Found:
    """The most of what any format's signs find: in a body that has words of several formats."""
    found = [signs.find(body) for signs in (OPENAI, *SIGNS.values())]
    return Found(
        images=max(each.images for each in found),
        files=max(each.files for each in found),
        encoded=min(each.encoded for each in found),
        stored=any(each.stored for each in found),
        searches=any(each.searches for each in found),
    )
