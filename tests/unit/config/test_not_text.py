"""Variables whose bytes are no UTF-8: Python has lone surrogates for them, which no encoder takes."""

from pathlib import Path

import msgspec
import pytest
from tests.support.configs import check_text

from fastgate.config.load import check

BAD = b"caf\xe9".decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("text", "environ", "source"),
    [
        ("data_dir: ${X}", {"X": BAD}, "FASTGATE_CONFIG_YAML"),
        ("data_dir: env.X", {"X": BAD}, "FASTGATE_CONFIG_YAML"),
        ("data_dir: '${X:-y}'", {"X": BAD}, "FASTGATE_CONFIG_YAML"),
        ("providers: {openai: {credentials: [{secret: env.X}]}}", {"X": BAD}, "FASTGATE_CONFIG_YAML"),
        ("", {"FASTGATE_DATA_DIR": BAD}, "FASTGATE_DATA_DIR"),
        ("", {"FASTGATE_VIRTUAL_KEYS": f"[{{id: {BAD}}}]"}, "FASTGATE_VIRTUAL_KEYS"),
        ("", {"FASTGATE_DATA_DIR_FILE": BAD}, "FASTGATE_DATA_DIR_FILE"),
        ("", {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": BAD}, "OPENAI_BASE_URL"),
        (BAD, {}, "FASTGATE_CONFIG_YAML"),
        ("", {f"FASTGATE_{BAD}": "1"}, "FASTGATE_caf?"),
    ],
)
def test_they_are_refused_by_name(text: str, environ: dict[str, str], source: str) -> None:
    settings, found = check_text(text, **environ)
    assert settings is None
    assert found[0].file == source
    assert "is not UTF-8 text" in found[0].message or source == "FASTGATE_caf?"
    msgspec.json.encode(found)


def test_a_file_whose_name_is_no_text() -> None:
    _, found = check(Path(BAD), {})
    assert found[0].file == "caf?"
    msgspec.json.encode(found)
