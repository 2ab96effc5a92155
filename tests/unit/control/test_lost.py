"""At what a call is settled whose worker is gone."""

from typing import Any

import pytest
from tests.support.books import PRICE, BooksRig

from fastgate.control.lost import BYTES_PER_CHUNK, settled
from fastgate.domain.entry import Closing, Outcome


def lost(rig: BooksRig, chunks: int = 0, size: int = 0, reported: Any = None, **opening: Any) -> Closing:
    line, life = rig.place(), rig.life()
    slot = life.send(life.hold([line], **opening))
    life.holds.progress(slot, chunks, size)
    if reported is not None:
        life.holds.reported(slot, *reported)
    return settled(life.name, life.holds.read(slot), {PRICE.id: PRICE}.get).closing


def test_nothing_had_come(rig: BooksRig) -> None:
    """The provider may bill the prompt all the same."""
    closing = lost(rig)
    assert (closing.usage.input_tokens, closing.usage.output_tokens) == (500, 0)
    assert (closing.cost, closing.estimated, closing.outcome) == (500_000, True, Outcome.WORKER_LOST)
    assert (closing.price, closing.unpriced) == (PRICE.id, False)
    assert closing.settled_ns >= closing.admitted_ns > 0
    assert len(closing.charged) == 1


@pytest.mark.parametrize(
    ("chunks", "size", "tokens"),
    [(10, 10 * BYTES_PER_CHUNK + 400, 100), (8, 8, 2), (1, BYTES_PER_CHUNK + 5, 2)],
)
def test_what_had_come_is_text_in_frames(rig: BooksRig, chunks: int, size: int, tokens: int) -> None:
    closing = lost(rig, chunks, size)
    assert closing.usage.output_tokens == tokens
    assert closing.cost == 500_000 + tokens * 2_000


def test_what_the_provider_had_reported_counts(rig: BooksRig) -> None:
    closing = lost(rig, 10, 10_000, reported=(7, 9))
    assert (closing.usage.input_tokens, closing.usage.output_tokens) == (7, 9)
    assert (closing.cost, closing.estimated) == (7_000 + 18_000, True)


@pytest.mark.parametrize("price", ["", "0000000000000000"])
def test_without_a_price(rig: BooksRig, price: str) -> None:
    closing = lost(rig, hold_price=price)
    assert (closing.cost, closing.price, closing.unpriced) == (0, "", True)
