"""What a type cannot say of a single value: dates, time zones, header names, files."""

import os
import re
from pathlib import Path
from typing import Final

from fastgate.config import price_check
from fastgate.config.diagnostics import Report, SettingPath
from fastgate.config.moments import RFC3339_EXAMPLE, is_moment, zone_problem
from fastgate.config.owner_settings import VirtualKeySettings
from fastgate.config.route_settings import GroupSettings, RouteSettings
from fastgate.config.settings import Settings
from fastgate.config.tree import Node
from fastgate.domain import header_names
from fastgate.domain.provider_table import KNOWN
from fastgate.domain.snapshot import MAX_MODEL_NAME

_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")


def check(settings: Settings, tree: Node, report: Report) -> None:
    """Report every value that has the right type and makes no sense."""
    _Check(settings, tree, report).run()
    price_check.check(settings, tree, report)


class _Check:
    def __init__(self, settings: Settings, tree: Node, report: Report) -> None:
        self._settings = settings
        self._tree = tree
        self._report = report

    def run(self) -> None:
        server = self._settings.server
        if server.host.startswith("["):
            self._error(("server", "host"), "an IPv6 address is written without brackets, such as `::1`")
        if server.tls:
            self._file(("server", "tls", "certificate"), server.tls.certificate)
            self._file(("server", "tls", "key"), server.tls.key)
        for index, name in enumerate(self._settings.upstream.forward_request_headers):
            self._forwarded(("upstream", "forward_request_headers", index), name)
        for name, route in self._settings.routes.items():
            self._route(("routes", name), name, route)
        for index, customer in enumerate(self._settings.customers):
            self._zone(("customers", index, "timezone"), customer.timezone)
        for index, key in enumerate(self._settings.virtual_keys):
            timed = key.expires_at is not None
            if timed or key.secret is not None or key.allowed_models or key.denied_models:
                self._key(("virtual_keys", index), key)

    def _error(self, path: SettingPath, message: str, suggestion: str | None = None) -> None:
        self._report.error(self._tree.locate(path), path, message, suggestion)

    def _file(self, path: SettingPath, name: str) -> None:
        if problem := file_problem(name):
            self._error(path, problem)

    def _forwarded(self, path: SettingPath, name: str) -> None:
        lower = name.lower()
        if not header_names.is_token(name):
            self._error(path, f"`{name}` cannot be the name of an HTTP header")
        elif lower in header_names.OWN or lower in header_names.WRITTEN:
            self._error(path, f"`{name}` is written by fastgate itself: it cannot be forwarded")
        elif lower in header_names.VIRTUAL_KEY:
            self._error(path, f"`{name}` may carry a virtual key, which no provider may see")
        elif lower == "cookie":
            self._error(path, "cookies are for the gateway's host, and no provider's")
        elif owner := self._sets(lower):
            self._error(path, f"`{name}` is set by the provider `{owner}`: a client must not set it too")

    def _sets(self, header: str) -> str | None:
        """The provider whose settings give the header, its secret's included."""
        for name, provider in self._settings.providers.items():
            known = KNOWN.get(name)
            auth = provider.auth_header or (known.auth_header if known is not None else "authorization")
            if header in (auth.lower(), *map(str.lower, provider.headers)):
                return name
        return None

    def _route(self, path: SettingPath, name: str, route: list[GroupSettings] | RouteSettings) -> None:
        if len(name) > MAX_MODEL_NAME:
            self._error(path, f"a name has 1 to {MAX_MODEL_NAME} characters")
        groups_path = path if isinstance(route, list) else (*path, "groups")
        for index, group in enumerate(route if isinstance(route, list) else route.groups):
            when = group.when
            if when is not None and when.max_body_bytes and when.min_body_bytes > when.max_body_bytes:
                self._error((*groups_path, index, "when"), "`min_body_bytes` is above `max_body_bytes`")

    def _zone(self, path: SettingPath, name: str | None) -> None:
        if name is not None and (problem := zone_problem(name)):
            self._error(path, *problem)

    def _key(self, path: SettingPath, key: VirtualKeySettings) -> None:
        if key.secret is not None and key.secret_hash is not None:
            self._error((*path, "secret_hash"), "give `secret` or `secret_hash`, not both")
        if key.expires_at is not None and not is_moment(key.expires_at):
            self._error((*path, "expires_at"), "expected an RFC 3339 time with a zone", RFC3339_EXAMPLE)
        for setting in ("allowed_models", "denied_models"):
            for index, glob in enumerate(getattr(key, setting) or ()):
                if not glob:
                    self._error((*path, setting, index), "an empty text matches no model")


def file_problem(name: str | None) -> str | None:
    """Why the file that a setting names cannot be used."""
    if name and not (Path(name).is_file() and os.access(name, os.R_OK)):
        return f"the file {name} cannot be read"
    return None


def header_value_problem(value: str) -> str | None:
    """Why the text cannot be the value of a header; the message does not repeat it."""
    return None if _HEADER_VALUE.fullmatch(value) else "holds characters that cannot stand in an HTTP header"
