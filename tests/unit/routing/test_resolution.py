"""What a name stands for, and what a key may use of it."""

from pathlib import Path
from typing import Any

import pytest
from tests.conftest import FakeClock
from tests.support.routing import Rig, local, snapshot

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.model_ref import ModelRef
from fastgate.domain.snapshot import StreamFailure
from fastgate.domain.virtual_key import VirtualKey
from fastgate.errors import GatewayError
from fastgate.routing.plan import Plan

OPENAI = {"credentials": [{"secret": "sk-test"}]}

SECTIONS: dict[str, Any] = {
    "providers": {
        "openai": {**OPENAI},
        "groq": {**OPENAI},
        "local": local("gpt-4o", "llama-3", endpoints=["chat", "embeddings"]),
        "other": local("gpt-4o", "Llama-4", any_model=True),
    },
    "routes": {
        "smart": [
            {
                "deployments": [
                    {"provider": "local", "model": "llama-3", "weight": 3},
                    {"provider": "openai", "model": "gpt-4o"},
                ]
            },
            {"deployments": [{"provider": "other", "model": "Llama-4"}]},
        ],
        "big": {
            "groups": [
                {
                    "deployments": [{"provider": "local", "model": "llama-3"}],
                    "when": {"max_body_bytes": 1000, "tags": {"tier": "gold"}},
                },
                {
                    "deployments": [{"provider": "other", "model": "Llama-4"}],
                    "when": {"min_body_bytes": 1001},
                },
            ],
            "hedge": {"after": "800ms"},
            "stream_failure": "continue",
        },
        "dated": [{"deployments": [{"provider": "openai", "model": "gpt-4o-2024-08-06"}]}],
    },
}


@pytest.fixture
def rig(tmp_path: Path, fake_clock: FakeClock) -> Rig:
    return Rig(tmp_path, fake_clock, snapshot(**SECTIONS))


def explained(plan: Plan) -> list[tuple[str, str | None]]:
    """(deployment, model sent) of what would be tried."""
    return [(each.deployment, each.model) for each in plan.explain() if each.usable]


def excluded(plan: Plan) -> dict[str, str | None]:
    return {each.deployment: each.reason for each in plan.explain() if not each.usable}


def refused(rig: Rig, *args: Any, **kwargs: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        rig.plan(*args, **kwargs)
    return caught.value


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4o", [("openai/gpt-4o", "gpt-4o"), ("local/gpt-4o", "gpt-4o"), ("other/gpt-4o", "gpt-4o")]),
        ("gpt-4o-2024-08-06", [("openai/gpt-4o", "gpt-4o-2024-08-06")]),
        ("GPT-4O-MINI", [("openai/gpt-4o-mini", "GPT-4O-MINI")]),
        ("llama-4", [("other/Llama-4", "Llama-4")]),
        ("local/gpt-4o", [("local/gpt-4o", "gpt-4o")]),
        ("openai/gpt-99-preview", [("openai/*", "gpt-99-preview")]),
        ("other/anything/with/slashes", [("other/*", "anything/with/slashes")]),
        ("groq/openai/gpt-oss-120b", [("groq/openai/gpt-oss-120b", "openai/gpt-oss-120b")]),
        ("openai/gpt-oss-120b", [("openai/*", "gpt-oss-120b")]),
        (
            "meta-llama/llama-4-scout-17b-16e-instruct",
            [("groq/meta-llama/llama-4-scout-17b-16e-instruct", "meta-llama/llama-4-scout-17b-16e-instruct")],
        ),
        ("smart", [("local/llama-3", "llama-3"), ("openai/gpt-4o", "gpt-4o"), ("other/Llama-4", "Llama-4")]),
        ("dated", [("openai/gpt-4o", "gpt-4o-2024-08-06")]),
        ("ft:gpt-4o-2024-08-06:acme::x1", [("openai/ft:gpt-4o", "ft:gpt-4o-2024-08-06:acme::x1")]),
    ],
)
def test_names(rig: Rig, model: str, expected: list[tuple[str, str]]) -> None:
    assert explained(rig.plan(model)) == expected


@pytest.mark.parametrize(
    "model", ["local/nope", "nope", "openai/", "/gpt-4o", "azure/gpt-4o", "smart/gpt-4o"]
)
def test_unknown_names(rig: Rig, model: str) -> None:
    error = refused(rig, model)
    assert (error.code, error.status, error.param) == ("model_not_found", 404, "model")


def test_free_text_is_never_a_deployment(rig: Rig) -> None:
    for number in range(50):
        choice = rig.choice(rig.plan(f"openai/secret-{number}"))
        assert choice.deployment.id == "openai/*"
        assert choice.deployment.model == "*"


