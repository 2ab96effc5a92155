"""llms.txt (https://llmstxt.org): an index of the pages for language models, from the nav of mkdocs.yml.

`python -m deploy.site.llms > llms.txt`; a test compares. The site has one of its own, and llms-full.txt.
"""

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Final

from deploy.site.pages import ROOT, Page, configuration, pages, relinked

_DETAILS: Final = """\
It speaks the HTTP APIs of OpenAI, Anthropic, Google, AWS Bedrock and Cohere to clients, and upstream those of
every provider in the table of providers.md. It is configured by one YAML file (`fastgate.yaml`) or by the
environment; `fastgate check` names every mistake. Pages of the reference are generated from the code."""


def index(address: Callable[[Page], str]) -> str:
    """The index; `address` says what each page is linked by."""
    return "\n".join(_index(address)) + "\n"


def full() -> str:
    """All pages after each other, as they are in the site."""
    return "\n\n".join(
        f"<!-- {page.uri} -->\n{relinked(page.source.read_text(), page.uri)}" for page in pages()
    )


def in_repository(page: Page) -> str:
    return str(page.source.relative_to(ROOT))


def _index(address: Callable[[Page], str]) -> Iterator[str]:
    settings = configuration()
    yield f"# {settings['site_name']}\n\n> {settings['site_description']}\n\n{_DETAILS}"
    for section, inside in groupby(pages(), lambda page: page.section):
        yield f"\n## {section}\n"
        for page in inside:
            yield f"- [{page.title}]({address(page)}): {page.about}"


if __name__ == "__main__":
    print(index(in_repository), end="")
