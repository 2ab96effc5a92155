"""Names of file formats in Converse, and the media types (RFC 6838) that they stand for."""

from typing import Any, Final, NamedTuple

from fastgate.domain.conversation import Source


class Kind(NamedTuple):
    """`types` by Converse's names, `names` by media types, of which several may stand for one name."""

    types: dict[str, str]
    names: dict[str, str]


def _kind(types: dict[str, str], **other: str) -> Kind:
    """`other`: further media types by Converse's names, separated by blanks."""
    names = {type_: name for name, type_ in types.items()}
    names |= {type_: name for name, listed in other.items() for type_ in listed.split()}
    return Kind(types, names)


IMAGE: Final = _kind(
    {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"},
    jpeg="image/jpg",
)
DOCUMENT: Final = _kind(
    {
        "pdf": "application/pdf",
        "csv": "text/csv",
        "doc": "application/msword",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls": "application/vnd.ms-excel",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "html": "text/html",
        "txt": "text/plain",
        "md": "text/markdown",
    }
)
VIDEO: Final = _kind(
    {
        "mkv": "video/x-matroska",
        "mov": "video/quicktime",
        "mp4": "video/mp4",
        "webm": "video/webm",
        "flv": "video/x-flv",
        "mpg": "video/mpg",
        "mpeg": "video/mpeg",
        "wmv": "video/x-ms-wmv",
        "three_gp": "video/3gpp",
    },
    mkv="video/matroska",
    mov="video/mov",
    wmv="video/wmv",
)
AUDIO: Final = _kind(
    {
        "mp3": "audio/mpeg",
        "opus": "audio/opus",
        "wav": "audio/wav",
        "aac": "audio/aac",
        "flac": "audio/flac",
        "mp4": "audio/mp4",
        "ogg": "audio/ogg",
        "mkv": "audio/x-matroska",
        "mka": "audio/matroska",
        "x-aac": "audio/x-aac",
        "m4a": "audio/m4a",
        "mpeg": "audio/x-mpeg",
        "mpga": "audio/mpga",
        "pcm": "audio/pcm",
        "webm": "audio/webm",
    },
    mp3="audio/mp3",
    wav="audio/x-wav audio/wave audio/vnd.wave",
    flac="audio/x-flac",
    m4a="audio/x-m4a",
    pcm="audio/l16 audio/pcm16",
)


def name_of(source: Source, kind: Kind) -> str | None:
    return kind.names.get(source.media_type.partition(";")[0].strip().lower())


def written(source: Source, kind: Kind) -> dict[str, Any] | None:
    """A file with its format; None where that has no name, or it is neither bytes nor a place in S3."""
    name = name_of(source, kind)
    if name is None:
        return None
    if source.data:
        return {"format": name, "source": {"bytes": source.data}}
    if source.url is not None and source.url.startswith("s3://"):
        return {"format": name, "source": {"s3Location": {"uri": source.url}}}
    return None