def test_close_matches_are_of_what_the_key_may_see(rig: Rig) -> None:
    assert "`gpt-4o-mini`" in refused(rig, "gpt4o-mini").message
    key = VirtualKey(id="k", allowed_models=("llama*", "Llama*"))
    message = refused(rig, "llama3", key=key).message
    assert "`llama-3`" in message
    assert "`Llama-4`" in message
    assert "gpt" not in refused(rig, "gpt4o-mini", key=key).message.replace("`gpt4o-mini`", "")


def test_an_endless_name_is_cut_in_the_answer(rig: Rig) -> None:
    assert len(refused(rig, "x" * 1_000_000).message) < 500
    assert not rig.tables[0]._cache


def test_auto_is_the_keys_fallbacks(rig: Rig) -> None:
    key = VirtualKey(id="k", fallbacks=(ModelRef("llama-3"), ModelRef("gpt-4o", "other"), ModelRef("smart")))
    expected = [
        ("local/llama-3", "llama-3"),
        ("other/gpt-4o", "gpt-4o"),
        ("openai/gpt-4o", "gpt-4o"),
        ("other/Llama-4", "Llama-4"),
    ]
    for model in ("auto", None, ""):
        assert explained(rig.plan(model, key=key)) == expected


@pytest.mark.parametrize("key", [None, VirtualKey(id="k")])
def test_auto_without_fallbacks(rig: Rig, key: VirtualKey | None) -> None:
    error = refused(rig, None, key=key)
    assert (error.code, error.status, error.param) == ("missing_field", 400, "model")


def test_fallbacks_of_the_body_come_before_those_of_the_key_and_nothing_comes_twice(rig: Rig) -> None:
    key = VirtualKey(id="k", fallbacks=(ModelRef("gpt-4o"), ModelRef("llama-3")))
    plan = rig.plan("dated", key=key, fallbacks=(ModelRef("other/Llama-4"), ModelRef("gpt-4o", "local")))
    assert explained(plan) == [
        ("openai/gpt-4o", "gpt-4o-2024-08-06"),
        ("other/Llama-4", "Llama-4"),
        ("local/gpt-4o", "gpt-4o"),
        ("openai/gpt-4o", "gpt-4o"),
        ("other/gpt-4o", "gpt-4o"),
        ("local/llama-3", "llama-3"),
    ]


def test_fallbacks_that_nobody_serves_are_passed_over(rig: Rig) -> None:
    key = VirtualKey(id="k", fallbacks=(ModelRef("claude-sonnet-4-6", "anthropic"), ModelRef("llama-3")))
    plan = rig.plan("dated", key=key)
    assert explained(plan) == [("openai/gpt-4o", "gpt-4o-2024-08-06"), ("local/llama-3", "llama-3")]
    assert excluded(plan) == {"anthropic/claude-sonnet-4-6": "model_not_found"}


def test_allowed_providers(rig: Rig) -> None:
    key = VirtualKey(id="k", allowed_providers=("local",), fallbacks=(ModelRef("Llama-4"),))
    plan = rig.plan("gpt-4o", key=key)
    assert explained(plan) == [("local/gpt-4o", "gpt-4o")]
    assert excluded(plan) == {
        "openai/gpt-4o": "provider_not_allowed",
        "other/gpt-4o": "provider_not_allowed",
        "other/Llama-4": "provider_not_allowed",
    }
    error = refused(rig, "dated", key=key)
    assert (error.code, error.status) == ("provider_not_allowed", 403)
    assert "`openai`" in error.message


@pytest.mark.parametrize(
    ("allowed", "denied", "model", "expected"),
    [
        (("gpt-4o*",), (), "gpt-4o", ["openai/gpt-4o", "local/gpt-4o", "other/gpt-4o"]),
        (("openai/*",), (), "gpt-4o", ["openai/gpt-4o"]),
        (("gpt-4o",), (), "gpt-4o-2024-08-06", None),
        (("smart",), (), "smart", ["local/llama-3", "openai/gpt-4o", "other/Llama-4"]),
        (("llama-3",), (), "smart", ["local/llama-3"]),
        (("smart",), ("gpt-4o",), "smart", ["local/llama-3", "other/Llama-4"]),
        (None, ("smart",), "smart", None),
        (None, ("openai/*",), "gpt-4o", ["local/gpt-4o", "other/gpt-4o"]),
        (None, ("gpt-4o-mini",), "GPT-4O-Mini", None),
        (("gpt*",), (), "openai/gpt-99", ["openai/*"]),
        ((), (), "gpt-4o", None),
    ],
)
def test_model_globs(
    rig: Rig,
    allowed: tuple[str, ...] | None,
    denied: tuple[str, ...],
    model: str,
    expected: list[str] | None,
) -> None:
    key = VirtualKey(id="k", allowed_models=allowed, denied_models=denied)
    if expected is None:
        error = refused(rig, model, key=key)
        assert (error.code, error.status) == ("model_not_allowed", 403)
    else:
        assert [deployment for deployment, _ in explained(rig.plan(model, key=key))] == expected


