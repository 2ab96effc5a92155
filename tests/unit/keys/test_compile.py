"""From the settings to the keys and secrets that the store takes."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from fastgate.config.settings import Settings
from fastgate.domain.model_ref import ModelRef
from fastgate.domain.virtual_key import OnDisconnect, VirtualKey
from fastgate.errors import ConfigError
from fastgate.keys.compile import compile_keys
from fastgate.keys.compiled import CompiledKeys
from fastgate.keys.secret import digest, generate
from fastgate.store.keys import Source

STRONG = "a-foreign-secret-of-some-length-42"


def compiled(given: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> CompiledKeys:
    return compile_keys(msgspec.convert(given, Settings), environ or {})


def one_key(**given: Any) -> dict[str, Any]:
    return {"virtual_keys": [{"id": "vk", **given}]}


def test_the_key_of_the_design_document() -> None:
    result = compiled(
        one_key(
            customer_id="acme_corp",
            budget={"max_per_month_usd": 12000, "reset_duration": "monthly"},
            rate_limit={"requests_per_minute": 600},
            allowed_providers=["openai", "anthropic", "bedrock"],
            fallbacks=[
                {"provider": "openai", "model": "gpt-4o"},
                {"provider": "bedrock", "model": "anthropic.claude-sonnet-4-6"},
            ],
        )
    )
    assert result == CompiledKeys(
        keys=(
            VirtualKey(
                id="vk",
                customer_id="acme_corp",
                allowed_providers=("openai", "anthropic", "bedrock"),
                fallbacks=(
                    ModelRef("gpt-4o", "openai"),
                    ModelRef("anthropic.claude-sonnet-4-6", "bedrock"),
                ),
            ),
        ),
        secrets=(),
        warnings=(),
    )


def test_every_setting_of_a_key_arrives() -> None:
    (key,) = compiled(
        one_key(
            enabled=False,
            expires_at="2030-01-31T12:00:00+01:00",
            team_id="t",
            allowed_models=["gpt-*"],
            denied_models=["gpt-4*"],
            fallbacks=[{"model": "auto"}],
            tags={"tier": "gold"},
            metadata={"a": "1"},
            log_prompts=True,
            on_disconnect="drain",
            drain_max_s=5.0,
        )
    ).keys
    assert key == VirtualKey(
        id="vk",
        enabled=False,
        expires_at=1_896_087_600,
        team_id="t",
        teams=("t",),
        allowed_models=("gpt-*",),
        denied_models=("gpt-4*",),
        fallbacks=(ModelRef("auto"),),
        tags={"tier": "gold"},
        metadata={"a": "1"},
        log_prompts=True,
        on_disconnect=OnDisconnect.DRAIN,
        drain_max_s=5.0,
    )


def test_metadata_of_the_key_wins_over_the_team_and_the_team_over_the_customer() -> None:
    (key,) = compiled(
        {
            "customers": [{"id": "c", "metadata": {"x": "customer", "y": "customer", "z": "customer"}}],
            "teams": [{"id": "t", "customer_id": "c", "metadata": {"x": "team", "y": "team"}}],
            **one_key(team_id="t", metadata={"x": "key"}),
        }
    ).keys
    assert key.metadata == {"x": "key", "y": "team", "z": "customer"}
    assert key.customer_id == "c"


def test_teams_are_a_path_and_pass_on_what_they_have() -> None:
    (key,) = compiled(
        {
            "customers": [{"id": "c", "metadata": {"a": "c", "b": "c", "d": "c"}}],
            "teams": [
                {"id": "inner", "parent_team_id": "middle", "metadata": {"a": "inner"}},
                {"id": "middle", "parent_team_id": "outer"},
                {"id": "outer", "customer_id": "c", "metadata": {"a": "outer", "b": "outer"}},
            ],
            **one_key(team_id="inner"),
        }
    ).keys
    assert key.teams == ("inner", "middle", "outer")
    assert key.customer_id == "c"
    assert key.metadata == {"a": "inner", "b": "outer", "d": "c"}


def test_a_secret_may_come_from_the_environment_or_as_a_hash() -> None:
    secret = generate()
    result = compiled(
        {
            "virtual_keys": [
                {"id": "a", "secret": "${KEY}"},
                {"id": "b", "secret_hash": "sha256:" + "ab" * 32},
                {"id": "c", "secret_hash": "cd" * 32},
                {"id": "d", "secret": STRONG},
                {"id": "e"},
            ]
        },
        {"KEY": secret},
    )
    assert {hashed: record.key_id for hashed, record in result.secrets} == {
        digest(secret.encode()): "a",
        bytes.fromhex("ab" * 32): "b",
        bytes.fromhex("cd" * 32): "c",
        digest(STRONG.encode()): "d",
    }
    assert {record.source for _, record in result.secrets} == {Source.CONFIG}
    assert result.warnings == ()


def test_an_expired_key_is_warned_of_and_never_becomes_one_that_does_not_expire() -> None:
    for moment in ("2001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1950-01-01T00:00:00Z"):
        result = compiled(one_key(expires_at=moment))
        assert result.keys[0].expires_at >= 1
        assert "has expired" in result.warnings[0]


def test_a_secret_that_has_gone_is_an_error() -> None:
    """Settings that were checked have none such, unless a file went in between."""
    with pytest.raises(ConfigError, match="cannot read the file /nonexistent"):
        compiled(one_key(secret="file:/nonexistent"))
