"""Providers that are switched on by their own SDK's variables."""

import pytest
from tests.support.configs import check_text, messages, settings_of

from fastgate.config.diagnostics import Severity
from fastgate.domain.provider_table import KNOWN

COMPANIONS = {
    "azure": {"AZURE_OPENAI_ENDPOINT": "https://me.openai.azure.com/"},
    "databricks": {"DATABRICKS_HOST": "https://dbc-1.cloud.databricks.com/"},
}


@pytest.mark.parametrize("name", [name for name, known in KNOWN.items() if known.env])
def test_each_known_provider_has_its_variables(name: str) -> None:
    for variable in KNOWN[name].env:
        settings = settings_of("", **{variable: "sk-1"}, **COMPANIONS.get(name, {}))
        (credential,) = settings.providers[name].credentials
        assert credential.secret == f"${{{variable}}}"


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


@pytest.mark.parametrize(
    "variable", ["ANTHROPIC_API_KEY", "AWS_ACCESS_KEY_ID", "GOOGLE_APPLICATION_CREDENTIALS", "CO_API_KEY"]
)
def test_vendors_of_a_later_version_are_ignored_with_a_note(variable: str) -> None:
    assert settings_of("", **{variable: "x"}).providers == {}
    (found,) = messages("", Severity.INFO, **{variable: "x"})
    assert found.startswith(f"{variable}: ")
    assert found.endswith("is not supported by this version; ignored")


def test_no_secret_of_the_environment_gets_into_the_settings() -> None:
    assert "sk-hidden" not in repr(settings_of("", OPENAI_API_KEY="sk-hidden,sk-hidden2"))
