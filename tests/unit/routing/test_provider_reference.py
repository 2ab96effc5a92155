"""docs/providers.md is what the table says."""

from pathlib import Path

from fastgate.routing.provider_reference import render

PAGE = Path(__file__).parents[3] / "docs" / "providers.md"


def test_the_page_is_current() -> None:
    hint = "regenerate it: python -m fastgate.routing.provider_reference > docs/providers.md"
    assert PAGE.read_text() == render(), hint
