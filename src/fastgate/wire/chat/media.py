"""Files within messages: `data:` URLs (RFC 2397), sounds by the name of their format."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Final
from urllib.parse import unquote_to_bytes

from fastgate.domain.conversation import Source
from fastgate.wire.addresses import web_url

UNKNOWN_IMAGE: Final = "image/png"
"""For bytes of which nobody has said what they are, where one has to be named."""

_SOUNDS: Final = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "opus": "audio/opus",
    "ogg": "audio/ogg",
    "aac": "audio/aac",
    "m4a": "audio/mp4",
    "aiff": "audio/aiff",
}
_FORMATS: Final = {
    **{media_type: name for name, media_type in _SOUNDS.items()},
    "audio/mp3": "mp3",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
}


def source_of_url(url: str) -> Source:
    """Of a `data:` URL its bytes, of any other the URL."""
    if url[:5].lower() != "data:":
        return Source(url=url)
    head, _, data = url[5:].partition(",")
    media_type, *parameters = head.split(";")
    if parameters and parameters[-1].strip().lower() == "base64":
        return Source(media_type=media_type, data=data)
    return Source(media_type=media_type or "text/plain", data=b64encode(unquote_to_bytes(data)).decode())


def source_of_file(data: str) -> Source:
    """Of `file_data`, which some clients fill with bare base64."""
    if data[:5].lower() == "data:" or data.startswith(("http://", "https://")):
        return source_of_url(data)
    return Source(data=data)


def url_of(source: Source, media_type: str) -> str | None:
    """A URL for it, with `media_type` where it says none; None for what has neither bytes nor an address on
    the web."""
    if source.data is not None:
        return f"data:{source.media_type or media_type};base64,{source.data}"
    return web_url(source)


def text_of(source: Source) -> str | None:
    """Of a document that is nothing but text; None for all else."""
    if source.text is not None:
        return source.text
    if source.data is None or not source.media_type.startswith("text/"):
        return None
    try:
        return b64decode(source.data, validate=True).decode()
    except (Base64Error, UnicodeDecodeError):
        return None


def sound_type(format_: str) -> str:
    return _SOUNDS.get(format_.lower(), f"audio/{format_}")


def sound_format(source: Source) -> str | None:
    """None: no format of sound that can be said."""
    return _FORMATS.get(source.media_type)
