"""Content parts of messages and of what tools answered."""

from collections.abc import Callable
from typing import Final

import msgspec

from fastgate.domain.conversation import (
    Audio,
    CacheFor,
    Citation,
    Document,
    Foreign,
    Image,
    Part,
    Refusal,
    Source,
    Text,
)
from fastgate.domain.format import Format
from fastgate.wire.chat import media
from fastgate.wire.reading import decoded, missing
from fastgate.wire.responses.shapes import (
    Annotation,
    AudioPart,
    Breakpoint,
    FilePart,
    ImagePart,
    Kind,
    ReasoningText,
    RefusalPart,
    TextPart,
)
from fastgate.wire.unread import Kinds, Known

_kinds: Final = msgspec.json.Decoder(Kind)
_texts: Final = msgspec.json.Decoder(TextPart)
_annotations: Final = msgspec.json.Decoder(Annotation)
_refusals: Final = msgspec.json.Decoder(RefusalPart)
_images: Final = msgspec.json.Decoder(ImagePart)
_files: Final = msgspec.json.Decoder(FilePart)
_sounds: Final = msgspec.json.Decoder(AudioPart)


def read_parts(content: str | list[msgspec.Raw], where: str) -> tuple[Part, ...]:
    """GatewayError `missing_field`, `invalid_field`; `where` is the content's path."""
    if isinstance(content, str):
        return (Text(text=content),) if content else ()
    return tuple([_part(each, f"{where}[{index}]") for index, each in enumerate(content)])


def _part(part: msgspec.Raw, where: str) -> Part:
    kind = decoded(_kinds, part, where).type or missing(f"{where}.type")
    read = _READERS.get(kind)
    return Foreign(format=Format.RESPONSES, kind=kind, raw=part) if read is None else read(part, where)


def _text(part: msgspec.Raw, where: str) -> Part:
    said = decoded(_texts, part, where)
    return Text(
        text=said.text,
        citations=tuple(_citation(each, f"{where}.annotations") for each in said.annotations or ()),
        cache=_cache(said.prompt_cache_breakpoint),
    )


def _citation(annotation: msgspec.Raw, where: str) -> Citation:
    said = decoded(_annotations, annotation, where)
    return Citation(
        url=said.url,
        title=said.title,
        start=said.start_index,
        end=said.end_index,
        format=Format.RESPONSES,
        raw=annotation,
    )


def _refusal(part: msgspec.Raw, where: str) -> Part:
    return Refusal(text=decoded(_refusals, part, where).refusal)


def _image(part: msgspec.Raw, where: str) -> Part:
    said = decoded(_images, part, where)
    if said.image_url is not None:
        source = media.source_of_url(said.image_url)
    else:
        source = Source(file_id=said.file_id or missing(f"{where}.image_url"))
    return Image(source=source, detail=said.detail, cache=_cache(said.prompt_cache_breakpoint))


def _file(part: msgspec.Raw, where: str) -> Part:
    said = decoded(_files, part, where)
    if said.file_id is not None:
        source = Source(file_id=said.file_id)
    elif said.file_url is not None:
        source = Source(url=said.file_url)
    else:
        source = media.source_of_file(said.file_data or missing(f"{where}.file_data"))
    return Document(source=source, title=said.filename, cache=_cache(said.prompt_cache_breakpoint))


def _audio(part: msgspec.Raw, where: str) -> Part:
    said = decoded(_sounds, part, where).input_audio
    return Audio(source=Source(media_type=media.sound_type(said.format), data=said.data))


def _cache(point: Breakpoint | None) -> CacheFor | None:
    """OpenAI's times to live are all longer than what is kept anywhere else."""
    if point is None:
        return None
    return CacheFor.DEFAULT if point.ttl is None else CacheFor.ONE_HOUR


_READERS: Final[dict[str, Callable[[msgspec.Raw, str], Part]]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "refusal": _refusal,
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
}

_POINT: Final = Known(Breakpoint, also=("mode",))
_TEXT: Final = Known(TextPart, also=("logprobs",), prompt_cache_breakpoint=_POINT)
KNOWN_PARTS: Final = Kinds(
    "type",
    {
        "input_text": _TEXT,
        "output_text": _TEXT,
        "text": _TEXT,
        "refusal": Known(RefusalPart),
        "input_image": Known(ImagePart, one_of=[("image_url", "file_id")], prompt_cache_breakpoint=_POINT),
        "input_file": Known(
            FilePart, one_of=[("file_id", "file_url", "file_data")], prompt_cache_breakpoint=_POINT
        ),
        "input_audio": Known(AudioPart),
        "reasoning_text": Known(ReasoningText),
    },
)
"""What is known of the members of parts; the text of reasoning stands in their place."""
