"""What is wrong with the credentials of providers: more than one thing said, halves, logins of another cloud,
libraries that are not installed."""

from collections.abc import Mapping
from typing import Final

from fastgate.config import identity_view
from fastgate.config.diagnostics import Report, SettingPath
from fastgate.config.identity_settings import AwsSettings, AzureSettings, GoogleSettings
from fastgate.config.provider_settings import CredentialSettings
from fastgate.config.provider_view import ProviderView
from fastgate.config.settings import Settings
from fastgate.config.tree import Node
from fastgate.config.values import file_problem
from fastgate.domain.provider_table import IdentityKind

_CLOUDS: Final[dict[IdentityKind, str]] = {"aws": "AWS", "google": "Google", "azure": "Azure"}


def check(settings: Settings, environ: Mapping[str, str], tree: Node, report: Report) -> None:
    """Report it, each at its line."""
    for name, provider in settings.providers.items():
        path: SettingPath = ("providers", name, "credentials")
        if report.failed(path):
            continue
        view = ProviderView(name, provider)
        for index, credential in enumerate(view.credentials):
            _Check((*path, index), view, tree, report).run(credential, environ)


def missing_library(kind: IdentityKind) -> str:
    """What to do where `identity_view.has_library` is false."""
    return f"needs the library of {_CLOUDS[kind]}: install `fastgate[{kind}]`"


class _Check:
    def __init__(self, path: SettingPath, view: ProviderView, tree: Node, report: Report) -> None:
        self._path = path
        self._view = view
        self._tree = tree
        self._report = report

    def _error(self, path: SettingPath, message: str) -> None:
        whole = (*self._path, *path)
        self._report.error(self._tree.locate(whole), whole, message)

    def run(self, credential: CredentialSettings, environ: Mapping[str, str]) -> None:
        kinds = identity_view.kinds(credential)
        given = [*(["secret"] if credential.secret is not None else []), *kinds]
        if len(given) != 1:
            wanted = "`secret`" + "".join(f" or `{kind}`" for kind in self._accepted())
            self._error((), f"has {', '.join(given) or 'nothing'}: give {wanted}")
            return
        if credential.secret is not None:
            if self._view.known.identity == "azure" and self._mixes_tokens():
                self._error((), "a key and `azure` are sent in different headers: make two providers of them")
            return
        (kind,) = kinds
        if kind not in self._accepted():
            self._error((kind,), f"is no login of `{self._view.name}`")
            return
        match credential.aws or credential.google or credential.azure:
            case AwsSettings() as aws:
                self._aws(aws)
            case GoogleSettings() as google:
                self._google(google)
            case AzureSettings() as azure:
                self._azure(azure, environ)
            case None:
                raise AssertionError("the credential is a login")
        if identity_view.is_asked_for(credential, environ) and not identity_view.has_library(kind):
            self._error((kind,), missing_library(kind))

    def _accepted(self) -> list[IdentityKind]:
        kind = self._view.known.identity
        return [] if kind is None else [kind]

    def _mixes_tokens(self) -> bool:
        return any(each.azure is not None for each in self._view.credentials)

    def _aws(self, aws: AwsSettings) -> None:
        if (aws.access_key_id is None) != (aws.secret_access_key is None):
            self._error(("aws",), "`access_key_id` and `secret_access_key` belong together")
        elif aws.session_token is not None and aws.access_key_id is None:
            self._error(("aws", "session_token"), "belongs to `access_key_id` and `secret_access_key`")
        elif aws.access_key_id is not None and (aws.profile or aws.source):
            self._error(("aws",), "has keys, and says where to look for some: give one of them")
        elif aws.profile is not None and aws.source not in (None, "profile"):
            self._error(("aws", "profile"), f"is not looked at with `source: {aws.source}`")
        for setting in ("external_id", "session_name"):
            if getattr(aws, setting) is not None and aws.role_arn is None:
                self._error(("aws", setting), "belongs to a `role_arn`")

    def _google(self, google: GoogleSettings) -> None:
        if google.credentials_file is not None and google.service_account_json is not None:
            self._error(("google",), "give `credentials_file` or `service_account_json`, not both")
        if problem := file_problem(google.credentials_file):
            self._error(("google", "credentials_file"), problem)

    def _azure(self, azure: AzureSettings, environ: Mapping[str, str]) -> None:
        if azure.managed_identity and (azure.client_secret or azure.tenant_id):
            self._error(("azure",), "a managed identity has no `client_secret` and no `tenant_id`")
        elif azure.client_secret is not None:
            for setting in ("tenant_id", "client_id"):
                if not (getattr(azure, setting) or environ.get(f"AZURE_{setting.upper()}")):
                    self._error(("azure", "client_secret"), f"belongs to a `{setting}`")
