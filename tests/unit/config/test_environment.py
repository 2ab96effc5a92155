"""FASTGATE_* over the file: any setting, and no variable that goes unnoticed."""

from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.configs import check_text, messages, settings_of

from fastgate.config.money_settings import BudgetSettings

LOCAL = "providers: {my-llm: {dialect: openai, base_url: http://127.0.0.1:1/v1, headers: {X-A: b}}}"


def test_scalars_of_every_kind() -> None:
    settings = settings_of(
        "server: {port: 1, host: a}",
        FASTGATE_SERVER__PORT="9000",
        FASTGATE_SERVER__DRAIN_S="2.5",
        FASTGATE_LOGGING__REQUESTS="false",
        FASTGATE_LOGGING__LEVEL="debug",
        FASTGATE_LOGGING__FILE="4711",
        FASTGATE_DATA_DIR="/var/lib/fastgate",
    )
    assert (settings.server.port, settings.server.host, settings.server.drain_s) == (9000, "a", 2.5)
    assert (settings.logging.requests, settings.logging.level, settings.logging.file) == (
        False,
        "debug",
        "4711",
    )
    assert settings.data_dir == "/var/lib/fastgate"


def test_lists_and_mappings_as_yaml_or_json() -> None:
    settings = settings_of(
        "",
        FASTGATE_SERVER__CORS__ALLOW_ORIGINS='["https://a", "https://b"]',
        FASTGATE_VIRTUAL_KEYS="[{id: vk, budget: {max_per_day_usd: 0.10}}]",
    )
    assert settings.server.cors.allow_origins == ["https://a", "https://b"]
    budget = settings.virtual_keys[0].budget
    assert isinstance(budget, BudgetSettings)
    assert str(budget.max_per_day_usd) == str(Decimal("0.10"))


def test_a_part_is_laid_over_the_whole() -> None:
    settings = settings_of(
        "server: {workers: 3}", FASTGATE_SERVER="{port: 1, host: h}", FASTGATE_SERVER__PORT="2"
    )
    assert (settings.server.port, settings.server.host, settings.server.workers) == (2, "h", 0)


def test_names_of_ones_own_are_matched_as_spelt() -> None:
    settings = settings_of(LOCAL, FASTGATE_PROVIDERS__MY_LLM__HEADERS__X_A="c")
    assert settings.providers["my-llm"].headers == {"X-A": "c"}
    settings = settings_of(
        "",
        FASTGATE_PROVIDERS__MY_LLM__DIALECT="openai",
        FASTGATE_PROVIDERS__MY_LLM__BASE_URL="http://127.0.0.1:1/v1",
    )
    assert list(settings.providers) == ["my_llm"]


def test_known_providers_are_matched_as_spelt() -> None:
    settings = settings_of("", OPENAI_API_KEY="sk-1", FASTGATE_PROVIDERS__OPENAI__TIMEOUTS__CONNECT_S="3")
    assert settings.providers["openai"].timeouts.connect_s == 3
    assert settings.providers["openai"].credentials[0].secret == "${OPENAI_API_KEY}"


def test_an_ambiguous_name_is_refused() -> None:
    text = "providers: {a-b: {dialect: openai, base_url: http://h/v1}, a.b: {dialect: openai, base_url: http://h/v1}}"
    assert messages(text, FASTGATE_PROVIDERS__A_B__BASE_URL="http://x/v1") == [
        "FASTGATE_PROVIDERS__A_B__BASE_URL: could mean each of a-b, a.b: say it in the file"
    ]


def test_a_change_does_not_leak_through_an_alias() -> None:
    text = (
        "providers:\n"
        "  a: {dialect: openai, base_url: http://h/v1, timeouts: &t {connect_s: 1}}\n"
        "  b: {dialect: openai, base_url: http://h/v1, timeouts: *t}\n"
    )
    settings = settings_of(text, FASTGATE_PROVIDERS__B__TIMEOUTS__CONNECT_S="9")
    assert [settings.providers[name].timeouts.connect_s for name in "ab"] == [1, 9]


def test_references_work_in_variables() -> None:
    settings = settings_of("", FASTGATE_SERVER__HOST="${H}", H="10.0.0.1", FASTGATE_SERVER__PORT="${P:-7}")
    assert (settings.server.host, settings.server.port) == ("10.0.0.1", 7)


def test_a_value_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "port"
    file.write_text("9001\n")
    assert settings_of("", FASTGATE_SERVER__PORT_FILE=str(file)).server.port == 9001
    assert messages("", FASTGATE_SERVER__PORT_FILE=str(file), FASTGATE_SERVER__PORT="1") == [
        "FASTGATE_SERVER__PORT_FILE: is set, and so is FASTGATE_SERVER__PORT: only one of them can count"
    ]
    assert messages("", FASTGATE_SERVER__PORT_FILE="/nonexistent") == [
        "FASTGATE_SERVER__PORT_FILE: cannot read the file /nonexistent: No such file or directory"
    ]


