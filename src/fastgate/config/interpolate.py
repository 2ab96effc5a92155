"""References in string values: `${VAR}`, `${VAR:-default}`, `env.VAR` and `file:/path`.

`$$` takes the meaning from what comes behind it: `$${` anywhere, `$$file:` and `$$env.` at the start.

Workers resolve secrets with this module, so it imports neither YAML nor the settings.
"""

import re
from collections.abc import Mapping
from typing import Final

from fastgate.domain.credential import AwsKeyRefs, AwsKeys, SecretRef
from fastgate.errors import ConfigError

NO_SECRET: Final = "none"  # noqa: S105 - the word that says there is none

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_REFERENCE: Final = re.compile(rf"\$\$\{{|\$\{{(?:({_NAME})(?::-([^{{}}]*))?\}})?")
_PART: Final = re.compile(rf"(\$\{{{_NAME})#([0-9]{{1,4}})\}}")
_VARIABLE: Final = re.compile(rf"\$\{{{_NAME}(?:#[0-9]{{1,4}})?\}}|env\.{_NAME}")
_ENV: Final = re.compile(rf"env\.({_NAME})")
_FILE: Final = "file:"
_WHOLE: Final = (_FILE, "env.")
_ESCAPED: Final = tuple(f"$${prefix}" for prefix in _WHOLE)
_MAX_FILE_BYTES: Final = 1 << 20  # a mistyped path to a device or a log must not fill the memory


def has_reference(text: str) -> bool:
    """Whether `expand` would look at anything outside of `text`."""
    return "${" in text or text.startswith((_FILE, *_ESCAPED)) or _ENV.fullmatch(text) is not None


def file_reference(path: str) -> str:
    """The reference that `expand` makes the file's text of."""
    return f"{_FILE}{path}"


def literal(text: str) -> str:
    """The text that `expand` makes `text` of."""
    return ("$$" if text.startswith(_WHOLE) else "") + text.replace("${", "$${")


def is_text(value: str) -> bool:
    """False for a variable's value that is not UTF-8: Python keeps its bytes as lone surrogates."""
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def shown_name(name: str) -> str:
    """A name of a file or variable, fit for a message also where it is not UTF-8."""
    return name.encode("utf-8", "replace").decode()


def is_pure_reference(text: str) -> bool:
    """Whether `text` only names where a value is, so that it can be shown though the value is secret."""
    return text == NO_SECRET or text.startswith(_FILE) or _VARIABLE.fullmatch(text) is not None


def expand(text: str, environ: Mapping[str, str]) -> str:
    """`text` with its references replaced, once: what they bring is not looked at again.

    `:-default` counts where the variable is unset or empty. A file is read as UTF-8 without its last
    line end. Raises ConfigError with the reason, never with a value.
    """
    if text.startswith(_FILE):
        return read_file(text.removeprefix(_FILE))
    if match := _ENV.fullmatch(text):
        return _lookup(match[1], environ)
    if text.startswith(_ESCAPED):
        text = text.removeprefix("$$")
    return _REFERENCE.sub(lambda match: _replace(match, environ), text)


def _replace(match: re.Match[str], environ: Mapping[str, str]) -> str:
    name: str | None = match[1]
    default: str | None = match[2]
    if match[0] == "$${":
        return "${"
    if name is None:
        raise ConfigError(
            "`${` does not begin `${NAME}` or `${NAME:-default}`; as plain text it is written `$${`"
        )
    if default is not None and not environ.get(name):
        return default
    return _lookup(name, environ)


def _lookup(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise ConfigError(f"the environment variable {name} is not set")
    if not is_text(environ[name]):
        raise ConfigError(f"the environment variable {name} is not UTF-8 text")
    return environ[name]


def read_file(path: str) -> str:
    """The text of the file at an absolute `path`, without its last line end. Raises ConfigError."""
    if not path.startswith("/"):
        raise ConfigError(f"`file:` needs an absolute path, not `{path}`")
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read the file {path}: {error.strerror}") from error
    if len(data) > _MAX_FILE_BYTES:
        raise ConfigError(f"the file {path} is larger than {_MAX_FILE_BYTES} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"the file {path} is not UTF-8 text") from error
    return text.removesuffix("\n").removesuffix("\r")


def secret_ref(template: str) -> SecretRef | None:
    """The reference that a `secret:` setting holds; None for `none`.

    `${VAR#N}` means part N, from 0, of a comma-separated list in VAR.
    """
    if template == NO_SECRET:
        return None
    if match := _PART.fullmatch(template):
        return SecretRef(template=f"{match[1]}}}", part=int(match[2]))
    return SecretRef(template=template)


def resolve_secret(ref: SecretRef, environ: Mapping[str, str], *, document: bool = False) -> str:
    """The secret itself. May read a file: for the moment a snapshot is taken over, not for each call.

    Raises ConfigError where it is missing, empty or, but for a `document`, unfit for an HTTP header; the
    message names the place, never the secret.
    """
    text = expand(ref.template, environ)
    if ref.part >= 0:
        parts = text.split(",")
        if ref.part >= len(parts):
            raise ConfigError(f"{_place(ref)} has {len(parts)} parts, so none with the number {ref.part}")
        text = parts[ref.part]
    text = text.strip()
    if not text:
        raise ConfigError(f"{_place(ref)} is empty")
    if not document and not (text.isascii() and text.isprintable()):
        raise ConfigError(f"{_place(ref)} holds characters that cannot stand in an HTTP header")
    return text


def resolve_keys(refs: AwsKeyRefs, environ: Mapping[str, str]) -> AwsKeys:
    """As `resolve_secret`, for each part of a pair of keys."""
    token = refs.session_token
    return AwsKeys(
        resolve_secret(refs.access_key_id, environ),
        resolve_secret(refs.secret_access_key, environ),
        None if token is None else resolve_secret(token, environ),
    )


def _place(ref: SecretRef) -> str:
    return f"the secret at {ref.template}" if is_pure_reference(ref.template) else "the secret"
