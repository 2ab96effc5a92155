"""What the project's pages say, as tests need it: their blocks of code, links, anchors and code spans."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.processes import ROOT

DOCS: Final = ROOT / "docs"

_FENCE: Final = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK: Final = re.compile(r"\[[^][]*\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ +(.*)$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: `info` is the first line's rest, such as `yaml title="values.yaml"`."""

    page: Path
    line: int
    info: str
    text: str

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def written_pages() -> list[Path]:
    """Every page of the project for its readers."""
    return [
        *sorted(ROOT.glob("*.md")),
        *sorted(DOCS.rglob("*.md")),
        *sorted(ROOT.glob("examples/*/README.md")),
    ]


def blocks(page: Path, *languages: str) -> list[Block]:
    text = page.read_text()
    found = [
        Block(page, text.count("\n", 0, match.start()) + 1, match["info"], match["text"])
        for match in _FENCE.finditer(text)
    ]
    return [block for block in found if block.language in languages]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def spans(page: Path) -> list[str]:
    """What stands between backticks."""
    return _SPAN.findall(prose(page))


def links(page: Path) -> list[str]:
    return _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """The anchors of its headings, as GitHub makes them: without punctuation, a dash for each space."""
    return {
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        for heading in _HEADING.findall(prose(page))
    }


def commands(block: Block) -> Iterator[str]:
    """The command lines of a block for a shell, continued lines joined; what they print is left out where
    a block marks its commands by `$`."""
    lines = block.text.replace("\\\n", " ").splitlines()
    marked = any(line.startswith("$ ") for line in lines)
    for line in lines:
        command = line.removeprefix("$ ").strip()
        if command and not command.startswith("#") and (line.startswith("$ ") or not marked):
            yield command