def test_text_from_a_file_is_not_looked_at_again(tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("${HOME}\n")
    assert settings_of("", FASTGATE_LOGGING__FILE_FILE=str(file)).logging.file == "${HOME}"


def test_yaml_from_a_file_has_references(tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text("- {id: vk_a, secret: env.KEY_A}")
    settings = settings_of("", FASTGATE_VIRTUAL_KEYS_FILE=str(file), KEY_A="sk-a-key-that-is-long-enough")
    assert settings.virtual_keys[0].secret == "env.KEY_A"


def test_a_secret_from_a_file_stays_there(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://fastgate:hunter2@db/fastgate")
    assert settings_of("", FASTGATE_LEDGER__URL_FILE=str(file)).ledger.url == f"file:{file}"
    file.write_text("hunter2")
    assert messages("", FASTGATE_LEDGER__URL_FILE=str(file)) == [
        "FASTGATE_LEDGER__URL_FILE: ledger.url: expected the URL of a database; "
        "such as postgresql://user:password@host/fastgate"
    ]
    assert messages("", FASTGATE_LEDGER__URL_FILE="run/url") == [
        "FASTGATE_LEDGER__URL_FILE: ledger.url: `file:` needs an absolute path, not `run/url`"
    ]


def test_a_name_of_ones_own_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_text("c\n")
    settings = settings_of(LOCAL, FASTGATE_PROVIDERS__MY_LLM__HEADERS__X_A_FILE=str(file))
    assert settings.providers["my-llm"].headers == {"X-A": "c"}
    settings = settings_of(LOCAL, FASTGATE_PROVIDERS__MY_LLM__HEADERS__NEW_FILE=str(file))
    assert settings.providers["my-llm"].headers == {"X-A": "b", "new": "c"}


def test_a_name_that_ends_in_file_is_a_name_where_the_file_has_it() -> None:
    text = LOCAL.replace("X-A", "X-File")
    settings = settings_of(text, FASTGATE_PROVIDERS__MY_LLM__HEADERS__X_FILE="c")
    assert settings.providers["my-llm"].headers == {"X-File": "c"}


def test_settings_that_end_in_file_are_settings() -> None:
    settings = settings_of(LOCAL, FASTGATE_LOGGING__FILE="x.log")
    assert settings.logging.file == "x.log"
    assert messages(LOCAL, FASTGATE_PROVIDERS__MY_LLM__NETWORK__CA_FILE="/nonexistent") == [
        "FASTGATE_PROVIDERS__MY_LLM__NETWORK__CA_FILE: providers.my-llm.network.ca_file: "
        "the file /nonexistent cannot be read"
    ]


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("FASTGATE_SERVER__PRT", "FASTGATE_SERVER__PORT"),
        ("FASTGATE_SERVER_PORT", "FASTGATE_SERVER__PORT"),
        ("FASTGATE_PORT", "FASTGATE_SERVER__PORT"),
        ("FASTGATE_DATADIR", "FASTGATE_DATA_DIR"),
        ("FASTGATE_CONFIG_PATH", "FASTGATE_CONFIG"),
        ("FASTGATE_LOG_LEVEL", "FASTGATE_LOGGING__LEVEL"),
    ],
)
def test_an_unknown_variable_is_an_error(variable: str, meant: str) -> None:
    assert messages("", **{variable: "1"}) == [f"{variable}: there is no such setting; did you mean {meant}?"]


@pytest.mark.parametrize(
    "variable", ["FASTGATE_", "FASTGATE___", "FASTGATE_SERVER__", "FASTGATE_SERVER__PORT__X"]
)
def test_a_malformed_variable_is_an_error(variable: str) -> None:
    assert len(messages("", **{variable: "1"})) == 1


def test_what_is_no_setting_is_left_alone() -> None:
    settings_of(
        "",
        FASTGATE_BUILD="debug",
        FASTGATE_TEST_ANYTHING="1",
        FASTGATE_SERVER__PRT="",
        FASTGATE_SERVICE_HOST="10.0.0.1",
        FASTGATE_SERVICE_PORT_HTTP="80",
        FASTGATE_PORT="tcp://10.0.0.1:80",
        FASTGATE_PORT_80_TCP_ADDR="10.0.0.1",
        FASTGATE_ADMIN_SERVICE_PORT="80",
        fastgate_server__port="1",
    )


def test_a_wrong_value_names_the_variable() -> None:
    assert messages("", FASTGATE_SERVER__PORT="many") == [
        "FASTGATE_SERVER__PORT: server.port: expected a whole number from 0 to 65535, got text"
    ]
    (found,) = messages("", FASTGATE_SERVER__CORS="{allow_origins: [")
    assert found.startswith("FASTGATE_SERVER__CORS: server.cors: not valid YAML: ")


def test_inside_of_a_list_a_variable_cannot_reach() -> None:
    text = f"{LOCAL}\nroutes: {{r: [{{deployments: [{{provider: my-llm, model: m}}]}}]}}"
    assert messages(text, FASTGATE_ROUTES__R__HEDGE="{}") == [
        "FASTGATE_ROUTES__R__HEDGE: cannot change a part of FASTGATE_ROUTES__R: it is no mapping"
    ]
    assert len(messages(text, FASTGATE_VIRTUAL_KEYS__0__ID="x")) == 1


def test_a_broken_variable_hides_no_other_error() -> None:
    _, found = check_text("server: {hots: x}", FASTGATE_SERVER__PRT="1", FASTGATE_SERVER__PORT="x")
    assert len(found) == 3
