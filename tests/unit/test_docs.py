"""Pages made from code are up to date; links lead somewhere, in the repository and by what it renders."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.support.markdown import DOCS, anchors, links, written_pages
from tests.support.processes import ROOT

from fastgate.api import reference
from fastgate.api.operations import SELF_SERVICE
from fastgate.errors import ERRORS

HOSTS = {"github.com", "prometheus.io", "semver.org"}
"""Where pages may link to. No test follows such a link: it needs no network, and takes no host on trust."""


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


@pytest.mark.parametrize("page", written_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not _leads_somewhere(page, link)] == []


def _leads_somewhere(page: Path, link: str) -> bool:
    target = urlsplit(link)
    if target.scheme:
        return target.scheme == "https" and target.hostname in HOSTS and not target.username
    there = (page.parent / target.path).resolve() if target.path else page
    return there.exists() and (not target.fragment or target.fragment in anchors(there))


@pytest.mark.parametrize("path", SELF_SERVICE)
def test_what_a_key_can_ask_about_itself_is_listed(path: str) -> None:
    assert f"`GET /v1{path}`" in (DOCS / "api.md").read_text()


def test_no_page_names_a_machine_or_a_registry() -> None:
    """What is true of the machine that a page was written on is not of its reader's."""
    private = re.compile(r"/work/|/root/|pypi\.org|registry\.npmjs|proxy\.golang|files\.pythonhosted")
    found = {page.name: hit[0] for page in written_pages() if (hit := private.search(page.read_text()))}
    assert found == {}
