"""The documentation site that `make docs` builds, strictly: with a broken link there would be none."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from deploy.site import llms
from deploy.site.pages import DOCS, ROOT, configuration, pages, relinked

SITE = ROOT / "build/site"
BUILT = sorted(SITE.rglob("*.html"))
needs_site = pytest.mark.skipif(not (SITE / ".built").exists(), reason="the site is not built: make docs")

_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""Elements whose target a browser fetches by itself, as far as `link` is no mere relation."""
_RELATIONS = {"canonical", "next", "prev", "alternate"}
_URL = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Html(HTMLParser):
    """What a page fetches, what it links to, which anchors it has, and what it says that it is about."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.linked: list[str] = []
        self.anchors: set[str] = set()
        self.classes: set[str] = set()
        self.description = ""
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if "id" in has:
            self.anchors.add(has["id"])
        self.classes.update(has.get("class", "").split())
        if tag == "meta" and has.get("name") == "description":
            self.description = has["content"]
        if tag == "a" and "href" in has:
            self.linked.append(has["href"])
        if (target := has.get(_LOADED.get(tag, ""))) and has.get("rel") not in _RELATIONS:
            self.fetched.append(target)


html_of = cache(Html)


# --- the nav, and what is made from it -----------------------------------------------------------------


def test_every_page_is_in_the_nav_once() -> None:
    listed = [page.source for page in pages()]
    assert sorted(listed) == sorted(set(listed))
    assert set(DOCS.rglob("*.md")) <= set(listed)


def test_every_page_of_the_nav_is_described_and_nothing_else() -> None:
    assert sorted(configuration()["extra"]["about"]) == sorted(page.uri for page in pages())
    assert [page.uri for page in pages() if not page.about.endswith(".") or len(page.about) > 120] == []


def test_llms_txt_is_current() -> None:
    assert (ROOT / "llms.txt").read_text() == llms.index(llms.in_repository), "run: make llms.txt"


def test_llms_txt_has_the_form_that_llmstxt_org_asks_for() -> None:
    """A title, a quoted summary, and sections of nothing but lists of links, each to a file that is there."""
    head, *sections = (ROOT / "llms.txt").read_text().split("\n## ")
    title, summary = head.split("\n\n")[:2]
    assert re.fullmatch(r"# .+", title)
    assert re.fullmatch(r"> .+", summary)
    for section in sections:
        _, *lines = section.strip().splitlines()
        items = [re.fullmatch(r"- \[[^]]+\]\(([^)]+)\): .+", line) for line in lines if line]
        assert items
        for item in items:
            assert item is not None, section
            assert (ROOT / item[1]).is_file(), item[1]


def test_links_are_moved_with_their_pages() -> None:
    assert (
        relinked("[a](docs/adr/0002-the-edge.md#why)", "ARCHITECTURE.md") == "[a](adr/0002-the-edge.md#why)"
    )
    assert relinked("[a](../ARCHITECTURE.md)", "security.md") == "[a](ARCHITECTURE.md)"
    assert (
        relinked("[a](../api.md), [b](https://a.b/c)", "clients/cohere.md")
        == "[a](../api.md), [b](https://a.b/c)"
    )
    assert relinked("[a](../setup.py)", "api.md") == "a (`setup.py`)"


# --- what was built ---------------------------------------------------------------------------------


@needs_site
def test_every_page_is_built_with_its_description_and_its_markdown() -> None:
    for page in pages():
        html = SITE / (page.uri if page.uri == "index.md" else page.uri.removesuffix(".md") + "/index.md")
        assert html_of(html.with_suffix(".html")).description == page.about
        assert (SITE / page.uri).read_text() == relinked(page.source.read_text(), page.uri)


@needs_site
def test_the_site_has_what_language_models_look_for() -> None:
    assert (SITE / "llms.txt").read_text() == llms.index(lambda page: page.uri)
    full = (SITE / "llms-full.txt").read_text()
    assert [page.uri for page in pages() if f"<!-- {page.uri} -->" not in full] == []
    assert "# Virtual keys\n" in full


@needs_site
@pytest.mark.parametrize("page", BUILT, ids=lambda page: str(page.relative_to(SITE)))
def test_a_page_asks_no_other_host_for_anything(page: Path) -> None:
    html = html_of(page)
    assert [target for target in html.fetched if urlsplit(target).netloc] == []
    assert "mermaid" not in html.classes, "the theme would fetch mermaid from elsewhere"


@needs_site
def test_style_sheets_ask_no_other_host_for_anything() -> None:
    sheets = list(SITE.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        targets = [one or other for one, other in _URL.findall(sheet.read_text())]
        assert [target for target in targets if urlsplit(target).netloc] == [], sheet.name


@needs_site
@pytest.mark.parametrize("page", BUILT, ids=lambda page: str(page.relative_to(SITE)))
def test_links_within_the_site_lead_somewhere(page: Path) -> None:
    if page.name == "404.html":
        pytest.skip("its links are those of a site at the root of its host")
    assert [target for target in html_of(page).linked if not _leads_somewhere(page, target)] == []


def _leads_somewhere(page: Path, link: str) -> bool:
    target = urlsplit(link)
    if target.scheme or target.netloc:
        return True  # tests/unit/test_docs.py knows which hosts may be named
    there = (page.parent / unquote(target.path)).resolve() if target.path else page
    there = there / "index.html" if there.is_dir() else there
    return there.exists() and (not target.fragment or unquote(target.fragment) in html_of(there).anchors)
