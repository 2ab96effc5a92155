"""Forms: the model is found and replaced, files are untouched, broken ones are refused."""

import contextlib
import time

import pytest
from tests.support.memory import MIB, peak_of_allocations

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
    assert bytes(envelope.render("other")) == body.replace(b"whisper-1", b"other")


def test_a_file_of_another_name_is_not_the_model() -> None:
    envelope = FormEnvelope.decode(form((b'name="file"; filename="model"', b"data")), TYPE)
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


def refused(body: bytes, content_type: bytes = TYPE) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        FormEnvelope.decode(body, content_type)
    return caught.value


MODEL = (b'name="model"', b"a")


@pytest.mark.parametrize(
    "head",
    [
        b'name="model"; filename="x"',
        b'name="model"; filename=""',
        b"name=\"model\"; filename*=UTF-8''x",
        b'name="stream"; filename=""',
        b'name="model"\r\nContent-Transfer-Encoding: quoted-printable',
        b'name="model"\r\ncontent-transfer-encoding: base64',
    ],
)
def test_a_read_field_is_taken_in_its_plain_form_only(head: bytes) -> None:
    error = refused(form((head, b"a")))
    assert (error.status, error.code) == (400, "invalid_field")
    assert error.param in {"model", "stream"}


@pytest.mark.parametrize(
    "head",
    [
        b'name="x"; name="model"',
        b"name=\"x\"; name*=UTF-8''model",
        b'name="x"; name*0="model"',
        b'name="mod\\el"',
        b'name="x',
        b"name",
        b'name="x"\r\n folded: y',
        b'name="x"\r\nContent-Disposition: form-data; name="model"',
        b'name="x"\nContent-Disposition: form-data; name="model"',
        b'name="x"\r\nX-Long: ' + b"y" * 9000,
        b'filename="x"',
    ],
)
def test_a_part_that_parsers_may_name_differently_is_refused(head: bytes) -> None:
    assert refused(form(MODEL, (head, b"a"))).code == "invalid_body"


@pytest.mark.parametrize(
    "head",
    [
        b"name=file; filename=a.wav",
        b'NAME="file"; FileName="a;b \\"c\\" \xff.wav";',
        b'name="file"; filename="a"; filename*=UTF-8\'\'%c3%a9.wav\r\nContent-Type: audio/wav',
        b'name="timestamp_granularities[]"',
        b'name="model2"',
        b'name="file"; filename="C:\\a\\b.wav"',
    ],
)
def test_all_other_parts_may_be_named_in_any_way(head: bytes) -> None:
    body = form((head, FILE), MODEL)
    rendered = FormEnvelope.decode(body, TYPE).render("b")
    assert bytes(rendered) == body.replace(b"\r\n\r\na\r\n", b"\r\n\r\nb\r\n")


@pytest.mark.parametrize(
    "inside",
    [
        b'\n--b0\nContent-Disposition: form-data; name="model"\n\nforbidden\n',
        b"\r--b0\r",
        b"\r\n--b0x\r\n",
        b"a --b0",
    ],
)
def test_the_boundary_within_a_part_is_refused(inside: bytes) -> None:
    assert refused(form(MODEL, (b'name="x"', inside))).code == "invalid_body"


@pytest.mark.parametrize(
    "body",
    [
        b"preamble\r\n" + form(MODEL),
        form(MODEL).replace(b"\r\n", b"\n"),
        b"--b0\r\n\r\na\r\n--b0--\r\n",
        b"--b0\r\n--b0--\r\n",
        b'--b0\r\nContent-Disposition: form-data; name="x"\r\n--b0--\r\n',
        b'--b0\r\nContent-Disposition: form-data; name="x"\r\n\r\n--b0--\r\n',
        b'--b0\r\nContent-Disposition: attachment; name="x"\r\n\r\n\r\n--b0--\r\n',
        b"--b0",
    ],
)
def test_bodies_that_are_no_form(body: bytes) -> None:
    assert refused(body).code == "invalid_body"


def test_what_the_rfc_allows_around_parts() -> None:
    body = b"\r\n" + form(MODEL, (b'name="x"', b""), end=b"--b0--  \r\nepilogue --b0")
    body = body.replace(b"--b0\r\n", b"--b0 \t\r\n")
    assert FormEnvelope.decode(body, TYPE).model == "a"


