"""Prices of one's own: what the loader takes, and what it says is wrong."""

import pytest
from tests.support.configs import messages, settings_of

from fastgate.config.price_settings import PriceSettings

LOCAL = """\
providers:
  local: {dialect: openai, base_url: "http://127.0.0.1:1/v1", credentials: [{secret: none}], models: [own]}
prices:
  - {provider: local, model: own, %s}
"""


def test_times_and_a_multiplier_are_read() -> None:
    given = "multiplier: 0.85, from: 2026-01-01T00:00:00Z, until: '2027-01-01T00:00:00+01:00', tier: flex"
    (price,) = settings_of(LOCAL % given).prices
    assert isinstance(price, PriceSettings)
    assert (price.from_, price.until) == ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00+01:00")
    assert str(price.multiplier) == "0.85"


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        ("from: soon, per_image_usd: 1", "prices[0].from", "expected an RFC 3339 time"),
        ("until: '2026-01-01T00:00:00', per_image_usd: 1", "prices[0].until", "expected an RFC 3339 time"),
        (
            "from: 2026-01-02T00:00:00Z, until: 2026-01-02T01:00:00+01:00, per_image_usd: 1",
            "prices[0].until",
            "is not after `from`",
        ),
        ("tier: batch", "prices[0]", "gives no price"),
        ("like: gpt-4o", "prices[0].like", "expected `provider/model`"),
        ("multiplier: -1", "prices[0].multiplier", "expected a number of at least 0"),
        ("from_: 2026-01-01T00:00:00Z, per_image_usd: 1", "prices[0].from_", "unknown setting"),
        ("input_per_mtok_usd: -0.1", "prices[0].input_per_mtok_usd", "expected an amount in US dollars"),
    ],
)
def test_what_makes_no_sense_is_said(given: str, path: str, message: str) -> None:
    (found,) = messages(LOCAL % given)
    assert f"{path}: " in found
    assert message in found
