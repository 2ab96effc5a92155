"""The generated pages are those in the repository, and complete."""

from pathlib import Path

import msgspec
import pytest

from fastgate.observability import reference
from fastgate.observability.catalogue import CATALOGUE, LABELS
from fastgate.observability.records import AttemptRecord, ExchangeRecord

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(
    ("page", "text"),
    [("metrics", reference.metrics_page()), ("logs", reference.logs_page())],
    ids=["metrics", "logs"],
)
def test_the_page_is_up_to_date(page: str, text: str) -> None:
    hint = f"regenerate it: python -m fastgate.observability.reference {page} > docs/{page}.md"
    assert (DOCS / f"{page}.md").read_text() == text, hint


def test_every_metric_and_label_is_on_its_page() -> None:
    page = reference.metrics_page()
    for name in (*(metric.name for metric in CATALOGUE), *LABELS):
        assert f"| `{name}` |" in page


@pytest.mark.parametrize("record", [ExchangeRecord, AttemptRecord])
def test_every_field_of_a_record_is_on_its_page(record: type[msgspec.Struct]) -> None:
    page = reference.logs_page()
    for field in record.__struct_fields__:
        assert f"| `{field}` |" in page
