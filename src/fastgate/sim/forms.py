"""Bodies of the type multipart/form-data, as the audio and image endpoints take them."""

import io

import msgspec
import python_multipart
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File

from fastgate.sim.reply import SimError
from fastgate.sim.request import Request


class Form(msgspec.Struct):
    """Text fields (the last one of a name), and the sizes of the files in bytes."""

    fields: dict[str, str] = {}
    file_sizes: dict[str, int] = {}

    def required(self, name: str) -> str:
        if name not in self.fields:
            raise SimError(400, f"Missing form field: {name}", param=name)
        return self.fields[name]


def parse_form(request: Request, file: str) -> Form:
    """Raises SimError where the body is no form, or has no file under the name `file` or `file[]`."""
    form = Form()

    def on_field(field: Field) -> None:
        form.fields[_text(field.field_name)] = _text(field.value)

    def on_file(upload: File) -> None:
        form.file_sizes[_text(upload.field_name).removesuffix("[]")] = upload.size

    if not request.content_type.lower().startswith(b"multipart/form-data"):
        raise SimError(400, "The body must be multipart/form-data.")
    try:
        headers = {"Content-Type": request.content_type}
        python_multipart.parse_form(headers, io.BytesIO(request.body), on_field, on_file)
    except FormParserError as error:
        raise SimError(400, f"The form cannot be read: {error}") from error
    if file not in form.file_sizes:
        raise SimError(400, f"Missing file: {file}", param=file)
    return form


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
