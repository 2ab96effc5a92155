"""Providers that are switched on by their own SDK's variables."""

from pathlib import Path

import pytest
from tests.support.configs import check_text, messages, settings_of

from fastgate.config.diagnostics import Severity
from fastgate.config.identity_settings import AwsSettings, GoogleSettings
from fastgate.domain.provider_table import KNOWN

COMPANIONS = {
    "bedrock": {"AWS_REGION": "eu-west-1"},
    "azure": {"AZURE_OPENAI_ENDPOINT": "https://me.openai.azure.com/"},
    "databricks": {"DATABRICKS_HOST": "https://dbc-1.cloud.databricks.com/"},
}


@pytest.mark.parametrize("name", [name for name, known in KNOWN.items() if known.env])
def test_each_known_provider_has_its_variables(name: str) -> None:
    for variable in KNOWN[name].env:
        settings = settings_of("", **{variable: "sk-1"}, **COMPANIONS.get(name, {}))
        (credential,) = settings.providers[name].credentials
        assert credential.secret == f"${{{variable}}}"


@pytest.mark.parametrize("name", [name for name, known in KNOWN.items() if known.env])
def test_each_secret_may_be_in_a_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("sk-1\n")
    for variable in KNOWN[name].env:
        environ = {f"{variable}_FILE": str(file), **COMPANIONS.get(name, {})}
        (credential,) = settings_of("", **environ).providers[name].credentials
        assert credential.secret == f"file:{file}"


