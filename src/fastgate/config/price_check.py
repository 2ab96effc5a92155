"""What a type cannot say of a price: its time, and that it says what something costs."""

from datetime import UTC, datetime

from fastgate.config.diagnostics import Report, SettingPath
from fastgate.config.price_settings import PriceSettings
from fastgate.config.settings import Settings
from fastgate.config.tree import Node


def check(settings: Settings, tree: Node, report: Report) -> None:
    for index, price in enumerate(settings.prices):
        path: SettingPath = ("prices", index)
        if report.failed(path):
            continue
        for message, setting in _problems(price):
            place = (*path, setting) if setting else path
            report.error(tree.locate(place), place, message)


def moment(text: str) -> datetime:
    """ValueError: not an RFC 3339 time with a zone that lies within the years 1 to 9999 in UTC too."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    try:
        return found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time out of range") from error


def _problems(price: PriceSettings) -> list[tuple[str, str]]:
    found = []
    times = {}
    for name, text in (("from", price.from_), ("until", price.until)):
        if text is not None:
            try:
                times[name] = moment(text)
            except ValueError:
                found.append(("expected an RFC 3339 time with a zone, such as 2030-01-31T00:00:00Z", name))
    if len(times) == 2 and times["until"] <= times["from"]:
        found.append(("is not after `from`", "until"))
    amounts = (name for name in price.__struct_fields__ if name.endswith("_usd"))
    if (
        price.multiplier is None
        and price.like is None
        and all(getattr(price, name) is None for name in amounts)
    ):
        found.append(("gives no price: add an amount, a `multiplier`, or `like`", ""))
    if price.like is not None and "/" not in price.like.strip("/"):
        found.append(("expected `provider/model`", "like"))
    return found