def test_a_fallback_is_not_allowed_by_being_one(rig: Rig) -> None:
    key = VirtualKey(id="k", allowed_models=("gpt-4o",), fallbacks=(ModelRef("llama-3"),))
    assert excluded(rig.plan("local/gpt-4o", key=key)) == {"local/llama-3": "model_not_allowed"}


def test_endpoints_that_a_provider_does_not_offer(rig: Rig) -> None:
    plan = rig.plan("gpt-4o", endpoint=Endpoint.AUDIO_SPEECH)
    assert [deployment for deployment, _ in explained(plan)] == ["openai/gpt-4o", "other/gpt-4o"]
    assert excluded(plan) == {"local/gpt-4o": "endpoint_not_supported"}
    error = refused(rig, "llama-3", endpoint=Endpoint.AUDIO_SPEECH)
    assert (error.code, error.status) == ("not_supported", 501)


@pytest.mark.parametrize("endpoint", [Endpoint.RESPONSES, Endpoint.MESSAGES, Endpoint.COHERE_EMBED])
def test_what_can_be_translated_is_offered_by_who_offers_one_of_its_kind(
    rig: Rig, endpoint: Endpoint
) -> None:
    assert [deployment for deployment, _ in explained(rig.plan("llama-3", endpoint=endpoint))] == [
        "local/llama-3"
    ]


def redirecting(tmp_path: Path, clock: FakeClock, **redirects: str) -> Rig:
    return Rig(tmp_path, clock, snapshot(**SECTIONS, redirects=redirects))


@pytest.mark.parametrize("name", ["gpt-3.9", "GPT-3.9"])
def test_a_retired_model_is_answered_by_what_takes_its_place(
    tmp_path: Path, fake_clock: FakeClock, name: str
) -> None:
    rig = redirecting(tmp_path, fake_clock, **{"gpt-3.9": "big"})
    plan = rig.plan(name, body_bytes=2000)
    assert [deployment for deployment, _ in explained(plan)] == ["other/Llama-4"]
    assert plan.deprecated == f"{name} is retired here, and big takes its place"
    assert plan.stream_failure is StreamFailure.CONTINUE
    assert rig.plan("gpt-4o").deprecated is None


