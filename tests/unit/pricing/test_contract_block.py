"""The block of the public contract: each of its fallbacks in turn, under its own name and price."""

from pathlib import Path

from tests.conftest import FakeClock
from tests.support.configs import TEAM_BLOCK, check_text
from tests.support.routing import Rig

from fastgate.domain.model_ref import ModelRef
from fastgate.domain.usage import Usage
from fastgate.domain.virtual_key import VirtualKey
from fastgate.pricing.book import Prices
from fastgate.pricing.catalogue import installed
from fastgate.pricing.compile import compile_prices
from fastgate.routing.compile import compile_snapshot

ENVIRON = {
    "OPENAI_API_KEY": "k",
    "ANTHROPIC_API_KEY": "k",
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SECRET_ACCESS_KEY": "s",
    "AWS_REGION": "eu-central-1",
}
MILLION = Usage(input_tokens=1_000_000)


def test_the_block_is_routed_and_priced_as_it_stands(tmp_path: Path, fake_clock: FakeClock) -> None:
    settings, found = check_text(TEAM_BLOCK, **ENVIRON)
    assert settings is not None
    assert found == []
    snapshot = compile_snapshot(settings, 1, ENVIRON)
    (key,) = settings.virtual_keys
    fallbacks = tuple(ModelRef(each.model, each.provider) for each in key.fallbacks)
    rig = Rig(tmp_path, fake_clock, snapshot)
    plan = rig.plan("auto", key=VirtualKey(id=key.id, fallbacks=fallbacks))
    prices = Prices(compile_prices(settings, snapshot.deployments, installed()))
    reached = []
    for explanation in plan.explain():
        assert explanation.usable
        assert explanation.model is not None
        provider = explanation.deployment.partition("/")[0]
        listed = prices.of(explanation.deployment, provider, explanation.model)
        assert listed is not None
        tariff = listed.at(fake_clock.wall)
        assert tariff is not None
        reached.append((provider, explanation.model, tariff.cost_nano(MILLION)))
    assert reached == [
        ("openai", "gpt-4o", 2_500_000_000),
        ("anthropic", "claude-sonnet-4-6", 3_000_000_000),
        ("bedrock", "anthropic.claude-sonnet-4-6", 3_300_000_000),
    ]
    bedrock = snapshot.providers["bedrock"].credentials[0]
    assert bedrock.aws_keys is not None


def test_a_plain_name_goes_to_those_that_call_it_so(tmp_path: Path, fake_clock: FakeClock) -> None:
    settings, _ = check_text("", **ENVIRON)
    assert settings is not None
    rig = Rig(tmp_path, fake_clock, compile_snapshot(settings, 1, ENVIRON))
    deployments = [each.deployment for each in rig.plan("claude-sonnet-4-6").explain()]
    assert deployments == ["anthropic/claude-sonnet-4-6"]
