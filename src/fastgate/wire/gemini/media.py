"""Media types: what kind of part one is, and what to say where a client said none."""

from base64 import b64decode, b64encode
from binascii import Error
from typing import Final
from urllib.parse import SplitResult, urlsplit

from fastgate.domain.conversation import Audio, Document, Image, Part, Source, Video

_OF_ENDINGS: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "gif": "image/gif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "xml": "text/xml",
    "mp3": "audio/mp3",
    "wav": "audio/wav",
    "aac": "audio/aac",
    "aiff": "audio/aiff",
    "flac": "audio/flac",
    "m4a": "audio/m4a",
    "ogg": "audio/ogg",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpg": "video/mpg",
    "mov": "video/quicktime",
    "avi": "video/avi",
    "flv": "video/x-flv",
    "webm": "video/webm",
    "wmv": "video/wmv",
    "3gp": "video/3gpp",
}
"""The media types that Gemini's documentation lists, by the usual ends of names."""

_TO_STANDARD: Final = str.maketrans("-_", "+/")
_VIDEO_HOSTS: Final = frozenset({"youtu.be", "youtube.com", "www.youtube.com", "m.youtube.com"})
_OWN_FILES: Final = ("https://generativelanguage.googleapis.com/", "files/")
_USUAL: Final[dict[type, str]] = {
    Image: "image/jpeg",
    Document: "application/pdf",
    Audio: "audio/wav",
    Video: "video/mp4",
}


def part_of(source: Source, *, title: str | None, signature: str | None, detail: str | None) -> Part:
    """The part that a file is, by its media type, or else by its address."""
    kind = (source.media_type or guessed(source.url or "")).partition("/")[0]
    if kind == "image":
        return Image(source=source, signature=signature, detail=detail)
    if kind == "audio":
        return Audio(source=source)
    if kind == "video" or (source.url and _split(source.url).hostname in _VIDEO_HOSTS):
        return Video(source=source)
    return Document(source=source, title=title)


def inline(media_type: str, data: str) -> Source:
    """Bytes in the request. proto JSON takes both alphabets of base64, with or without padding."""
    data = data.translate(_TO_STANDARD)
    data += "=" * (-len(data) % 4)
    if media_type == "text/plain":
        try:
            return Source(media_type=media_type, text=b64decode(data, validate=True).decode())
        except (Error, UnicodeDecodeError):
            return Source(media_type=media_type, data=data)
    return Source(media_type=media_type, data=data)


def referred(media_type: str, uri: str) -> Source:
    """A file that is elsewhere: at Google, where only its owner's credential reads it, or anywhere."""
    if uri.startswith(_OWN_FILES):
        return Source(media_type=media_type, file_id=uri)
    return Source(media_type=media_type, url=uri)


def is_own_file(file_id: str) -> bool:
    """Whether it names a file of Google's, and not one of another provider's."""
    return file_id.startswith((*_OWN_FILES, "gs://"))


def media_type(part: Image | Document | Audio | Video) -> str:
    """What the client said, else what its address or the kind of part suggests: Vertex demands one."""
    source = part.source
    if source.media_type:
        return source.media_type
    if source.text is not None:
        return "text/plain"
    return guessed(source.url or "") or _USUAL[type(part)]


def text_data(text: str) -> str:
    """A text as the bytes of a file."""
    return b64encode(text.encode()).decode()


def guessed(url: str) -> str:
    """By the end of the path; "" where that says nothing."""
    return _OF_ENDINGS.get(_split(url).path.rpartition(".")[2].lower(), "")


def _split(url: str) -> SplitResult:
    """Nothing, of what is no URL."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
