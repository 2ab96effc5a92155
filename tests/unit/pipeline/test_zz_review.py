import asyncio
from typing import Any
import msgspec, pytest
from tests.support import replies
from tests.support.backends import group, groups
from tests.support.till import *
from tests.support.replies import *
from tests.unit.pipeline.conftest import Open
from fastgate.pipeline.demand import demand_of
BUDGET = "virtual key vk_test yearly"

@pytest.mark.parametrize("tail", [b'"best_of":1e999', b'"best_of":'+b"9"*5000])
async def test_completions(opened: Open, tail) -> None:
    async with opened() as till:
        talk = await till.send(b'{"model":"gpt/gpt","prompt":"x",'+tail+b"}", "/v1/completions")
        assert talk.status < 500, talk.answer

async def test_search(opened: Open) -> None:
    async with opened() as till:
        d = demand_of(till.exchange(b'{"model":"gpt","messages":[{"role":"user","content":"x"}],"web_search_options":{}}'))
        assert d.size.searches

async def test_long_model(opened: Open, provider) -> None:
    async with opened(key={"budget": yearly("1"), "metadata": {"a": "x"*100}}) as till:
        talk = await till.ask("gpt/" + "😀"*300)
        assert talk.status < 500, talk.answer

async def test_refusal(opened: Open, provider, monkeypatch) -> None:
    monkeypatch.setattr("fastgate.pipeline.attempt.REFUSAL_WAIT_S", 0.05)
    gate = Gate()
    r = Reply((b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{", Wait(gate)))
    provider.script(r)
    async with opened(key={"budget": yearly("1")}) as till:
        talk = await till.ask(max_tokens=5)
        print(talk.status, talk.answer)
        gate.open()
        assert till.outcomes() == []

async def test_unrecorded(opened: Open, provider, monkeypatch) -> None:
    async with opened(key={"budget": yearly("1")}, ledger={"when_full":"allow_unrecorded"}) as till:
        w = till.plane.accounting.writer
        class J:
            def __getattr__(s, n): return getattr(w.__class__.__dict__.get("x"), n)
        real = w._journal
        class Full:
            room = 0
            def append(self, b): raise BufferError
        w._journal = Full()
        try:
            talk = await till.ask(max_tokens=5)
        finally:
            w._journal = real
        assert talk.status == 200
        assert till.spent(BUDGET) == 0

async def test_many_budgets(opened: Open, provider) -> None:
    teams = [{"id": f"t{i}", "budget": yearly("1"), **({"parent_team_id": f"t{i+1}"} if i < 39 else {})} for i in range(40)]
    async with opened(key={"team_id": "t0"}, teams=teams) as till:
        talk = await till.ask(max_tokens=5)
        assert talk.status == 200, talk.answer
