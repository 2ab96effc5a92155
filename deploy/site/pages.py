"""The pages of the documentation site: those of the nav in mkdocs.yml, and where each is in the repository.

A page is addressed by its place in the site. It lies in `docs/`, or, like `ARCHITECTURE.md`, at the root.
"""

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"

_LINK: Final = re.compile(r"\[(?P<text>[^][]*)\]\((?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")


class Page(NamedTuple):
    section: str
    title: str
    uri: str
    about: str

    @property
    def source(self) -> Path:
        return source(self.uri)


def configuration() -> dict[str, Any]:
    """mkdocs.yml, which has no tags that a plain loader does not know."""
    return dict(yaml.safe_load((ROOT / "mkdocs.yml").read_text()))


@cache
def pages() -> tuple[Page, ...]:
    """In the order of the nav. KeyError: a page has no line in `extra.about`."""
    settings = configuration()
    about = settings["extra"]["about"]
    return tuple(
        Page(section, title, uri, about[uri])
        for entry in settings["nav"]
        for section, inside in entry.items()
        for title, uri in _leaves(inside)
    )


def source(uri: str) -> Path:
    """Where the page is in the repository."""
    return ROOT / uri if (ROOT / uri).exists() else DOCS / uri


def relinked(text: str, uri: str) -> str:
    """Links that lead somewhere in the repository, for the page's place in the site.

    What the site does not have (code, examples) is not linked: its path in the repository is behind its name.
    """
    of_the_nav = {page.source: page.uri for page in pages()}

    def moved(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(source(uri).parent / link["target"]))
        place = target.relative_to(DOCS) if target.is_relative_to(DOCS) else of_the_nav.get(target)
        if place is None:
            return f"{link['text']} (`{target.relative_to(ROOT)}`)"
        relative = os.path.relpath(place, Path(uri).parent)
        return f"[{link['text']}]({relative}{link['anchor'] or ''})"

    return _LINK.sub(moved, text)


def _leaves(nav: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for entry in nav:
        for title, inside in entry.items():
            if isinstance(inside, str):
                yield title, inside
            else:
                yield from _leaves(inside)
