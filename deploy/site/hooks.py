"""What MkDocs calls while it builds the site (https://www.mkdocs.org/dev-guide/plugins/#events)."""

from pathlib import Path

from deploy.site import llms
from deploy.site.pages import DOCS, pages, relinked
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page as BuiltPage


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    for page in pages():
        if page.source.exists() and not page.source.is_relative_to(DOCS):
            files.append(File.generated(config, page.uri, abs_src_path=str(page.source)))
    return files


def on_page_markdown(markdown: str, *, page: BuiltPage, config: MkDocsConfig, files: Files) -> str:
    uri = page.file.src_uri
    page.meta["description"] = config.extra["about"][uri]
    return relinked(markdown, uri)


def on_post_build(*, config: MkDocsConfig) -> None:
    """Each page as Markdown beside its HTML, and the two files for language models."""
    site = Path(config.site_dir)
    for page in pages():
        text = site / page.uri
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text(relinked(page.source.read_text(), page.uri))
    (site / "llms.txt").write_text(llms.index(lambda page: page.uri))
    (site / "llms-full.txt").write_text(llms.full())
