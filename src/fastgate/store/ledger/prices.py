"""The prices that entries were charged by, kept for ever: an old bill can be worked out again."""

from collections.abc import Iterable
from typing import Final

import msgspec
from sqlalchemy import select

from fastgate import clock
from fastgate.domain.price import Price
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.schema import PRICES
from fastgate.store.ledger.statements import ManyRows, keeping

_COLUMNS: Final = ("id", "definition", "first_seen_ns")

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Price).decode


def put_prices(database: LedgerDatabase, prices: Iterable[Price]) -> None:
    """Those that are there already stay as they are: the id is a hash of the rest."""
    now = clock.time_ns()
    rows = [(price.id, _encode(price).decode(), now) for price in prices]
    with database.writing() as connection:
        ManyRows(connection, keeping(connection, PRICES), _COLUMNS).run(connection, rows)


def get_price(database: LedgerDatabase, price_id: str) -> Price | None:
    """ValueError: what is there is no price."""
    with database.reading() as connection:
        definition = connection.scalar(select(PRICES.c.definition).where(PRICES.c.id == price_id))
    return None if definition is None else _decode(definition)


def all_prices(database: LedgerDatabase) -> dict[str, Price]:
    """By id. ValueError: one of them is no price."""
    with database.reading() as connection:
        rows = connection.execute(select(PRICES.c.id, PRICES.c.definition)).all()
    return {price_id: _decode(definition) for price_id, definition in rows}
