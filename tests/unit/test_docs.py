"""The pages that are made from code are up to date, and no code of an error is undocumented or unused."""

import re
from pathlib import Path

import pytest

from fastgate.api import reference
from fastgate.api.operations import SELF_SERVICE
from fastgate.errors import ERRORS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.mark.parametrize("page", ["api", "errors"])
def test_page_is_up_to_date(page: str) -> None:
    made = getattr(reference, page)()
    assert (DOCS / f"{page}.md").read_text() == made, f"run: python -m fastgate.api.reference {page}"


def test_every_error_code_is_used() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    source = source.replace(
        (ROOT / "src/fastgate/errors.py").read_text().partition("class GatewayError")[0], ""
    )
    assert [code for code in ERRORS if f'"{code}"' not in source] == []


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")) + sorted(ROOT.glob("*.md")), ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("path", SELF_SERVICE)
def test_what_a_key_can_ask_about_itself_is_listed(path: str) -> None:
    assert f"`GET /v1{path}`" in (DOCS / "api.md").read_text()
