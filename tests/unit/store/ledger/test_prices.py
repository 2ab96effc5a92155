import pytest
from sqlalchemy import text

from fastgate.domain.price import Price, Rate, identified
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.prices import all_prices, get_price, put_prices

PRICE = identified(
    Price(
        id="",
        provider="openai",
        model="gpt-4o",
        source="by hand",
        rates=(
            Rate("input_tokens", 2_500_000, tiers=((200_000, 5_000_000),), parts=("cached_input_tokens",)),
        ),
        tier="flex",
        from_ns=5,
        daily=(0, 3_600),
    )
)
OTHER = identified(Price(id="", provider="openai", model="gpt-4.1", source="by hand", rates=()))


def test_a_price_is_kept_as_it_was_first_seen(ledger: LedgerDatabase) -> None:
    put_prices(ledger, [])
    put_prices(ledger, [PRICE])
    with ledger.reading() as connection:
        before = connection.execute(text("SELECT * FROM prices")).all()
    put_prices(ledger, [PRICE, OTHER, PRICE])
    with ledger.reading() as connection:
        assert (
            connection.execute(text("SELECT * FROM prices WHERE id = :id"), {"id": PRICE.id}).all() == before
        )
    assert get_price(ledger, PRICE.id) == PRICE
    assert get_price(ledger, "unheard of") is None
    assert all_prices(ledger) == {PRICE.id: PRICE, OTHER.id: OTHER}


def test_what_is_no_price(ledger: LedgerDatabase) -> None:
    with ledger.writing() as connection:
        connection.execute(text("INSERT INTO prices VALUES ('p', '{}', 1)"))
    with pytest.raises(ValueError, match="Expected `array`"):
        get_price(ledger, "p")
    with pytest.raises(ValueError, match="Expected `array`"):
        all_prices(ledger)
