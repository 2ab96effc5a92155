"""Images that a model made, in streams of Converse."""

from base64 import b64encode

import msgspec
import pytest
from tests.support.wire_targets import asked

from fastgate.domain.conversation import Conversation, Image, Source
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Closed,
    Delta,
    Ended,
    Failed,
    Finish,
    ForeignDelta,
    ImageDelta,
    TextDelta,
)
from fastgate.wire.converse import CLIENT, PROVIDER
from fastgate.wire.converse.frames import frame

_BYTES = bytes(range(50))
_IMAGE = Image(source=Source(media_type="image/webp", data=b64encode(_BYTES).decode()))
_IN_S3 = Image(source=Source(media_type="image/png", url="s3://bucket/it.png"))


def event(name: str, index: int, **members: object) -> bytes:
    return frame(name, msgspec.json.encode({"contentBlockIndex": index, **members}))


def begun(index: int = 0, format_: str = "webp") -> bytes:
    return event("contentBlockStart", index, start={"image": {"format": format_}})


def piece(source: object, index: int = 0) -> bytes:
    return event("contentBlockDelta", index, delta={"image": {"source": source}})


def read(*frames: bytes) -> list[Delta]:
    reader = PROVIDER.stream_reader()
    return [delta for each in frames for delta in reader.read(each)]


def test_pieces_are_one_image() -> None:
    pieces = [piece({"bytes": b64encode(part).decode()}) for part in (_BYTES[:7], _BYTES[7:])]
    assert read(begun(), *pieces, event("contentBlockStop", 0)) == [ImageDelta(_IMAGE)]


def test_one_that_lies_elsewhere() -> None:
    place = piece({"s3Location": {"uri": "s3://bucket/it.png"}})
    assert read(begun(format_="png"), place, event("contentBlockStop", 0)) == [ImageDelta(_IN_S3)]


def test_one_that_nobody_closed_comes_before_the_end() -> None:
    stop = frame("messageStop", b'{"stopReason":"end_turn"}')
    pieces = [piece({"bytes": b64encode(_BYTES).decode()}, index) for index in (0, 1)]
    assert read(begun(0), pieces[0], begun(1), pieces[1], event("contentBlockStop", 0), stop) == [
        ImageDelta(_IMAGE),
        ImageDelta(_IMAGE),
        Ended(Finish.STOP),
    ]


def test_one_that_could_not_be_made_is_not_forgotten() -> None:
    error = event("contentBlockDelta", 0, delta={"image": {"error": {"message": "unsafe"}}})
    (left_out,) = read(begun(), error, event("contentBlockStop", 0))
    assert isinstance(left_out, ForeignDelta)
    assert left_out.kind == "image"


def test_a_piece_of_none() -> None:
    (failed,) = read(piece({"bytes": "YWJj"}))
    assert isinstance(failed, Failed)


@pytest.mark.parametrize("image", [_IMAGE, _IN_S3])
def test_what_is_written_is_read_again(image: Image) -> None:
    writer = CLIENT.stream_writer(asked(Conversation(format=Format.CONVERSE, messages=())))
    deltas: list[Delta] = [TextDelta("a"), ImageDelta(image), TextDelta("b"), Ended(Finish.STOP), Closed()]
    splitter = PROVIDER.splitter(1 << 20)
    splitter.feed(writer.write(deltas))
    seen = read(*(each for each, _ in splitter.events()))
    assert [delta for delta in seen if isinstance(delta, TextDelta | ImageDelta)] == deltas[:3]
    assert writer.losses.names == []
