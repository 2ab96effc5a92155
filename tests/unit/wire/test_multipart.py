"""Forms: the model is found and replaced, files are untouched, broken ones are refused."""

import pytest

from fastgate.errors import GatewayError
from fastgate.wire.multipart import FormEnvelope

TYPE = b'multipart/form-data; boundary="b0"'
FILE = bytes(range(256)) * 40 + b"\r\n--b1\r\nmodel"


def form(*parts: tuple[bytes, bytes], end: bytes = b"--b0--\r\n") -> bytes:
    body = b"".join(
        b"--b0\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + value + b"\r\n"
        for head, value in parts
    )
    return body + end


def test_the_model_is_replaced_and_the_file_stays() -> None:
    body = form(
        (b'name="file"; filename="model"', FILE), (b'name="model"', b"whisper-1"), (b'name="stream"', b"true")
    )
    envelope = FormEnvelope.decode(body, TYPE)
    assert (envelope.model, envelope.stream) == ("whisper-1", True)
    assert envelope.render(None) is body
    assert envelope.render("other") == body.replace(b"whisper-1", b"other")


def test_a_file_named_model_is_not_the_model() -> None:
    envelope = FormEnvelope.decode(form((b'name="model"; filename="x"', b"data")), TYPE)
    assert envelope.model is None
    with pytest.raises(GatewayError, match="no field `model`"):
        envelope.render("other")


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (form((b'name="model"', b"a")), b"application/json", "unsupported_media_type"),
        (form((b'name="model"', b"a")), b"multipart/form-data", "unsupported_media_type"),
        (form((b'name="model"', b"a"), end=b""), TYPE, "invalid_body"),
        (form((b'name="model"', b"a"), (b'name="model"', b"b")), TYPE, "duplicate_key"),
        (form((b'name="model"', b"\xff")), TYPE, "invalid_field"),
        (b"no form at all", TYPE, "invalid_body"),
        (b"", TYPE, "invalid_body"),
    ],
)
def test_broken_forms_are_refused(body: bytes, content_type: bytes, code: str) -> None:
    with pytest.raises(GatewayError) as caught:
        FormEnvelope.decode(body, content_type)
    assert caught.value.code == code
