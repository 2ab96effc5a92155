"""References in text, and secrets that are resolved where they are presented."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate.config.interpolate import (
    expand,
    has_reference,
    is_pure_reference,
    literal,
    resolve_secret,
    secret_ref,
)
from fastgate.domain.credential import SecretRef
from fastgate.errors import ConfigError

ENVIRON = {"A": "alpha", "EMPTY": "", "LIST": "k0, k1 ,k2", "NEWLINE": "sk-1\n", "BAD": "a\r\nb"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${A}", "alpha"),
        ("x-${A}-${A}", "x-alpha-alpha"),
        ("${NOPE:-def}", "def"),
        ("${EMPTY:-def}", "def"),
        ("${EMPTY}", ""),
        ("${NOPE:-}", ""),
        ("env.A", "alpha"),
        ("my env.A", "my env.A"),
        ("$${A}", "${A}"),
        ("$5 and $A", "$5 and $A"),
        ("filed: x", "filed: x"),
    ],
)
def test_expand(text: str, value: str) -> None:
    assert expand(text, ENVIRON) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("${NOPE}", "the environment variable NOPE is not set"),
        ("env.NOPE", "the environment variable NOPE is not set"),
        ("${}", "does not begin"),
        ("${A", "does not begin"),
        ("${A:-${B}}", "does not begin"),
        ("${1A}", "does not begin"),
        ("file:relative", "`file:` needs an absolute path"),
        ("file:/nonexistent/x", "cannot read the file /nonexistent/x: No such file or directory"),
        ("file:/dev/zero", "is larger than"),
    ],
)
def test_expand_says_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason.replace("$", r"\$")):
        expand(text, ENVIRON)


def test_a_file_loses_one_line_end(tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_bytes(b"a\n\r\n")
    assert expand(f"file:{file}", {}) == "a\n"
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        expand(f"file:{file}", {})


@given(st.text())
def test_expand_is_total(text: str) -> None:
    if text.startswith("file:"):
        return
    try:
        assert isinstance(expand(text, ENVIRON), str)
    except ConfigError:
        assert "${" in text or text.startswith("env.")


@pytest.mark.parametrize(
    ("template", "ref"),
    [
        ("none", None),
        ("${LIST#2}", SecretRef("${LIST}", 2)),
        ("${LIST}", SecretRef("${LIST}")),
        ("env.LIST", SecretRef("env.LIST")),
        ("sk-literal#1}", SecretRef("sk-literal#1}")),
    ],
)
def test_secret_ref(template: str, ref: SecretRef | None) -> None:
    assert secret_ref(template) == ref


def test_parts_of_a_list() -> None:
    assert [resolve_secret(SecretRef("${LIST}", part), ENVIRON) for part in range(3)] == ["k0", "k1", "k2"]
    assert resolve_secret(SecretRef("${LIST}"), ENVIRON) == "k0, k1 ,k2"


def test_white_space_around_a_secret_is_cut_off() -> None:
    assert resolve_secret(SecretRef("${NEWLINE}"), ENVIRON) == "sk-1"


@pytest.mark.parametrize(
    ("ref", "reason"),
    [
        (SecretRef("${LIST}", 3), r"the secret at \$\{LIST\} has 3 parts, so none with the number 3"),
        (SecretRef("${EMPTY}"), r"the secret at \$\{EMPTY\} is empty"),
        (SecretRef("${BAD}"), "cannot stand in an HTTP header"),
        (SecretRef("sk-väry-secret"), "^the secret holds characters"),
    ],
)
def test_a_bad_secret_is_named_but_not_told(ref: SecretRef, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        resolve_secret(ref, ENVIRON)
    assert "väry" not in str(caught.value)


def test_what_may_be_shown() -> None:
    shown = ["none", "${A}", "${A#1}", "env.A", "file:/run/x"]
    hidden = ["sk-literal", "${A:-sk-default}", "sk-${A}", "env.A b"]
    assert [is_pure_reference(text) for text in shown + hidden] == [True] * 5 + [False] * 4


def test_a_worker_that_resolves_secrets_loads_no_yaml() -> None:
    code = "import sys, fastgate.config.interpolate; sys.exit('yaml' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$$file:/etc/passwd", "file:/etc/passwd"),
        ("$$env.A", "env.A"),
        ("$$file:${A}", "file:alpha"),
        ("x$$file:y", "x$$file:y"),
    ],
)
def test_the_meaning_can_be_taken_away(text: str, value: str) -> None:
    assert expand(text, ENVIRON) == value


def test_what_a_variable_brings_is_not_looked_at_again() -> None:
    assert expand("${X}", {"X": "file:/etc/passwd"}) == "file:/etc/passwd"
    assert expand("${X}", {"X": "${A}"}) == "${A}"


@given(st.text(alphabet="$ {}:-file.envA/", max_size=20))
def test_a_literal_is_read_as_it_was(text: str) -> None:
    written = literal(text)
    assert (expand(written, ENVIRON) if has_reference(written) else written) == text
