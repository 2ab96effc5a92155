"""What a type cannot say of a single value: dates, time zones, URLs, header names, files."""

import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastgate.config.diagnostics import Report, SettingPath
from fastgate.config.settings import (
    BudgetSettings,
    ProviderSettings,
    Settings,
    VirtualKeySettings,
)
from fastgate.config.tree import Node

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, token
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_NO_URL: Final = "expected a URL such as https://host/v1"
_NOT_ENFORCED: Final = "is checked, but not enforced by this version: calls are not limited by it"


def check(settings: Settings, tree: Node, report: Report) -> None:
    """Report every value that has the right type and makes no sense."""
    _Check(settings, tree, report).run()


class _Check:
    def __init__(self, settings: Settings, tree: Node, report: Report) -> None:
        self._settings = settings
        self._tree = tree
        self._report = report

    def run(self) -> None:
        if tls := self._settings.server.tls:
            self._file(("server", "tls", "certificate"), tls.certificate)
            self._file(("server", "tls", "key"), tls.key)
        for name, provider in self._settings.providers.items():
            self._provider(("providers", name), provider)
        for index, customer in enumerate(self._settings.customers):
            self._zone(("customers", index, "timezone"), customer.timezone)
        for index, key in enumerate(self._settings.virtual_keys):
            self._key(("virtual_keys", index), key)
        for path, budget in self._budgets():
            self._budget(path, budget)
        self._not_enforced()

    def _error(self, path: SettingPath, message: str, suggestion: str | None = None) -> None:
        self._report.error(self._tree.locate(path), path, message, suggestion)

    def _file(self, path: SettingPath, name: str | None) -> None:
        if name and not (Path(name).is_file() and os.access(name, os.R_OK)):
            self._error(path, f"the file {name} cannot be read")

    def _zone(self, path: SettingPath, name: str | None) -> None:
        try:
            if name is not None:
                ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._error(path, f"`{name}` is no time zone", "names are such as Europe/Berlin")

    def _provider(self, path: SettingPath, provider: ProviderSettings) -> None:
        self._url((*path, "base_url"), provider.base_url)
        for index, deployment in enumerate(provider.deployments):
            self._url((*path, "deployments", index, "base_url"), deployment.base_url)
        if provider.auth_header is not None:
            self._header((*path, "auth_header"), provider.auth_header, provider.auth_prefix or "")
        for name, value in provider.headers.items():
            self._header((*path, "headers", name), name, value)
        network = provider.network
        for setting in ("ca_file", "client_cert", "client_key"):
            self._file((*path, "network", setting), getattr(network, setting))
        if network.client_key and not network.client_cert:
            self._error((*path, "network", "client_key"), "needs `client_cert` beside it")
        if network.proxy not in (None, "none") and urlsplit(network.proxy or "").scheme != "http":
            self._error((*path, "network", "proxy"), "expected `http://host:port`, or `none`")

    def _url(self, path: SettingPath, url: str | None) -> None:
        if url is None:
            return
        problem = _url_problem(url)
        if problem is not None:
            self._error(path, problem)
        elif self._is_own(url):
            self._error(path, "points to this gateway itself, so every call would go round in circles")

    def _is_own(self, url: str) -> bool:
        parts = urlsplit(url)
        server = self._settings.server
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return port == server.port and parts.hostname in (*_LOOPBACK, server.host)

    def _header(self, path: SettingPath, name: str, value: str) -> None:
        if not _HEADER_NAME.fullmatch(name):
            self._error(path, f"`{name}` cannot be the name of an HTTP header")
        if not _HEADER_VALUE.fullmatch(value):
            self._error(path, "holds characters that cannot stand in an HTTP header")

    def _key(self, path: SettingPath, key: VirtualKeySettings) -> None:
        if key.secret is not None and key.secret_hash is not None:
            self._error((*path, "secret_hash"), "give `secret` or `secret_hash`, not both")
        if key.expires_at is not None and not _is_moment(key.expires_at):
            self._error(
                (*path, "expires_at"), "expected an RFC 3339 time with a zone", "such as 2030-01-31T00:00:00Z"
            )
        for setting in ("allowed_models", "denied_models"):
            for index, glob in enumerate(getattr(key, setting) or ()):
                if not glob:
                    self._error((*path, setting, index), "an empty text matches no model")

    def _budgets(self) -> Iterator[tuple[SettingPath, BudgetSettings]]:
        for group in ("customers", "teams", "virtual_keys"):
            for index, owner in enumerate(getattr(self._settings, group)):
                if owner.budget is not None:
                    yield (group, index, "budget"), owner.budget

    def _budget(self, path: SettingPath, budget: BudgetSettings) -> None:
        self._zone((*path, "timezone"), budget.timezone)
        if budget.max_usd is not None and budget.reset_duration is None:
            self._error((*path, "max_usd"), "needs `reset_duration`, which says for how long the cap holds")

    def _not_enforced(self) -> None:
        """Once for each kind of setting, at its first place: a thousand keys need no thousand warnings."""
        for setting in ("budget", "rate_limit"):
            places: list[SettingPath] = [
                (group, index, setting)
                for group in ("customers", "teams", "virtual_keys")
                for index, owner in enumerate(getattr(self._settings, group))
                if getattr(owner, setting) is not None
            ]
            if places:
                more = f" (and {len(places) - 1} more like it)" if len(places) > 1 else ""
                self._report.warning(self._tree.locate(places[0]), places[0], _NOT_ENFORCED + more)
        written = self._tree.value if isinstance(self._tree.value, dict) else {}
        for setting in ("prices", "unpriced"):
            if setting in written:
                self._report.warning(
                    written[setting].mark, (setting,), "is checked, but this version bills nothing"
                )


def _url_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return _NO_URL
    if parts.scheme not in ("http", "https") or not host:
        return _NO_URL
    if parts.username is not None or parts.query or parts.fragment:
        return "a base URL has no user, query or fragment; a secret belongs in `credentials`"
    return None


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
