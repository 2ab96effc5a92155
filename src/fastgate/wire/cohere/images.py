"""Images as Cohere's formats have them: a URL, which is a `data:` one for bytes (RFC 2397)."""

from typing import Final

from fastgate.domain.conversation import Source

_DATA: Final = "data:"
_BASE64: Final = ";base64"
_UNKNOWN: Final = "image/png"


def url_of(source: Source) -> str | None:
    """None: neither bytes nor a URL. A type that nobody said is taken for PNG's, as one has to be named."""
    if source.data is not None:
        return f"{_DATA}{source.media_type or _UNKNOWN}{_BASE64},{source.data}"
    return source.url


def source_of(url: str) -> Source:
    """Bytes in base64 are taken out of a `data:` URL; any other URL is kept."""
    if url[: len(_DATA)].lower() == _DATA:
        head, comma, data = url[len(_DATA) :].partition(",")
        if comma and head.endswith(_BASE64):
            return Source(media_type=head.removesuffix(_BASE64).partition(";")[0], data=data)
    return Source(url=url)
