"""What is wrong with the settings of one provider, beyond their types."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from fastgate.config.diagnostics import Report, SettingPath, did_you_mean
from fastgate.config.interpolate import NO_SECRET
from fastgate.config.provider_settings import NetworkSettings
from fastgate.config.provider_view import ProviderView
from fastgate.config.server_settings import Server
from fastgate.config.tree import Node
from fastgate.config.values import file_problem, header_value_problem
from fastgate.domain import header_names
from fastgate.domain.provider_table import KNOWN, VENDORS_LATER
from fastgate.domain.snapshot import MAX_MODEL_NAME
from fastgate.domain.url import proxy_url

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_OWN_HEADERS: Final = header_names.OWN | header_names.WRITTEN


def check(view: ProviderView, server: Server, tree: Node, report: Report) -> None:
    """Report it, each at its line."""
    _Check(view, server, tree, report).run()


class _Check:
    def __init__(self, view: ProviderView, server: Server, tree: Node, report: Report) -> None:
        self._view = view
        self._settings = view.settings
        self._server = server
        self._path: SettingPath = ("providers", view.name)
        self._tree = tree
        self._report = report

    def run(self) -> None:
        self._known()
        self._credentials()
        self._urls()
        self._models()
        self._headers()
        self._network(self._settings.network)

    def _error(self, path: SettingPath, message: str, suggestion: str | None = None) -> None:
        whole = (*self._path, *path)
        if not path or not self._report.failed(whole):  # a stand-in is not to blame
            self._report.error(self._tree.locate(whole), whole, message, suggestion)

    def _failed(self, *settings: str) -> bool:
        return any(self._report.failed((*self._path, setting)) for setting in settings)

    def _known(self) -> None:
        name, view = self._view.name, self._view
        if self._failed("dialect", "base_url", "deployments"):
            return
        if name in VENDORS_LATER and not (self._settings.dialect and view.has_url):
            if not view.has_url:
                self._error((), "this version does not speak the dialect of this provider yet")
            else:
                self._error((), "this version speaks to this provider only with a `dialect`")
        elif name not in KNOWN and (self._settings.dialect is None or not view.has_url):
            self._error(
                (),
                "is not a known provider, so it needs `dialect` and `base_url`",
                did_you_mean(name, KNOWN),
            )
        elif name in KNOWN and not (view.has_url and self._is_the_names_own_url()):
            self._error((), "needs `base_url`")
        if self._settings.url_style == "deployments" and self._settings.api_version is None:
            self._error(("api_version",), "is required with `url_style: deployments`")

    def _is_the_names_own_url(self) -> bool:
        """False where another vendor's would be taken, because of its dialect."""
        name, known = self._view.name, self._view.known
        return self._settings.base_url is not None or known is KNOWN[name] or known.dialect == name

    def _credentials(self) -> None:
        known = self._view.known
        given = self._view.credentials
        complete = not self._failed("credentials")
        if not given and known.needs_secret:
            template = f"${{{known.env[0]}}}" if known.env else "${VARIABLE}"
            self._error(
                () if complete else ("credentials",),
                "has no credentials",
                f'write `credentials: [{{secret: "{template}"}}]`, or `secret: none`',
            )
        ids = [each.id or f"credential-{index + 1}" for index, each in enumerate(given)]
        for index, id_ in enumerate(ids):
            if (first := ids.index(id_)) != index:
                before = self._tree.locate((*self._path, "credentials", first, "id"))
                self._error(
                    ("credentials", index, "id"), f"`{id_}` is taken: see {before.source}:{before.line}"
                )
        for index, deployment in enumerate(self._settings.deployments):
            for place, wanted in enumerate(deployment.credentials or ()):
                if wanted not in ids and complete:
                    self._error(
                        ("deployments", index, "credentials", place),
                        f"the provider has no credential `{wanted}`",
                        did_you_mean(wanted, ids),
                    )

    # --- URLs ----------------------------------------------------------------------------------------

    def _urls(self) -> None:
        try:
            self._not_own(("base_url",), self._view.url())
        except ValueError as problem:
            self._error(("base_url",), str(problem))
        if self._failed("base_url"):
            return
        for index, deployment in enumerate(self._settings.deployments):
            path: SettingPath = ("deployments", index, "base_url")
            if deployment.base_url is None and not self._view.has_url:
                continue  # told of the provider
            try:
                self._not_own(path, self._view.deployment_url(deployment))
            except ValueError as problem:
                self._error(path, str(problem))

    def _not_own(self, path: SettingPath, url: str | None) -> None:
        parts = urlsplit(url or "")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if port == self._server.port and parts.hostname in (*_LOOPBACK, self._server.host):
            self._error(path, "points to this gateway itself, so every call would go round in circles")

    # --- models --------------------------------------------------------------------------------------

    def _models(self) -> None:
        deployments = self._settings.deployments
        listed = self._settings.models or []
        self._unique(
            (("deployments", index), each.region, each.model) for index, each in enumerate(deployments)
        )
        seen = {each.model for each in deployments}
        for index, model in enumerate(listed):
            if model in seen:
                self._error(("models", index), f"`{model}` is there twice")
            seen.add(model)
        named: list[tuple[SettingPath, str]] = [
            *((("deployments", index, "model"), each.model) for index, each in enumerate(deployments)),
            *((("models", index), model) for index, model in enumerate(listed)),
        ]
        spelt: dict[str, str] = {}
        for path, model in named:
            if not 0 < len(model) <= MAX_MODEL_NAME:
                self._error(path, f"a model's name has 1 to {MAX_MODEL_NAME} characters")
            elif "*" in model:
                self._error(path, f"`{model}` is no model's name; see `any_model`")
            elif spelt.setdefault(model.lower(), model) != model:
                self._error(path, f"`{model}` and `{spelt[model.lower()]}` differ only in case")
        if listed and not self._failed("base_url", "deployments") and self._view.url() is None:
            self._error(("models",), "have no URL: list them under `deployments`, with a region or a URL")

    def _unique(self, deployments: Iterable[tuple[SettingPath, str | None, str]]) -> None:
        seen: set[str] = set()
        for path, region, model in deployments:
            id_ = f"{region}/{model}" if region else model
            if model and id_ in seen:
                self._error(path, f"`{self._view.name}/{id_}` is there twice: give each a `region`")
            seen.add(id_)

    # --- headers and connections ---------------------------------------------------------------------

    def _headers(self) -> None:
        settings = self._settings
        auth, _ = self._view.auth
        if settings.auth_header is not None:
            self._header(("auth_header",), settings.auth_header)
        if problem := header_value_problem(settings.auth_prefix or ""):
            self._error(("auth_prefix",), problem)
        has_secret = any(each.secret != NO_SECRET for each in settings.credentials)
        seen: set[str] = set()
        for name, value in settings.headers.items():
            path = ("headers", name)
            self._header(path, name)
            if problem := header_value_problem(value):
                self._error(path, problem)
            if has_secret and name.lower() == auth:
                self._error(path, "carries the secret of the credentials: it cannot be set twice")
            if name.lower() in seen:
                self._error(path, "stands there twice, in another case")
            seen.add(name.lower())

    def _header(self, path: SettingPath, name: str) -> None:
        if not header_names.is_token(name):
            self._error(path, f"`{name}` cannot be the name of an HTTP header")
        elif name.lower() in _OWN_HEADERS:
            self._error(path, "is written by fastgate itself: it cannot be set")

    def _network(self, network: NetworkSettings) -> None:
        for setting in ("ca_file", "client_cert", "client_key"):
            if problem := file_problem(getattr(network, setting)):
                self._error(("network", setting), problem)
        if network.client_key and not network.client_cert:
            self._error(("network", "client_key"), "needs `client_cert` beside it")
        if network.proxy is not None and network.proxy != NO_SECRET:
            try:
                proxy_url(network.proxy)
            except ValueError as problem:
                self._error(("network", "proxy"), f"{problem}, or `none`")
