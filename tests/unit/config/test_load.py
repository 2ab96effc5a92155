"""The whole pipeline: the contract's blocks, precedence, every error at once."""

from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.configs import TEAM_BLOCK, VOCABULARY_BLOCK, check_text, messages, settings_of

from fastgate.config.diagnostics import Severity
from fastgate.config.load import check, load
from fastgate.config.money_settings import BudgetSettings
from fastgate.config.place import config_file
from fastgate.errors import ConfigError


def test_the_teams_block_loads_verbatim() -> None:
    settings, found = check_text(TEAM_BLOCK, OPENAI_API_KEY="sk-1")
    assert settings is not None
    (key,) = settings.virtual_keys
    assert isinstance(key.budget, BudgetSettings)
    assert key.budget.max_per_month_usd == Decimal(12000)
    assert [fallback.provider for fallback in key.fallbacks] == ["openai", "anthropic", "bedrock"]
    assert [(item.severity, item.line) for item in found] == [(Severity.WARNING, 11), (Severity.WARNING, 12)]
    assert "`anthropic` is not configured, so it is skipped" in found[0].message


def test_the_rest_of_the_vocabulary_loads(tmp_path: Path) -> None:
    secret = tmp_path / "openai"
    secret.write_text("sk-2\n")
    text = VOCABULARY_BLOCK.replace("/run/secrets/openai", str(secret))
    settings, found = check_text(text, OPENAI_API_KEY="sk-1", SEARCH_KEY="sk-3")
    assert settings is not None
    assert settings.server.workers == 2
    assert settings.virtual_keys[0].metadata == {"team_internal_billing_code": "4711"}
    assert str(settings.prices[0].input_per_mtok_usd) == "0.10"
    assert {item.severity for item in found} == {Severity.WARNING}
    assert any("routes.smart[1].deployments[0].provider" in str(item) for item in found)


def test_missing_secrets_of_the_vocabulary_are_named_with_their_place() -> None:
    assert messages(VOCABULARY_BLOCK) == [
        "4: providers.openai.credentials[0].secret: the environment variable OPENAI_API_KEY is not set",
        "5: providers.openai.credentials[1].secret: "
        "cannot read the file /run/secrets/openai: No such file or directory",
        "22: virtual_keys[0].secret: the environment variable SEARCH_KEY is not set",
    ]


def test_all_errors_come_at_once() -> None:
    text = """\
server: {port: abc, hots: x, workers: 1000}
auth: {mode: opne}
logging: 5
virtual_keys:
  - id: vk
    rate_limit: {request_per_minute: 600}
    requests_per_minute: 5
    secret: ${NOPE}
    allowed_providers: [opnai]
    metadata: {a: 1, b: no, c: true}
  - team_id: x
    enabled: yes
    budget: {max_usd: -1}
providers:
  openai: {credentials: [{secret: sk-topsecret}, sk-topsecret], endpoints: [chatt]}
routes:
  r: [{strategy: wighted, deployments: []}]
  s: 5
  t: []
"""
    assert messages(text, FASTGATE_METRICS__MAX_SERIES="1") == [
        "1: server.port: expected a whole number from 0 to 65535, got text",
        "1: server.hots: unknown setting; did you mean host?",
        "1: server.workers: expected a whole number from 0 to 256, got 1000",
        "2: auth.mode: expected one of `virtual_keys`, `open`, got `opne`; did you mean open?",
        "3: logging: expected a mapping, got a whole number",
        "6: virtual_keys[0].rate_limit.request_per_minute: unknown setting; "
        "did you mean requests_per_minute?",
        "7: virtual_keys[0].requests_per_minute: unknown setting; "
        "did you mean rate_limit.requests_per_minute?",
        "8: virtual_keys[0].secret: the environment variable NOPE is not set",
        "9: virtual_keys[0].allowed_providers[0]: no provider is called `opnai`; did you mean openai?",
        "10: virtual_keys[0].metadata.a: expected text, got 1; put it in quotes",
        "10: virtual_keys[0].metadata.c: expected text, got `true` or `false`; put it in quotes",
        "11: virtual_keys[1].id: is required, and missing",
        "12: virtual_keys[1].enabled: expected `true` or `false`, got text",
        "13: virtual_keys[1].budget.max_usd: expected an amount in US dollars, got -1",
        "15: providers.openai.credentials[1]: expected a mapping, got text",
        "15: providers.openai.endpoints[0]: expected one of `chat`, `completions`, `responses`, "
        "`embeddings`, `moderations`, `images_generations`, `images_edits`, `audio_speech`, "
        "`audio_transcriptions`, "
        "`audio_translations`, `rerank`, `models`, `messages`, `count_tokens`, `generate_content`, "
        "`count_content_tokens`, `converse`, `invoke_model`, `embed_content`, `embed`, `rerank_v2`, "
        "got `chatt`; did you mean chat?",
        "17: routes.r[0].strategy: expected one of `weighted`, `least_busy`, `lowest_latency`, "
        "`round_robin`, got `wighted`; did you mean weighted?",
        "17: routes.r[0].deployments: must not be empty",
        "18: routes.s: expected a list or a mapping, got a whole number",
        "19: routes.t: must not be empty",
        "FASTGATE_METRICS__MAX_SERIES: metrics.max_series: "
        "expected a whole number from 100 to 1000000, got 1",
    ]