def test_a_key_may_go_on_with_what_it_was_given(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = redirecting(tmp_path, fake_clock, **{"llama-2": "llama-3"})
    for allowed in ("llama-2", "llama-3"):
        key = VirtualKey(id="k", allowed_models=(allowed,))
        assert [each for each, _ in explained(rig.plan("llama-2", key=key))] == ["local/llama-3"]
    key = VirtualKey(id="k", denied_models=("llama-3",))
    assert refused(rig, "llama-2", key=key).code == "model_not_allowed"


def test_a_retired_fallback_is_replaced_too(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = redirecting(tmp_path, fake_clock, **{"groq/old": "other/Llama-4"})
    key = VirtualKey(id="k", fallbacks=(ModelRef("old", "groq"),))
    plan = rig.plan(None, key=key)
    assert [deployment for deployment, _ in explained(plan)] == ["other/Llama-4"]
    assert plan.deprecated is None, "the client did not ask for it"


def test_what_its_vendor_calls_deprecated(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = Rig(tmp_path, fake_clock, snapshot(providers={"gemini": OPENAI}))
    assert rig.plan("gemini-2.0-flash").deprecated == "gemini-2.0-flash is deprecated by its provider"
    assert rig.plan("gemini-2.5-flash").deprecated is None


def test_conditions_on_tags_and_size(rig: Rig) -> None:
    gold = {"tier": "gold"}
    assert explained(rig.plan("big", tags=gold, body_bytes=1000)) == [("local/llama-3", "llama-3")]
    plan = rig.plan("big", tags=gold, body_bytes=1001)
    assert explained(plan) == [("other/Llama-4", "Llama-4")]
    assert excluded(plan) == {"local/llama-3": "condition_not_met"}
    error = refused(rig, "big", tags={"tier": "silver"})
    assert (error.code, error.status) == ("not_supported", 501)


def test_a_route_brings_its_hedge_and_its_stream_failure(rig: Rig) -> None:
    plan = rig.plan("big", body_bytes=2000)
    assert plan.hedge is not None
    assert plan.hedge.after_ms == 800
    assert plan.stream_failure is StreamFailure.CONTINUE
    other = rig.plan("gpt-4o")
    assert other.hedge is None
    assert other.stream_failure is StreamFailure.FAIL


def test_credentials_are_limited_to_models(tmp_path: Path, fake_clock: FakeClock) -> None:
    credentials = [
        {"id": "main", "secret": "x", "models": ["llama*"]},
        {"id": "spare", "secret": "y", "models": ["gpt-4o"]},
    ]
    given = {"local": local("gpt-4o", "llama-3", "qwen", credentials=0) | {"credentials": credentials}}
    rig = Rig(tmp_path, fake_clock, snapshot(providers=given))
    assert rig.plan("llama-3").explain()[0].credentials == ["main"]
    assert rig.plan("gpt-4o").explain()[0].credentials == ["spare"]
    error = refused(rig, "qwen")
    assert error.code == "not_supported"


def test_a_changed_key_is_seen_at_once(rig: Rig) -> None:
    before = VirtualKey(id="k", allowed_providers=("local",))
    assert [d for d, _ in explained(rig.plan("gpt-4o", key=before))] == ["local/gpt-4o"]
    after = VirtualKey(id="k", allowed_providers=("other",))
    assert [d for d, _ in explained(rig.plan("gpt-4o", key=after))] == ["other/gpt-4o"]
    assert refused(rig, "gpt-4o", key=VirtualKey(id="k", allowed_providers=())).code == "provider_not_allowed"


def test_caches_are_bounded(rig: Rig) -> None:
    for number in range(5000):
        rig.plan(f"openai/model-{number}")
        refused(rig, f"unknown-{number}")
    assert len(rig.tables[0]._cache) <= 4096
    assert len(rig.tables[0]._resolver._unknown) <= 1024
    assert len(rig.health[0]._deployments) == 1


def test_public_models(rig: Rig) -> None:
    table = rig.tables[0]
    listed = {model.id: model.owned_by for model in table.public_models(None)}
    assert listed["smart"] == "fastgate"
    assert listed["gpt-4o"] == "openai"
    assert listed["Llama-4"] == "other"
    assert list(listed)[:3] == ["smart", "big", "dated"]
    key = VirtualKey(id="k", allowed_models=("llama-3", "dated"), allowed_providers=("local", "openai"))
    assert [model.id for model in table.public_models(key)] == ["smart", "big", "dated", "llama-3"]


def test_one_public_model(rig: Rig) -> None:
    table = rig.tables[0]
    key = VirtualKey(id="k", allowed_providers=("openai",))
    assert table.public_model("openai/gpt-99", key) is not None
    assert table.public_model("smart", key) is not None
    assert table.public_model("llama-3", key) is None
    assert table.public_model("nope", None) is None


def test_a_pinned_plan_has_one_deployment_and_credential(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = Rig(tmp_path, fake_clock, snapshot(providers={"a": local("m", credentials=3)}))

    def pinned(key: VirtualKey | None = None, **changed: Any) -> Plan | None:
        asked = {"deployment": "a/m", "credential": "c2", "model": "m", "endpoint": Endpoint.RESPONSES}
        return rig.tables[0].pinned(key=key, **{**asked, **changed})

    plan = pinned()
    assert plan is not None
    assert [each.credentials for each in plan.explain()] == [["c2"]]
    assert rig.walk(plan) == ["a/m:c2", "wait", "a/m:c2"]
    assert pinned(credential="gone") is None
    assert pinned(deployment="a/gone") is None
    assert pinned(key=VirtualKey(id="k", allowed_providers=("b",))) is None


def test_a_stored_response_is_not_a_way_round_what_a_key_may_use(
    tmp_path: Path, fake_clock: FakeClock
) -> None:
    """To fetch or delete it is one thing; to let the model go on is another."""
    routes = {"smart": [{"deployments": [{"provider": "a", "model": "m"}]}]}
    rig = Rig(tmp_path, fake_clock, snapshot(providers={"a": local("m", "n")}, routes=routes))

    def may(generates: bool, **rules: Any) -> bool:
        plan = rig.tables[0].pinned(
            deployment="a/m",
            credential="c1",
            model="m",
            endpoint=Endpoint.RESPONSES,
            generates=generates,
            key=VirtualKey(id="k", **rules),
        )
        return plan is not None

    for tightened in ({"allowed_models": ("n",)}, {"denied_models": ("m",)}, {"allowed_models": ()}):
        assert not may(True, **tightened)
        assert may(False, **tightened)
    assert may(True, allowed_models=("m",))
    assert may(True, allowed_models=("smart",)), "a route that leads there is enough"
    assert not may(False, allowed_providers=("b",))
