"""`config show`: everything effective, nothing secret."""

from tests.support.configs import TEAM_BLOCK, settings_of

from fastgate.config.show import show


def test_it_loads_again_to_the_same_settings() -> None:
    text = f"""\
{TEAM_BLOCK}
providers:
  local:
    dialect: openai
    base_url: http://h/v1
    credentials: [{{secret: "${{K}}"}}, {{secret: none}}]
    timeouts: {{connect_s: 0.5}}
routes:
  "1e3": [{{strategy: least_busy, deployments: [{{provider: local, model: "0x1F"}}]}}]
prices: [{{provider: local, model: "no", input_per_mtok_usd: 0.10, output_per_mtok_usd: "1e-7"}}]
data_dir: "$${{literal}}"
"""
    settings = settings_of(text, K="sk-1")
    assert settings_of(show(settings), K="sk-1") == settings


def test_amounts_keep_their_digits() -> None:
    settings = settings_of(
        "prices: [{provider: openai, model: m, input_per_mtok_usd: 0.10}]", OPENAI_API_KEY="k"
    )
    assert "input_per_mtok_usd: 0.10\n" in show(settings)


def test_secrets_are_masked() -> None:
    shown = show(
        settings_of(
            f"""\
providers:
  a:
    dialect: openai
    base_url: http://h/v1
    credentials:
      - secret: sk-hidden-literal
      - secret: ${{NOPE:-sk-hidden-default}}
      - secret: ${{K}}
    headers: {{x-token: "${{HEADER}}"}}
    network: {{proxy: "http://user:hidden-password@proxy:3128"}}
virtual_keys:
  - {{id: a, secret: sk-hidden-of-some-length}}
  - {{id: b, secret_hash: {"ab" * 32}}}
""",
            K="sk-hidden-env",
            HEADER="hidden-header",
        )
    )
    assert "hidden" not in shown
    assert "abab" not in shown
    assert "secret: ${K}" in shown
    assert "proxy: http://********@proxy:3128" in shown


def test_defaults_are_shown() -> None:
    shown = show(settings_of(""))
    assert "port: 8080" in shown
    assert "null" not in shown
