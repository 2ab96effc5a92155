"""From settings to a snapshot: deployments, names, merging, and every mistake at once."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.support.routing import local, snapshot

from fastgate.domain.credential import AwsIdentity, AwsKeyRefs, AzureIdentity, GoogleIdentity, SecretRef
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.provider_table import KNOWN
from fastgate.domain.snapshot import KeptResponses, Strategy, StreamFailure
from fastgate.errors import ConfigError

OPENAI = {"credentials": [{"secret": "sk-test"}]}


def test_catalogue_models_become_deployments() -> None:
    snap = snapshot(providers={"openai": OPENAI})
    assert snap.serves["openai"].names["gpt-4o-2024-08-06"] == ("openai/gpt-4o",)
    deployment = snap.deployments["openai/gpt-4o"]
    assert (deployment.model, deployment.upstream_model) == ("gpt-4o", None)
    assert deployment.base_url == "https://api.openai.com/v1"
    assert deployment.credentials == ("credential-1",)
    assert snap.serves["openai"].wildcard == "openai/*"
    assert snap.deployments["openai/*"].model == "*"


def test_open_weight_models_are_not_looked_for_at_openai() -> None:
    assert "openai/gpt-oss-120b" not in snapshot(providers={"openai": OPENAI}).deployments


def test_models_replace_the_catalogue_and_the_wildcard() -> None:
    snap = snapshot(providers={"openai": {**OPENAI, "models": ["gpt-4o"]}})
    assert list(snap.deployments) == ["openai/gpt-4o"]
    assert snap.serves["openai"].wildcard is None
    assert snap.deployments["openai/gpt-4o"].upstream_model == "gpt-4o"


def test_any_model_can_be_said_either_way() -> None:
    with_list = snapshot(providers={"local": local("llama-3", any_model=True)})
    assert with_list.serves["local"].wildcard == "local/*"
    without = snapshot(providers={"openai": {**OPENAI, "any_model": False}})
    assert without.serves["openai"].wildcard is None


def test_a_model_listed_under_deployments_is_served_there_only() -> None:
    regions = [
        {"model": "gpt-4o", "region": "eu", "base_url": "https://eu.api.openai.com/v1"},
        {"model": "gpt-4o", "region": "us", "base_url": "https://us.api.openai.com/v1/"},
    ]
    snap = snapshot(providers={"openai": {**OPENAI, "deployments": regions}})
    assert snap.serves["openai"].names["gpt-4o"] == ("openai/eu/gpt-4o", "openai/us/gpt-4o")
    assert snap.deployments["openai/us/gpt-4o"].base_url == "https://us.api.openai.com/v1"
    assert "gpt-4o-2024-08-06" not in snap.serves["openai"].names
    assert "gpt-4o-mini" in snap.serves["openai"].names


@pytest.mark.parametrize(
    ("given", "base_url", "azure_deployments"),
    [
        ({"resource": "acme"}, "https://acme.openai.azure.com/openai/v1", False),
        ({"base_url": "https://acme.openai.azure.com/"}, "https://acme.openai.azure.com/openai/v1", False),
        (
            {"resource": "acme", "api_version": "2024-10-21"},
            "https://acme.openai.azure.com/openai",
            True,
        ),
        (
            {
                "base_url": "https://gw.acme.com/openai/v1",
                "api_version": "2024-10-21",
                "url_style": "deployments",
            },
            "https://gw.acme.com/openai",
            True,
        ),
        (
            {"resource": "acme", "api_version": "preview", "url_style": "v1"},
            "https://acme.openai.azure.com/openai/v1",
            False,
        ),
    ],
)
def test_azure_url_styles(given: dict[str, Any], base_url: str, azure_deployments: bool) -> None:
    snap = snapshot(
        providers={
            "azure": {**OPENAI, **given, "deployments": [{"model": "gpt-4o", "upstream_model": "prod-4o"}]}
        }
    )
    provider, deployment = snap.providers["azure"], snap.deployments["azure/gpt-4o"]
    assert deployment.base_url == base_url
    assert (deployment.model, deployment.upstream_model) == ("gpt-4o", "prod-4o")
    assert provider.azure_deployments is azure_deployments
    assert (provider.auth_header, provider.auth_prefix) == ("api-key", "")
    assert provider.query == (f"api-version={given['api_version']}" if "api_version" in given else "")


def test_azure_serves_no_plain_name_but_its_deployments() -> None:
    snap = snapshot(providers={"azure": {**OPENAI, "resource": "acme"}})
    assert snap.serves["azure"].names == {}
    assert snap.serves["azure"].wildcard == "azure/*"


def test_timeouts_and_retries_are_merged_from_default_to_provider_to_route() -> None:
    snap = snapshot(
        providers={"local": local("m", timeouts={"connect_s": 1, "headers_s": 2}, retries={"max": 3})},
        routes={
            "r": {
                "groups": [{"deployments": [{"provider": "local", "model": "m"}]}],
                "timeouts": {"headers_s": 7},
            }
        },
    )
    provider = snap.providers["local"]
    assert (provider.timeouts.connect_s, provider.timeouts.headers_s) == (1, 2)
    assert provider.timeouts.between_chunks_s == 60
    target = snap.routes["r"].groups[0].targets[0]
    assert target.timeouts is not None
    assert (target.timeouts.connect_s, target.timeouts.headers_s) == (1, 7)
    assert target.retries is None
    assert provider.retries.max == 3


def test_routes_keep_their_order_strategy_and_conditions() -> None:
    snap = snapshot(
        providers={"a": local("m"), "b": local("m")},
        routes={
            "r": {
                "groups": [
                    {
                        "strategy": "least_busy",
                        "deployments": [
                            {"provider": "a", "model": "m", "weight": 4},
                            {"provider": "b", "model": "m"},
                        ],
                        "when": {"tags": {"tier": "gold"}, "max_body_bytes": 10},
                    },
                    {"deployments": [{"provider": "b", "model": "m"}]},
                ],
                "hedge": {"after": "1.5s", "max": 2},
                "stream_failure": "continue",
            }
        },
    )
    route = snap.routes["r"]
    first, second = route.groups
    assert [(target.deployment, target.weight) for target in first.targets] == [("a/m", 4), ("b/m", 1)]
    assert first.strategy is Strategy.LEAST_BUSY
    assert first.when is not None
    assert (first.when.tags, first.when.max_body_bytes) == ({"tier": "gold"}, 10)
    assert [target.deployment for target in second.targets] == ["b/m"]
    assert route.hedge is not None
    assert (route.hedge.after_ms, route.hedge.max) == (1500, 2)
    assert route.stream_failure is StreamFailure.CONTINUE


def test_a_route_may_name_a_model_that_no_list_has() -> None:
    snap = snapshot(
        providers={"openai": OPENAI},
        routes={"r": [{"deployments": [{"provider": "openai", "model": "gpt-99"}]}]},
    )
    assert snap.routes["r"].groups[0].targets[0].deployment == "openai/gpt-99"
    assert snap.deployments["openai/gpt-99"].upstream_model == "gpt-99"
    assert "gpt-99" not in snap.serves["openai"].names


def test_what_is_kept_of_translated_responses() -> None:
    given = {"store_translated": True, "ttl_s": 60, "max_mb": 3}
    assert snapshot(responses=given).worker.responses == KeptResponses(on=True, ttl_s=60, max_bytes=3 << 20)
    assert not snapshot().worker.responses.on


def test_targets_at_providers_that_are_not_configured_are_left_out() -> None:
    snap = snapshot(
        providers={"openai": OPENAI},
        routes={
            "smart": [
                {"deployments": [{"provider": "openai", "model": "gpt-4o"}]},
                {"deployments": [{"provider": "anthropic", "model": "claude-sonnet-4-6"}]},
            ],
            "only-others": [{"deployments": [{"provider": "bedrock", "model": "x"}]}],
        },
    )
    assert list(snap.providers) == ["openai"]
    assert len(snap.routes["smart"].groups) == 1
    assert "only-others" not in snap.routes


def test_a_vendor_at_another_dialects_endpoint() -> None:
    snap = snapshot(
        providers={"anthropic": {**OPENAI, "dialect": "openai", "base_url": "https://api.anthropic.com/v1"}}
    )
    provider = snap.providers["anthropic"]
    assert (provider.dialect, provider.auth_header) == ("openai", "authorization")
    assert snap.serves["anthropic"].names["claude-sonnet-4-6"] == ("anthropic/claude-sonnet-4-6",)


@pytest.mark.parametrize(
    ("name", "settings", "base_url", "catalogue"),
    [
        ("ollama", {"dialect": "ollama"}, "http://127.0.0.1:11434", False),
        ("ollama", {}, "http://127.0.0.1:11434/v1", False),
        ("claude_2", {**OPENAI, "dialect": "anthropic"}, "https://api.anthropic.com", True),
        ("proxy", {**OPENAI, "dialect": "anthropic", "base_url": "http://h"}, "http://h", False),
        (
            "eu",
            {**OPENAI, "dialect": "bedrock", "region": "eu-west-1"},
            "https://bedrock-runtime.eu-west-1.amazonaws.com",
            True,
        ),
        (
            "vertex",
            {**OPENAI, "project": "p"},
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global",
            True,
        ),
        (
            "vertex",
            {**OPENAI, "project": "p", "region": "eu"},
            "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu",
            True,
        ),
        (
            "vertex",
            {**OPENAI, "project": "p", "region": "us-east5"},
            "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5",
            True,
        ),
    ],
)
def test_a_dialect_brings_its_vendors_url(
    name: str, settings: dict[str, Any], base_url: str, catalogue: bool
) -> None:
    snap = snapshot(providers={name: settings})
    assert snap.deployments[f"{name}/*"].base_url == base_url
    assert bool(snap.serves[name].patterns) is catalogue


def test_the_region_of_a_provider_is_that_of_its_deployments() -> None:
    deployments = [{"model": "m"}, {"model": "m", "region": "eu-west-1"}]
    snap = snapshot(providers={"bedrock": {**OPENAI, "region": "us-east-1", "deployments": deployments}})
    regions = {each.id: each.region for each in snap.deployments.values()}
    assert (
        regions["bedrock/m"]
        == regions["bedrock/*"]
        == regions["bedrock/amazon.nova-lite-v1:0"]
        == "us-east-1"
    )
    assert regions["bedrock/eu-west-1/m"] == "eu-west-1"
    eu = snap.deployments["bedrock/eu-west-1/m"].base_url
    assert eu == "https://bedrock-runtime.eu-west-1.amazonaws.com"


def test_what_a_provider_serves_by_translation() -> None:
    conversations = {
        Endpoint.CHAT, Endpoint.COMPLETIONS, Endpoint.RESPONSES, Endpoint.MESSAGES, Endpoint.COUNT_TOKENS,
        Endpoint.GENERATE_CONTENT, Endpoint.CONTENT_TOKENS, Endpoint.CONVERSE, Endpoint.INVOKE,
    }  # fmt: skip
    embeddings = {Endpoint.EMBEDDINGS, Endpoint.EMBED_CONTENT, Endpoint.COHERE_EMBED}
    rerank = {Endpoint.RERANK, Endpoint.COHERE_RERANK}
    expected = {
        "anthropic": conversations,
        "bedrock": conversations | embeddings,
        "gemini": conversations | embeddings,
        "vertex": conversations | embeddings,
        "cohere": conversations | embeddings | rerank,
        "deepseek": conversations | {Endpoint.MODELS},
    }
    extra = {"bedrock": {"region": "r"}, "vertex": {"project": "p"}}
    snap = snapshot(providers={name: {**OPENAI, **extra.get(name, {})} for name in expected})
    assert {name: set(provider.serves) for name, provider in snap.providers.items()} == expected
    only = snapshot(providers={"cohere": {**OPENAI, "endpoints": ["embed"]}}).providers["cohere"]
    assert set(only.serves) == embeddings


def test_servers_of_ones_own_need_no_secret() -> None:
    snap = snapshot(
        providers={name: {} for name, known in KNOWN.items() if not known.needs_secret and known.base_url}
    )
    assert set(snap.providers) == {"ollama", "vllm", "sglang", "lmstudio"}
    assert all(deployment.credentials == () for deployment in snap.deployments.values())


def test_secrets_stay_references() -> None:
    given = {"credentials": [{"secret": "${MANY#1}"}, {"id": "none", "secret": "none"}]}
    snap = snapshot({"MANY": "sk-one,sk-two"}, providers={"openai": given})
    first, second = snap.providers["openai"].credentials
    assert first.secret is not None
    assert (first.secret.template, first.secret.part) == ("${MANY}", 1)
    assert second.secret is None
    assert "sk-two" not in repr(snap)


def test_the_fingerprint_changes_with_the_file_that_holds_the_secret(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-old")
    given = {"openai": {"credentials": [{"secret": f"file:{path}"}]}}
    before = snapshot(providers=given).providers["openai"].credentials[0].fingerprint
    assert snapshot(providers=given).providers["openai"].credentials[0].fingerprint == before
    path.write_text("sk-new")
    os.utime(path, ns=(1, 1))
    assert snapshot(providers=given).providers["openai"].credentials[0].fingerprint != before


def test_a_secret_that_has_gone_is_named_without_its_value() -> None:
    """Settings that were checked have none such, unless a file went in between."""
    with pytest.raises(ConfigError) as caught:
        snapshot(providers={"openai": {"credentials": [{"secret": "file:/nonexistent"}]}})
    assert str(caught.value).startswith("providers.openai.credentials[0].secret: cannot read the file")


def test_urls_are_compiled_to_one_spelling() -> None:
    snap = snapshot(providers={"a": local("m", base_url="https://B\u00fccher.example:443/v1/")})
    assert snap.deployments["a/m"].base_url == "https://xn--bcher-kva.example/v1"


@pytest.mark.parametrize("name", KNOWN)
def test_every_known_provider_compiles(name: str) -> None:
    extra = {
        "azure": {"resource": "r"},
        "databricks": {"host": "h.example"},
        "bedrock": {"region": "eu-west-1"},
        "vertex": {"project": "p"},
    }
    if name == "openai_compatible":
        extra[name] = {"base_url": "http://127.0.0.1:1/v1"}
    snap = snapshot(providers={name: {**OPENAI, **extra.get(name, {})}})
    provider = snap.providers[name]
    assert Endpoint.CHAT in provider.serves
    assert set(provider.endpoints) <= set(provider.serves)
    assert all("{" not in deployment.base_url for deployment in snap.deployments.values())
    assert snap.serves[name].wildcard in snap.deployments


def test_logins_are_compiled_with_their_secrets_as_references() -> None:
    snap = snapshot(
        {"S": "s", "J": "{\n}"},
        providers={
            "bedrock": {
                "deployments": [{"model": "m", "region": "eu-west-1"}],
                "credentials": [
                    {"aws": {"access_key_id": "AKIA", "secret_access_key": "${S}"}},
                    {"aws": {"access_key_id": "AKIA", "secret_access_key": "${S}", "role_arn": "r"}},
                    {"aws": {"profile": "p"}},
                ],
            },
            "vertex": {"project": "p", "credentials": [{"google": {"service_account_json": "${J}"}}]},
            "azure": {"resource": "r", "credentials": [{"azure": {"managed_identity": True}}]},
        },
    )
    keys = AwsKeyRefs(access_key_id=SecretRef("AKIA"), secret_access_key=SecretRef("${S}"))
    own, role, profile = snap.providers["bedrock"].credentials
    assert (own.aws_keys, own.identity) == (keys, None)
    assert role.identity == AwsIdentity(keys=keys, role_arn="r", region="eu-west-1")
    assert profile.identity == AwsIdentity(profile="p", region="eu-west-1")
    assert len({own.fingerprint, role.fingerprint, profile.fingerprint, ""}) == 4
    (google,) = snap.providers["vertex"].credentials
    assert google.identity == GoogleIdentity(service_account=SecretRef("${J}"))
    azure = snap.providers["azure"]
    assert (azure.auth_header, azure.auth_prefix) == ("authorization", "Bearer ")
    assert isinstance(azure.credentials[0].identity, AzureIdentity)


@pytest.mark.parametrize(("name", "identity"), [("bedrock", AwsIdentity), ("vertex", GoogleIdentity)])
def test_a_cloud_without_credentials_takes_the_login_of_its_surroundings(name: str, identity: type) -> None:
    snap = snapshot(providers={name: {"region": "r", "project": "p"}})
    (credential,) = snap.providers[name].credentials
    assert isinstance(credential.identity, identity)
    assert snap.deployments[f"{name}/*"].credentials == (credential.id,)


def test_the_fingerprint_of_a_login_changes_with_its_files(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("one")
    azure = {"tenant_id": "t", "client_id": "c", "client_secret": f"file:{file}"}
    providers = {"azure": {"resource": "r", "credentials": [{"azure": azure}]}}
    before = snapshot(providers=providers).providers["azure"].credentials[0].fingerprint
    assert snapshot(providers=providers).providers["azure"].credentials[0].fingerprint == before
    file.write_text("another")
    assert snapshot(providers=providers).providers["azure"].credentials[0].fingerprint != before