@pytest.mark.parametrize("text", ["", "providers: {anthropic: {}}"])
def test_a_secret_in_a_file_is_sent_as_one_in_the_variable(text: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("token")
    provider = settings_of(text, ANTHROPIC_AUTH_TOKEN_FILE=str(file)).providers["anthropic"]
    assert (provider.auth_header, provider.auth_prefix) == ("authorization", "Bearer ")


def test_a_secrets_file_that_is_not_there() -> None:
    assert messages("", OPENAI_API_KEY_FILE="/nonexistent") == [
        "OPENAI_API_KEY_FILE: providers.openai.credentials[0].secret: "
        "cannot read the file /nonexistent: No such file or directory"
    ]


def test_a_secrets_file_whose_name_is_no_text() -> None:
    assert messages("", OPENAI_API_KEY_FILE="/secret-\udcff") == ["OPENAI_API_KEY_FILE: is not UTF-8 text"]


def test_a_secret_and_its_file_are_an_error(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("sk-1")
    expected = ["OPENAI_API_KEY_FILE: is set, and so is OPENAI_API_KEY: only one of them can count"]
    for text in ("", "providers: {openai: {}}"):
        assert messages(text, OPENAI_API_KEY="sk-2", OPENAI_API_KEY_FILE=str(file)) == expected


def test_several_credentials_in_one_variable() -> None:
    settings = settings_of("", OPENAI_API_KEY="sk-1, sk-2,,sk-3")
    secrets = [credential.secret for credential in settings.providers["openai"].credentials]
    assert secrets == ["${OPENAI_API_KEY#0}", "${OPENAI_API_KEY#1}", "${OPENAI_API_KEY#3}"]


def test_the_file_wins_over_a_providers_variables() -> None:
    text = 'providers: {openai: {dialect: openai, base_url: "http://h/v1", credentials: [{secret: sk-file}]}}'
    settings = settings_of(text, OPENAI_API_KEY="sk-env", OPENAI_BASE_URL="http://other/v1")
    assert settings.providers["openai"].base_url == "http://h/v1"
    assert [credential.secret for credential in settings.providers["openai"].credentials] == ["sk-file"]


def test_other_providers_are_added_beside_the_files() -> None:
    settings = settings_of("providers: {a: {dialect: openai, base_url: http://h/v1}}", MISTRAL_API_KEY="k")
    assert list(settings.providers) == ["a", "mistral"]


def test_blank_variables_switch_nothing_on() -> None:
    assert settings_of("", OPENAI_API_KEY="", MISTRAL_API_KEY=" ").providers == {}


@pytest.mark.parametrize(
    ("environ", "name", "base_url"),
    [
        ({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://h/x/"}, "openai", "http://h/x"),
        ({"GROQ_API_KEY": "k", "GROQ_BASE_URL": "http://h"}, "groq", "http://h/openai/v1"),
        ({"GROQ_API_KEY": "k", "GROQ_BASE_URL": "http://h/openai/v1/"}, "groq", "http://h/openai/v1"),
        ({"CEREBRAS_API_KEY": "k", "CEREBRAS_BASE_URL": "http://h"}, "cerebras", "http://h/v1"),
        (
            {"AZURE_OPENAI_API_KEY": "k", **COMPANIONS["azure"]},
            "azure",
            "https://me.openai.azure.com/openai/v1",
        ),
    ],
)
def test_the_sdks_url_counts(environ: dict[str, str], name: str, base_url: str) -> None:
    assert settings_of("", **environ).providers[name].base_url == base_url


def test_databricks_takes_its_host() -> None:
    settings = settings_of("", DATABRICKS_TOKEN="k", **COMPANIONS["databricks"])
    assert settings.providers["databricks"].host == "dbc-1.cloud.databricks.com"


def test_a_secret_without_its_address_leaves_the_provider_off() -> None:
    settings, found = check_text("", AZURE_OPENAI_API_KEY="k")
    assert settings is not None
    assert settings.providers == {}
    assert [str(item) for item in found] == [
        "AZURE_OPENAI_API_KEY: warning: the provider azure stays off: AZURE_OPENAI_ENDPOINT is not set"
    ]


AWS_KEYS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "hidden"}


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
@pytest.mark.parametrize(
    "login",
    [
        AWS_KEYS,
        {"AWS_PROFILE": "p"},
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_ROLE_ARN": "arn:aws:iam::1:role/r"},
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/c"},
    ],
)
def test_aws_is_switched_on_by_what_its_sdks_read(variable: str, login: dict[str, str]) -> None:
    provider = settings_of("", **login, **{variable: "eu-west-1"}).providers["bedrock"]
    assert provider.region == "eu-west-1"
    (credential,) = provider.credentials
    assert (credential.secret, credential.aws) == (None, AwsSettings())


def test_a_bearer_key_of_bedrock_comes_before_keys() -> None:
    provider = settings_of(
        "", AWS_BEARER_TOKEN_BEDROCK="b", AWS_REGION="r", AWS_DEFAULT_REGION="s", **AWS_KEYS
    ).providers["bedrock"]
    assert provider.region == "r"
    assert [each.secret for each in provider.credentials] == ["${AWS_BEARER_TOKEN_BEDROCK}"]


def test_vertex_takes_its_project_from_where_googles_libraries_do(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text('{"type": "service_account", "project_id": "mine"}')
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}
    assert settings_of("", **environ).providers["vertex"].project == "mine"
    provider = settings_of(
        "", **environ, GOOGLE_CLOUD_PROJECT="other", GOOGLE_CLOUD_LOCATION="europe-west1"
    ).providers["vertex"]
    assert (provider.project, provider.region) == ("other", "europe-west1")
    assert [each.google for each in provider.credentials] == [GoogleSettings()]


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        (AWS_KEYS, "AWS_REGION or AWS_DEFAULT_REGION is not set"),
        ({"AWS_BEARER_TOKEN_BEDROCK": "b"}, "AWS_REGION or AWS_DEFAULT_REGION is not set"),
        ({"GOOGLE_APPLICATION_CREDENTIALS": "/nonexistent"}, "GOOGLE_CLOUD_PROJECT is not set"),
    ],
)
def test_what_is_on_but_of_no_use_is_told(environ: dict[str, str], reason: str) -> None:
    assert settings_of("", **environ).providers == {}
    (found,) = messages("", Severity.WARNING, **environ)
    assert found.endswith(f" stays off: {reason}")


def test_an_auth_token_of_anthropic_is_a_bearer_token() -> None:
    provider = settings_of("", ANTHROPIC_AUTH_TOKEN="t", ANTHROPIC_BASE_URL="http://h").providers["anthropic"]
    assert (provider.auth_header, provider.auth_prefix) == ("authorization", "Bearer ")
    assert provider.base_url == "http://h"


def test_credentials_that_the_file_does_not_say_come_from_the_environment() -> None:
    text = "providers: {openai: {models: [m]}, anthropic: , bedrock: {region: r}}"
    providers = settings_of(text, OPENAI_API_KEY="a,b", ANTHROPIC_AUTH_TOKEN="t").providers
    assert [each.secret for each in providers["openai"].credentials] == [
        "${OPENAI_API_KEY#0}",
        "${OPENAI_API_KEY#1}",
    ]
    assert providers["openai"].models == ["m"]
    assert providers["anthropic"].auth_prefix == "Bearer "
    assert providers["bedrock"].credentials == []


def test_no_secret_of_the_environment_gets_into_the_settings() -> None:
    assert "sk-hidden" not in repr(settings_of("", OPENAI_API_KEY="sk-hidden,sk-hidden2"))
