"""Logins in place of secrets: what is half said, said twice, or of another cloud."""

import importlib.util
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.configs import messages

from fastgate.config import identity_view
from fastgate.domain.provider_table import KNOWN

KEYS = {"access_key_id": "AKIA", "secret_access_key": "s"}
PROVIDERS: dict[str, dict[str, Any]] = {
    "bedrock": {"region": "r"},
    "vertex": {"project": "p"},
    "azure": {"resource": "r"},
    "openai": {},
}


def errors(name: str, *credentials: dict[str, Any], **environ: str) -> list[str]:
    """Without the line and the path of the credentials."""
    provider = {**PROVIDERS[name], "credentials": list(credentials)}
    text = msgspec.json.encode({"providers": {name: provider}}).decode()
    return [error.removeprefix(f"1: providers.{name}.credentials") for error in messages(text, **environ)]


@pytest.mark.parametrize(
    ("name", "login"),
    [
        ("bedrock", {"secret": "bearer"}),
        ("bedrock", {"aws": {}}),
        ("bedrock", {"aws": KEYS}),
        ("bedrock", {"aws": {**KEYS, "session_token": "t", "role_arn": "a", "external_id": "e"}}),
        ("bedrock", {"aws": {"profile": "p", "source": "profile", "role_arn": "a", "session_name": "me"}}),
        ("vertex", {"google": {"impersonate": "a@b"}}),
        ("vertex", {"secret": "a-token"}),
        ("azure", {"azure": {}}),
        ("azure", {"azure": {"tenant_id": "t", "client_id": "c", "client_secret": "s"}}),
        ("azure", {"azure": {"managed_identity": True, "client_id": "c"}}),
    ],
)
def test_logins_that_are_whole(name: str, login: dict[str, Any]) -> None:
    assert errors(name, login) == []


@pytest.mark.parametrize(
    ("name", "login", "error"),
    [
        ("openai", {}, "[0]: has nothing: give `secret`"),
        ("bedrock", {}, "[0]: has nothing: give `secret` or `aws`"),
        ("bedrock", {"secret": "b", "aws": {}}, "[0]: has secret, aws: give `secret` or `aws`"),
        ("bedrock", {"aws": {}, "google": {}}, "[0]: has aws, google: give `secret` or `aws`"),
        ("openai", {"aws": {}}, "[0].aws: is no login of `openai`"),
        ("vertex", {"azure": {}}, "[0].azure: is no login of `vertex`"),
        (
            "bedrock",
            {"aws": {"access_key_id": "AKIA"}},
            "[0].aws: `access_key_id` and `secret_access_key` belong together",
        ),
        (
            "bedrock",
            {"aws": {"session_token": "t"}},
            "[0].aws.session_token: belongs to `access_key_id` and `secret_access_key`",
        ),
        (
            "bedrock",
            {"aws": {**KEYS, "profile": "p"}},
            "[0].aws: has keys, and says where to look for some: give one of them",
        ),
        (
            "bedrock",
            {"aws": {"profile": "p", "source": "instance"}},
            "[0].aws.profile: is not looked at with `source: instance`",
        ),
        ("bedrock", {"aws": {"external_id": "e"}}, "[0].aws.external_id: belongs to a `role_arn`"),
        ("bedrock", {"aws": {"session_name": "me"}}, "[0].aws.session_name: belongs to a `role_arn`"),
        (
            "vertex",
            {"google": {"credentials_file": "/nonexistent"}},
            "[0].google.credentials_file: the file /nonexistent cannot be read",
        ),
        (
            "azure",
            {"azure": {"managed_identity": True, "tenant_id": "t"}},
            "[0].azure: a managed identity has no `client_secret` and no `tenant_id`",
        ),
        (
            "azure",
            {"azure": {"client_secret": "s", "client_id": "c"}},
            "[0].azure.client_secret: belongs to a `tenant_id`",
        ),
    ],
)
def test_logins_that_are_not(name: str, login: dict[str, Any], error: str) -> None:
    assert errors(name, login) == [error]


def test_a_file_and_a_text_are_one_too_many(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text("{}")
    google = {"credentials_file": str(file), "service_account_json": "{\n}"}
    assert errors("vertex", {"google": google}) == [
        "[0].google: give `credentials_file` or `service_account_json`, not both"
    ]


def test_keys_and_tokens_of_azure_are_sent_in_different_headers() -> None:
    (error,) = errors("azure", {"azure": {}}, {"secret": "k"})
    assert error == "[1]: a key and `azure` are sent in different headers: make two providers of them"


def test_the_surroundings_may_say_the_rest() -> None:
    login = {"azure": {"client_secret": "s"}}
    assert errors("azure", login, AZURE_TENANT_ID="t", AZURE_CLIENT_ID="c") == []


@pytest.fixture
def _without_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no extra is installed."""
    found = importlib.util.find_spec

    def find(name: str) -> Any:
        return None if name.partition(".")[0] in ("botocore", "google", "azure") else found(name)

    monkeypatch.setattr(identity_view, "find_spec", find)


@pytest.mark.usefixtures("_without_libraries")
def test_a_library_that_is_not_there_is_named() -> None:
    assert errors("bedrock", {"aws": {"profile": "p"}}) == [
        "[0].aws: needs the library of AWS: install `fastgate[aws]`"
    ]
    assert errors("vertex", {"google": {}}) == [
        "[0].google: needs the library of Google: install `fastgate[google]`"
    ]
    assert errors("azure", {"azure": {}}) == [
        "[0].azure: needs the library of Azure: install `fastgate[azure]`"
    ]
    assert errors("bedrock", {"aws": KEYS}) == []
    environ = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}
    assert errors("bedrock", {"aws": {}}, **environ) == []
    text = "providers: {bedrock: {region: r}}"
    assert messages(text) == [
        "1: providers.bedrock.credentials[0].aws: needs the library of AWS: install `fastgate[aws]`"
    ]
    assert messages(text, **environ) == []


@pytest.mark.usefixtures("_without_libraries")
def test_what_the_surroundings_would_switch_on_stays_off_without_its_library() -> None:
    from fastgate.config.diagnostics import Severity

    environ = {"AWS_PROFILE": "p", "AWS_REGION": "r"}
    assert messages("{}", **environ) == []
    assert messages("{}", Severity.WARNING, **environ) == [
        "AWS_PROFILE: the provider bedrock stays off: it needs the library of AWS: install `fastgate[aws]`"
    ]


def test_each_login_has_a_provider() -> None:
    assert {known.identity for known in KNOWN.values()} == {None, "aws", "google", "azure"}
