"""The names that the configuration refuses are those that are acted on elsewhere."""

from fastgate.domain import header_names
from fastgate.pipeline import authenticate
from fastgate.upstream import head


def test_the_head_of_a_request_writes_these_itself() -> None:
    assert {name.decode() for name in head.HOP_BY_HOP} == header_names.HOP_BY_HOP
    built = head.request_head(
        b"GET", b"/", b"h", [(name.encode(), b"x") for name in sorted(header_names.OWN)], None
    )
    assert built == head.request_head(b"GET", b"/", b"h", [], None)


class Recorder:
    def __init__(self) -> None:
        self.asked: set[str] = set()

    def header(self, name: bytes) -> bytes | None:
        self.asked.add(name.decode())
        return None


def test_these_may_carry_a_virtual_key() -> None:
    recorder = Recorder()
    assert authenticate.presented_secret(recorder) is None  # type: ignore[arg-type]  # asks for headers only
    assert recorder.asked == header_names.VIRTUAL_KEY
