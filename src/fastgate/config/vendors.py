"""Providers that are switched on by the environment: by the variables that their own SDKs read.

`NAME_FILE` in place of a secret's variable NAME names a file that holds the secret.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from fastgate.config import identity_check, identity_view, interpolate
from fastgate.config.diagnostics import Mark, Report
from fastgate.config.tree import Node, node_of
from fastgate.domain.provider_table import KNOWN, KnownProvider
from fastgate.errors import ConfigError


class _Address(NamedTuple):
    """Where an SDK reads its provider's URL from, and the path it adds to that itself."""

    variable: str
    path: str = ""


_ADDRESSES: Final[dict[str, _Address]] = {
    "OPENAI_API_KEY": _Address("OPENAI_BASE_URL"),
    "CEREBRAS_API_KEY": _Address("CEREBRAS_BASE_URL", "/v1"),
    "FIREWORKS_API_KEY": _Address("FIREWORKS_BASE_URL", "/inference/v1"),
    "GROQ_API_KEY": _Address("GROQ_BASE_URL", "/openai/v1"),
    "TOGETHER_API_KEY": _Address("TOGETHER_BASE_URL"),
    "AZURE_OPENAI_API_KEY": _Address("AZURE_OPENAI_ENDPOINT", "/openai/v1"),
    "ANTHROPIC_API_KEY": _Address("ANTHROPIC_BASE_URL"),
    "ANTHROPIC_AUTH_TOKEN": _Address("ANTHROPIC_BASE_URL"),
    "CO_API_KEY": _Address("CO_API_URL"),
}

# What an SDK sends in another way than the provider's other secrets.
_SENT: Final[dict[str, dict[str, str]]] = {
    "ANTHROPIC_AUTH_TOKEN": {"auth_header": "authorization", "auth_prefix": "Bearer "},
}

_GOOGLE_FILE: Final = "GOOGLE_APPLICATION_CREDENTIALS"

_FILE: Final = "_FILE"

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


class _Secret(NamedTuple):
    """What was given, by the SDK's name for it, and the variable that said so."""

    name: str
    variable: str
    credentials: list[dict[str, str]]


class _GoogleFile(msgspec.Struct):
    project_id: str | None = None


def switch_on(tree: Node, environ: Mapping[str, str], report: Report) -> None:
    """Add each known provider whose secret or login is in `environ`. One that the file names stays as it is,
    but for credentials, where it says nothing of them."""
    root = tree.value
    if not isinstance(root, dict):
        return
    section = root.get("providers") or Node({}, tree.mark)
    if section.value is not None and not isinstance(section.value, dict):
        return
    configured = section.value or {}
    found: dict[str, Node] = {}
    for name, known in KNOWN.items():
        if name not in configured:
            node = _provider(name, known, environ, report)
        else:
            node = _with_credentials(configured[name], known, environ, report)
        if node is not None:
            found[name] = node
    if found:
        root["providers"] = Node({**configured, **found}, section.mark)


def _with_credentials(
    node: Node, known: KnownProvider, environ: Mapping[str, str], report: Report
) -> Node | None:
    given = node.value if node.value is not None else {}
    if not isinstance(given, dict) or given.keys() & {"credentials", "dialect"}:
        return None
    secret = _secret(known, environ, report)
    if secret is None:
        return None
    mark = Mark(secret.variable)
    credentials = node_of(secret.credentials, mark)
    sent = node_of(_SENT.get(secret.name, {}), mark).value
    assert isinstance(sent, dict)
    return Node({**sent, **given, "credentials": credentials}, node.mark)


def _secret(known: KnownProvider, environ: Mapping[str, str], report: Report) -> _Secret | None:
    for name in known.env:
        given = _first((name, name + _FILE), environ)
        if given == name:
            if environ.get(name + _FILE, "").strip():
                message = f"is set, and so is {name}: only one of them can count"
                report.error(Mark(name + _FILE), (), message)
            return _Secret(name, name, _credentials(name, environ[name]))
        if given is not None:
            path = environ[given].strip()
            if not interpolate.is_text(path):
                report.error(Mark(given), (), "is not UTF-8 text")
                return None
            return _Secret(name, given, [{"secret": interpolate.file_reference(path)}])
    return None


def _first(variables: Iterable[str], environ: Mapping[str, str]) -> str | None:
    return next((variable for variable in variables if environ.get(variable, "").strip()), None)


def _settings_of(known: KnownProvider, address: _Address | None) -> list[str]:
    """The variables whose values become settings: those of secrets stay references."""
    return [variable for _, variable in known.settings_env] + ([address.variable] if address else [])


def _provider(name: str, known: KnownProvider, environ: Mapping[str, str], report: Report) -> Node | None:
    secret = _secret(known, environ, report)
    given = secret.variable if secret else _first(known.identity_env, environ)
    if given is None:
        return None
    address = _ADDRESSES.get(secret.name) if secret else None
    for variable in _settings_of(known, address):
        if not interpolate.is_text(environ.get(variable, "")):
            report.error(Mark(variable), (), "is not UTF-8 text")
            return None
    settings: dict[str, Any] = {}
    for setting, variable in known.settings_env:
        if value := environ.get(variable, "").strip():
            value = value.removeprefix("https://").rstrip("/")
            settings.setdefault(setting, interpolate.literal(value))
    if address and (url := environ.get(address.variable, "").strip().rstrip("/")):
        url = url if url.endswith(address.path) else url + address.path
        settings["base_url"] = interpolate.literal(url)
    if project := _project(known, environ):
        settings.setdefault("project", interpolate.literal(project))
    if reason := _stays_off(known, settings, address, secret, environ):
        report.warning(Mark(given), (), f"the provider {name} stays off: {reason}")
        return None
    if secret is None:
        settings["credentials"] = [{known.identity: {}}]
    else:
        settings |= _SENT.get(secret.name, {})
        settings["credentials"] = secret.credentials
    return node_of(settings, Mark(given))


def _stays_off(
    known: KnownProvider,
    settings: Mapping[str, Any],
    address: _Address | None,
    secret: _Secret | None,
    environ: Mapping[str, str],
) -> str | None:
    missing = set(_PLACEHOLDER.findall(known.base_url or "")) - settings.keys()
    if known.region is not None:
        missing.discard("region")
    if missing and "base_url" not in settings:
        needed = [variable for setting, variable in known.settings_env if setting in missing]
        needed += [address.variable] if address else []
        return f"{' or '.join(needed)} is not set"
    if secret is None and known.identity is not None:
        login = identity_view.of_surroundings(known.identity)
        if identity_view.is_asked_for(login, environ) and not identity_view.has_library(known.identity):
            return f"it {identity_check.missing_library(known.identity)}"
    return None


def _project(known: KnownProvider, environ: Mapping[str, str]) -> str | None:
    """Google's own libraries take it from the file with the credentials, too."""
    if known.identity != "google" or not (path := environ.get(_GOOGLE_FILE)):
        return None
    try:
        text = interpolate.read_file(str(Path(path).absolute()))
        return msgspec.json.decode(text, type=_GoogleFile).project_id
    except (ConfigError, msgspec.MsgspecError):
        return None  # told when it is used: a project alone may be all that is asked for here


def _credentials(variable: str, value: str) -> list[dict[str, str]]:
    parts = value.split(",")
    if len(parts) == 1:
        return [{"secret": f"${{{variable}}}"}]
    return [{"secret": f"${{{variable}#{index}}}"} for index, part in enumerate(parts) if part.strip()]
