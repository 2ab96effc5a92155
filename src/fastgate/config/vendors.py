"""Providers that are switched on by the environment: by the variables that their own SDKs read."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from fastgate.config import interpolate
from fastgate.config.diagnostics import Mark, Report
from fastgate.config.tree import Node, node_of
from fastgate.domain.provider_table import KNOWN, KnownProvider


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
}

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")

_LATER: Final[dict[str, tuple[str, ...]]] = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "bedrock": ("AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID"),
    "cohere": ("CO_API_KEY", "COHERE_API_KEY"),
    "replicate": ("REPLICATE_API_TOKEN",),
    "vertex": ("GOOGLE_APPLICATION_CREDENTIALS",),
}


def switch_on(tree: Node, environ: Mapping[str, str], report: Report) -> None:
    """Add each known provider whose secret is in `environ`; one that the file names stays as it is."""
    root = tree.value
    if not isinstance(root, dict):
        return
    section = root.get("providers") or Node({}, tree.mark)
    if section.value is not None and not isinstance(section.value, dict):
        return
    configured = section.value or {}
    found: dict[str, Node] = {}
    for name, known in KNOWN.items():
        if name not in configured and (node := _provider(name, known, environ, report)):
            found[name] = node
    if found:
        root["providers"] = Node({**configured, **found}, section.mark)
    for name, variables in _LATER.items():
        given = next((variable for variable in variables if environ.get(variable)), None)
        if given is not None and name not in configured:
            report.info(Mark(given), (), f"the provider {name} is not supported by this version; ignored")


def _settings_of(known: KnownProvider, address: _Address | None) -> list[str]:
    """The variables whose values become settings: those of secrets stay references."""
    return [variable for _, variable in known.settings_env] + ([address.variable] if address else [])


def _provider(name: str, known: KnownProvider, environ: Mapping[str, str], report: Report) -> Node | None:
    secret = next((variable for variable in known.env if environ.get(variable, "").strip()), None)
    if secret is None:
        return None
    for variable in _settings_of(known, _ADDRESSES.get(secret)):
        if not interpolate.is_text(environ.get(variable, "")):
            report.error(Mark(variable), (), "is not UTF-8 text")
            return None
    settings: dict[str, Any] = {"credentials": _credentials(secret, environ[secret])}
    for setting, variable in known.settings_env:
        if value := environ.get(variable, "").strip():
            settings[setting] = interpolate.literal(value.removeprefix("https://").rstrip("/"))
    if address := _ADDRESSES.get(secret):
        url = environ.get(address.variable, "").strip().rstrip("/")
        if url:
            settings["base_url"] = interpolate.literal(
                url if url.endswith(address.path) else url + address.path
            )
    missing = set(_PLACEHOLDER.findall(known.base_url or "")) - settings.keys()
    if missing and "base_url" not in settings:
        needed = [variable for setting, variable in known.settings_env if setting in missing]
        needed += [address.variable] if address else []
        report.warning(Mark(secret), (), f"the provider {name} stays off: {' or '.join(needed)} is not set")
        return None
    return node_of(settings, Mark(secret))


def _credentials(variable: str, value: str) -> list[dict[str, str]]:
    parts = value.split(",")
    if len(parts) == 1:
        return [{"secret": f"${{{variable}}}"}]
    return [{"secret": f"${{{variable}#{index}}}"} for index, part in enumerate(parts) if part.strip()]
