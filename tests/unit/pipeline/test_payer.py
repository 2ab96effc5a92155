"""Who pays for a call, and under which limits: the chain of a key, its tags and where it goes."""

from typing import Any

import msgspec
import pytest
from tests.support.backends import group
from tests.support.till import Till, yearly
from tests.unit.pipeline.conftest import Open

from fastgate.domain.account import BudgetRef
from fastgate.domain.endpoint import Endpoint
from fastgate.pipeline.payer import Payers, Terms, packed
from fastgate.routing.plan import Choice

SOME = {"requests_per_minute": 10}
ALL_LEVELS: dict[str, Any] = {
    "key": {
        "team_id": "inner",
        "tags": {"env": "prod", "feature": "chat"},
        "budget": [yearly("1"), {"max_per_day_usd": "2"}],
        "rate_limit": SOME,
        "model_limits": {"gpt*": SOME},
        "provider_limits": {"other": SOME},
    },
    "customers": [{"id": "acme", "budget": yearly("3"), "rate_limit": SOME}],
    "teams": [
        {"id": "inner", "parent_team_id": "outer", "budget": yearly("4"), "rate_limit": SOME},
        {"id": "outer", "customer_id": "acme", "budget": yearly("5")},
        {"id": "stranger", "customer_id": "acme", "budget": yearly("6")},
    ],
    "tag_budgets": [
        {"tags": {"env": "prod"}, "budget": yearly("7")},
        {"tags": {"feature": "chat", "env": "prod"}, "budget": yearly("8")},
        {"tags": {"env": "dev"}, "budget": yearly("9")},
    ],
    "model_budgets": [
        {"model": "GPT*", "budget": yearly("10")},
        {"model": "another", "budget": yearly("11")},
    ],
    "gateway": {"budget": yearly("12"), "rate_limit": SOME},
    "providers": {"gpt": {"budget": yearly("13"), "limits": SOME}, "other": {"budget": yearly("14")}},
}


@pytest.fixture
async def till(opened: Open) -> Any:
    async with opened("gpt", "other", routes={"both": [group("gpt", "other")]}, **ALL_LEVELS) as till:
        yield till


def terms(till: Till, model: str, tags: dict[str, str] | None = None) -> Terms:
    payers = till.services.generation.payers
    table = till.services.generation.table
    key = till.key
    plan = table.plan(
        model=model,
        key=key,
        fallbacks=(),
        endpoint=till.exchange(b"{}").operation.endpoint,
        body_bytes=1,
        tags={},
    )
    choice = plan.next(0)
    assert isinstance(choice, Choice)
    plan.abandoned(choice)
    return payers.payer(key, key.tags if tags is None else tags).terms(choice, Endpoint.CHAT)


def names(budgets: tuple[BudgetRef, ...]) -> list[str]:
    return [f"{budget.owner} {budget.period}" for budget in budgets]


async def test_budgets_from_the_narrowest_to_the_widest(till: Till) -> None:
    found = terms(till, "gpt")
    assert names(found.budgets) == [
        "virtual key vk_test yearly",
        "virtual key vk_test daily",
        "team inner yearly",
        "team outer yearly",
        "customer acme yearly",
        "tag env=prod yearly",
        "tag env=prod,feature=chat yearly",
        "gateway yearly",
        "provider gpt yearly",
        "model GPT* yearly",
    ]
    assert found.lines == packed(found.budgets)
    assert len(found.lines) == 4 * len(found.budgets)
    assert not found.strict


async def test_another_destination_has_others(till: Till) -> None:
    assert names(terms(till, "other").budgets)[-1] == "provider other yearly"
    assert terms(till, "gpt") is terms(till, "gpt"), "worked out once"


async def test_other_tags_have_others(till: Till) -> None:
    assert "tag env=dev yearly" in names(terms(till, "gpt", {"env": "dev"}).budgets)
    assert not any("tag" in name for name in names(terms(till, "gpt", {"feature": "chat"}).budgets))


def owners(refs: Any) -> list[str]:
    return [str(ref.owner) for ref in refs]


async def test_limits_of_all_traffic_and_those_of_a_part(till: Till) -> None:
    payer = till.services.generation.payers.payer(till.key, till.key.tags)
    assert owners(payer.limits.refs) == ["virtual key vk_test", "team inner", "customer acme", "gateway"]
    assert owners(terms(till, "gpt").limits.refs) == ["virtual key vk_test (model=gpt*)", "provider gpt"]
    assert owners(terms(till, "other").limits.refs) == ["virtual key vk_test (provider=other)"]


async def test_a_key_that_has_changed_is_another_payer(till: Till) -> None:
    payers = till.services.generation.payers
    key, tags = till.key, till.key.tags
    first = payers.payer(key, tags)
    assert payers.payer(key, dict(reversed(tags.items()))) is first
    changed = msgspec.structs.replace(key, teams=())
    assert names(payers.payer(changed, tags).budgets) == [
        name for name in names(first.budgets) if "team" not in name
    ]
    assert payers.payer(key, tags) is not first, "the last one is kept"


async def test_nobody_pays_under_the_gateways_own(till: Till) -> None:
    snapshot = till.services.generation.snapshot
    payer = Payers(snapshot, till.plane.accounting.limiter).payer(None, {})
    assert names(payer.budgets) == ["gateway yearly"]


async def test_what_is_remembered_is_bounded(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastgate.pipeline.payer.MAX_PAYERS", 3)
    payers = Payers(till.services.generation.snapshot, till.plane.accounting.limiter)
    for number in range(10):
        payers.payer(till.key, {"user": str(number)})
    assert len(payers._payers) <= 3