@pytest.mark.parametrize(
    ("content_type", "canonical"),
    [
        (b"multipart/form-data; boundary=b0", b"multipart/form-data; boundary=b0"),
        (b'Multipart/Form-Data ; charset=utf-8; Boundary="b0";', b"multipart/form-data; boundary=b0"),
    ],
)
def test_the_content_type_is_made_anew(content_type: bytes, canonical: bytes) -> None:
    assert FormEnvelope.decode(form(MODEL), content_type).content_type == canonical


def test_a_boundary_that_needs_quotes_keeps_them() -> None:
    body = form(MODEL).replace(b"--b0", b"--=b:0")
    envelope = FormEnvelope.decode(body, b'multipart/form-data; boundary="=b:0"')
    assert envelope.content_type == b'multipart/form-data; boundary="=b:0"'


@pytest.mark.parametrize(
    "parameters",
    [
        b"boundary=b0; boundary=b1",
        b"boundary=b0; Boundary=b0",
        b"boundary=b0, boundary=b1",
        b'boundary="b0',
        b'boundary="b\\0"',
        b"boundary*=UTF-8''b0",
        b"boundary=",
        b'boundary=""',
        b'boundary="b0 "',
        b'boundary="b\xff"',
        b"boundary=" + b"b" * 71,
        b"boundary=b0 x",
    ],
)
def test_an_odd_boundary_is_refused(parameters: bytes) -> None:
    assert refused(form(MODEL), b"multipart/form-data; " + parameters).status == 415


def test_the_number_of_parts_is_limited() -> None:
    parts = [(b'name="x%d"' % number, b"") for number in range(1000)]
    assert FormEnvelope.decode(form(*parts), TYPE).model is None
    assert "1000 parts" in refused(form(*parts, MODEL)).message


HOSTILE = {
    "tiny parts": (b'--b0\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n') * 150_000,
    "padding": form(MODEL, end=b"--b0" + b" " * 8_000_000 + b"\r\n"),
    "almost boundaries": form((b'name="x"', b"\r\n--b" * 1_600_000)),
    "boundaries of another kind": form((b'name="x"', b"\r\n--b0x" * 1_000_000)),
    "header names": b"--b0\r\n" + b"x" * 8_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_time_a_form_takes_does_not_depend_on_what_is_in_it(name: str) -> None:
    body = HOSTILE[name]
    assert len(body) > 7_000_000
    with contextlib.suppress(GatewayError):
        FormEnvelope.decode(body, TYPE)
    began = time.process_time_ns()
    with contextlib.suppress(GatewayError):
        FormEnvelope.decode(body, TYPE)
    assert time.process_time_ns() - began < 200_000_000  # a byte-wise parser takes a second


@pytest.mark.parametrize(
    ("value", "stream"), [(b"true", True), (b"True", True), (b"1", True), (b"no", False), (b"", False)]
)
def test_stream(value: bytes, stream: bool) -> None:
    assert FormEnvelope.decode(form(MODEL, (b'name="stream"', value)), TYPE).stream is stream


def test_a_model_cannot_bring_a_field_with_it() -> None:
    envelope = FormEnvelope.decode(form(MODEL), TYPE)
    with pytest.raises(GatewayError, match="control characters"):
        envelope.render('x\r\n--b0\r\nContent-Disposition: form-data; name="model"\r\n\r\ny')


@pytest.mark.parametrize("model", [b"", b"a", b"a" * 1000])
def test_a_file_is_not_copied(model: bytes) -> None:
    file = (b'name="file"; filename="a"', bytes(MIB))
    envelope = FormEnvelope.decode(form(file, (b'name="model"', model), file), TYPE)
    with peak_of_allocations() as peak:
        rendered = envelope.render("other")
    assert peak() < 10_000
    assert len(rendered) == len(envelope.body) + len("other") - len(model)
    assert bytes(rendered) == form(file, (b'name="model"', b"other"), file)


def test_nothing_is_written_about_bad_forms(capfd: pytest.CaptureFixture[str]) -> None:
    refused(form(MODEL).replace(b"--b0--", b"--b0-x"))
    refused(b"--b1\r\n")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("value", "n"),
    [(b"3", 3), (b" 3\n", 3), (b"0", 0), (b"-1", 1), (b"many", 1), (b"", 1), (b"9" * 5_000, 1)],
)
def test_how_many_answers(value: bytes, n: int) -> None:
    assert FormEnvelope.decode(form(MODEL, (b'name="n"', value)), TYPE).n == n
    assert FormEnvelope.decode(form(MODEL), TYPE).n == 1
