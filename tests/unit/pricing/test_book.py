"""Which price holds: by deployment and name, moment, and service tier."""

from fastgate.domain.price import Price, PriceBook, Rate, identified
from fastgate.pricing.book import PriceList, Prices

HOUR_S = 3_600
DAY_NS = 86_400 * 10**9


def price(model: str, tier: str = "", **limits: object) -> Price:
    return identified(Price("", "p", model, "test", (Rate("input_tokens", 1),), tier, **limits))  # type: ignore[arg-type]  # of the tests' own


def name_at(prices: PriceList, time_ns: int, tier: str | None = None) -> str | None:
    tariff = prices.at(time_ns, tier)
    return None if tariff is None else tariff.price.model


def test_a_price_holds_from_its_beginning_to_before_its_end() -> None:
    prices = PriceList((price("old", until_ns=100), price("new", from_ns=100, until_ns=200)))
    assert [name_at(prices, moment) for moment in (0, 99, 100, 199, 200)] == [
        "old",
        "old",
        "new",
        "new",
        None,
    ]


def test_a_price_of_a_part_of_the_day() -> None:
    night = (0, 6 * HOUR_S)
    prices = PriceList((price("night", daily=night), price("day", daily=(night[1], 86_400))))
    days = 19_999 * DAY_NS
    assert name_at(prices, days) == "night"
    assert name_at(prices, days + 6 * HOUR_S * 10**9 - 1) == "night"
    assert name_at(prices, days + 6 * HOUR_S * 10**9) == "day"


def test_a_tier_without_a_price_of_its_own_costs_what_the_standard_one_does() -> None:
    prices = PriceList((price("standard"), price("half", "flex", from_ns=100)))
    assert name_at(prices, 100, "flex") == "half"
    assert name_at(prices, 99, "flex") == "standard"
    for tier in (None, "", "default", "scale"):
        assert name_at(prices, 100, tier) == "standard"


def test_what_a_call_may_turn_out_to_cost() -> None:
    prices = PriceList((price("standard"), price("half", "flex"), price("double", "priority")))

    def names(asked: str | None) -> set[str]:
        return {tariff.price.model for tariff in prices.possible(0, asked)}

    assert names(None) == names("auto") == names("priority") == {"standard", "half", "double"}
    assert names("flex") == {"standard", "half"}
    assert names("default") == {"standard"}


def test_what_was_asked_for_is_what_to_expect() -> None:
    prices = PriceList((price("standard"), price("double", "priority")))
    for asked, expected in (("priority", "double"), ("auto", "standard"), (None, "standard")):
        assert prices.possible(0, asked)[0].price.model == expected


def test_nothing_is_possible_without_a_price() -> None:
    assert PriceList((price("later", from_ns=100),)).possible(99) == ()


BOOK = PriceBook(
    lists={"a": (price("a"),), "b": (price("b"),), "any": (price("any"),)},
    deployments={"p/a": "a"},
    patterns={"p": ((r"\Allama-3\Z", "a"), (r"llama", "b"))},
)


def found(prices: Prices, deployment: str, provider: str, model: str) -> str | None:
    listed = prices.of(deployment, provider, model)
    return None if listed is None else name_at(listed, 0)


def test_a_deployment_has_its_price_and_a_wildcard_that_of_the_first_pattern() -> None:
    prices = Prices(BOOK)
    assert found(prices, "p/a", "p", "whatever") == "a"
    assert found(prices, "p/*", "p", "LLAMA-3") == "a"
    assert found(prices, "p/*", "p", "llama-3-70b") == "b"
    assert found(prices, "p/*", "p", "mixtral") is None
    assert found(prices, "q/*", "q", "llama-3") is None


def test_the_assumed_price_stands_in() -> None:
    prices = Prices(PriceBook(BOOK.lists, BOOK.deployments, BOOK.patterns, assumed="any"))
    assert found(prices, "p/*", "p", "mixtral") == "any"
    assert found(prices, "q/x", "q", "x") == "any"


def test_names_that_clients_make_up_do_not_pile_up() -> None:
    prices = Prices(BOOK)
    for number in range(25_000):
        assert found(prices, "p/*", "p", f"made-up-{number}") is None
    assert len(prices._by_name) <= 10_000
    assert found(prices, "p/*", "p", "llama-3") == "a"