def test_load_raises_all_errors_and_no_warning() -> None:
    text = f"{TEAM_BLOCK}server: {{port: abc}}\nauth: {{mode: x}}\n"
    with pytest.raises(ConfigError) as caught:
        load(None, {"FASTGATE_CONFIG_YAML": text})
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == ["error", "error"]


def test_no_error_tells_a_secret() -> None:
    text = """\
providers:
  openai: {credentials: [{secret: "sk-topsecret\\u00e9"}, sk-topsecret], base_url: "http://u:sk-topsecret@h/v1"}
virtual_keys: [{id: a, secret_hash: sk-topsecret, secret: {sk: sk-topsecret}}]
"""
    found = messages(text)
    assert len(found) == 5
    assert "topsecret" not in "\n".join(found)


def test_interpolated_text_takes_the_expected_type() -> None:
    settings = settings_of(
        'server: {port: "${P}", cors: {allow_origins: "${O}"}}\nlogging: {file: "${P}", requests: "${B}"}\n'
        'virtual_keys: [{id: v, metadata: {code: "${P}"}, budget: {max_per_day_usd: "${D}"}}]',
        P="0080",
        O="[https://a]",
        B="false",
        D="0.10",
    )
    assert (settings.server.port, settings.logging.file, settings.logging.requests) == (80, "0080", False)
    assert settings.server.cors.allow_origins == ["https://a"]
    assert settings.virtual_keys[0].metadata == {"code": "0080"}
    budget = settings.virtual_keys[0].budget
    assert isinstance(budget, BudgetSettings)
    assert str(budget.max_per_day_usd) == "0.10"


def test_secrets_stay_references() -> None:
    settings = settings_of(
        'providers: {openai: {credentials: [{secret: "${K}"}]}}\nvirtual_keys: [{id: v, secret: env.K}]',
        K="sk-1",
    )
    assert settings.providers["openai"].credentials[0].secret == "${K}"
    assert settings.virtual_keys[0].secret == "env.K"


def test_empty_sections_count_as_not_written() -> None:
    settings = settings_of("server:\nproviders:\nvirtual_keys:\n")
    assert settings == settings_of("")


def test_amounts_are_finite_and_not_negative() -> None:
    for amount in ("-0.01", "NaN", "Infinity", "1e999999", "1e-999", "9000000000", "true"):
        assert len(messages(f"virtual_keys: [{{id: v, budget: {{max_per_day_usd: {amount}}}}}]")) == 1


def test_numbers_must_fit() -> None:
    assert len(messages("upstream: {max_response_bytes: 99999999999999999999}")) == 1
    assert len(messages("server: {drain_s: 1e999}")) == 1


class TestSource:
    """Which file is read."""

    @pytest.fixture(autouse=True)
    def directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        for name in ("given", "variable"):
            (tmp_path / f"{name}.yaml").write_text(f"data_dir: {name}\n")
        return tmp_path

    def test_order(self, directory: Path) -> None:
        environ = {"FASTGATE_CONFIG": "variable.yaml"}
        assert load(Path("given.yaml"), environ).data_dir == "given"
        assert load(None, environ).data_dir == "variable"
        assert load(None, {"FASTGATE_CONFIG_YAML": "data_dir: inline"}).data_dir == "inline"
        assert load(None, {}).data_dir == "./fastgate-data"
        (directory / "fastgate.yaml").write_text("data_dir: default\n")
        assert load(None, {}).data_dir == "default"
        assert load(None, {"FASTGATE_CONFIG_YAML": "data_dir: inline"}).data_dir == "inline"
        assert load(Path("given.yaml"), {"FASTGATE_CONFIG_YAML": "data_dir: inline"}).data_dir == "given"
        assert load(None, {"FASTGATE_DATA_DIR": "environment"}).data_dir == "environment"

    def test_two_variables_for_one_thing(self) -> None:
        settings, (found,) = check(None, {"FASTGATE_CONFIG": "variable.yaml", "FASTGATE_CONFIG_YAML": "{}"})
        assert settings is None
        assert "only one of them can count" in str(found)

    def test_config_file_names_what_is_watched(self, directory: Path) -> None:
        assert config_file(None, {}) is None
        (directory / "fastgate.yaml").write_text("")
        assert config_file(None, {}) == Path("fastgate.yaml")
        assert config_file(None, {"FASTGATE_CONFIG_YAML": "{}"}) is None
        assert config_file(Path("x"), {"FASTGATE_CONFIG": "y"}) == Path("x")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "cannot be read: No such file or directory"),
            (b"\xff\xfe", "is not UTF-8 text: byte 0 is invalid"),
            (b"- a\n", "a configuration is a mapping of settings"),
            (b"a: [", "not valid YAML"),
        ],
    )
    def test_a_file_that_is_none(self, directory: Path, content: bytes | None, message: str) -> None:
        if content is not None:
            (directory / "bad.yaml").write_bytes(content)
        settings, (found,) = check(Path("bad.yaml"), {"OPENAI_API_KEY": "k"})
        assert settings is None
        assert str(found).startswith("bad.yaml")
        assert message in str(found)

    def test_a_directory(self, directory: Path) -> None:
        _, (found,) = check(directory, {})
        assert found.message == "cannot be read: Is a directory"

    def test_a_byte_order_mark_and_crlf(self, directory: Path) -> None:
        (directory / "dos.yaml").write_bytes(b"\xef\xbb\xbfdata_dir: x\r\nserver: {port: 1}\r\n")
        assert load(Path("dos.yaml"), {}).server.port == 1
