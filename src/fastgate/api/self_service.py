"""`GET /v1/budget` and `GET /v1/usage`: what a virtual key may still spend, and what it has spent."""

from pathlib import Path
from urllib.parse import quote

import msgspec

from fastgate import clock
from fastgate.budgets.state import BudgetState
from fastgate.domain.account import OWN_LEVELS, BudgetRef, Level
from fastgate.domain.money import usd
from fastgate.errors import GatewayError
from fastgate.limits.refusal import describe
from fastgate.pipeline import headers
from fastgate.pipeline.authenticate import authenticate
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.payer import Payer
from fastgate.pipeline.refusals import moment
from fastgate.pipeline.run import Answer
from fastgate.upstream.control import ControlUnavailable, ask
from fastgate.wire.openai import JSON


class BudgetView(msgspec.Struct, kw_only=True):
    """Money as decimal text in USD. `resets_at`: RFC 3339."""

    level: Level
    owner: str
    period: str
    limit_usd: str
    spent_usd: str
    reserved_usd: str
    left_usd: str
    resets_at: str | None


class LimitView(msgspec.Struct, kw_only=True):
    """`limit` in words; `narrowed` is the part of the traffic that it holds for, "" for all."""

    level: Level
    owner: str
    narrowed: str
    limit: str


class Standing(msgspec.Struct, kw_only=True):
    object: str = "fastgate.budget"
    virtual_key: str
    budgets: list[BudgetView]
    limits: list[LimitView]


async def answer_budget(exchange: Exchange) -> None:
    payer = _payer(exchange)
    accounts = exchange.services.accounting.accounts
    now_ns = clock.time_ns()
    standing = Standing(
        virtual_key="" if payer.key is None else payer.key.id,
        budgets=[
            _budget(budget, BudgetState.read(accounts, budget.line, now_ns))
            for budget in payer.budgets
            if budget.owner.level in OWN_LEVELS
        ],
        limits=[
            LimitView(
                level=ref.owner.level,
                owner=ref.owner.name,
                narrowed=ref.owner.narrowed,
                limit=describe(limit),
            )
            for ref in payer.all_limits
            if ref.owner.level in OWN_LEVELS
            for limit in ref.limits
        ],
    )
    await _respond(exchange, msgspec.json.encode(standing))


def answer_usage(socket: Path) -> Answer:
    """`socket` is the control process's, which has the ledger."""

    async def answer(exchange: Exchange) -> None:
        payer = _payer(exchange)
        key = "" if payer.key is None else payer.key.id
        try:
            body = await ask(socket, f"/usage?key={quote(key, safe='')}")
        except ControlUnavailable:
            raise GatewayError(
                "ledger_unavailable",
                "The ledger cannot be read at the moment; calls are served and recorded all the same.",
                headers=((b"retry-after", b"5"),),
            ) from None
        await _respond(exchange, body)

    return answer


def _payer(exchange: Exchange) -> Payer:
    authenticate(exchange)
    tags = {} if exchange.key is None else exchange.key.tags
    return exchange.generation.payers.payer(exchange.key, tags)


def _budget(budget: BudgetRef, state: BudgetState) -> BudgetView:
    return BudgetView(
        level=budget.owner.level,
        owner=budget.owner.name,
        period=budget.period,
        limit_usd=usd(state.limit),
        spent_usd=usd(state.spent),
        reserved_usd=usd(state.reserved),
        left_usd=usd(state.left),
        resets_at=moment(state.resets_ns) if state.resets_ns else None,
    )


async def _respond(exchange: Exchange, body: bytes) -> None:
    exchange.status, exchange.finish = 200, "complete"
    await exchange.downstream.respond(200, [JSON, *headers.own(exchange, None)], body)
