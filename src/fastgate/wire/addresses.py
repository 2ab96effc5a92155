"""Where files are that a request only refers to."""

from typing import Final

from fastgate.domain.conversation import Source

_WEB: Final = ("http://", "https://")


def web_url(source: Source) -> str | None:
    """The URL, where any provider can fetch it; None for a place in one vendor's cloud (`s3://`, `gs://`)."""
    url = source.url
    return url if url is not None and url[:8].lower().startswith(_WEB) else None
