"""What a type cannot say of the ledger: where its database is, and that archives have a place."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from fastgate.config.diagnostics import Report, SettingPath
from fastgate.config.interpolate import resolve_secret, secret_ref
from fastgate.config.settings import Settings
from fastgate.config.tree import Node
from fastgate.errors import ConfigError

DATABASES: Final = ("postgresql", "sqlite")
_URL: Final[SettingPath] = ("ledger", "url")


def check(settings: Settings, environ: Mapping[str, str], tree: Node, report: Report) -> None:
    """Report a URL that names no database; the message repeats nothing of it."""
    given = settings.ledger.url
    if given is None or report.failed(_URL):
        return
    ref = secret_ref(given)
    try:
        url = None if ref is None else urlsplit(resolve_secret(ref, environ))
        known = url is not None and url.scheme in DATABASES and bool(url.netloc or url.path)
    except ConfigError as error:
        report.error(tree.locate(_URL), _URL, str(error))
        return
    except ValueError:
        known = False
    if not known:
        message = "expected the URL of a database"
        report.error(tree.locate(_URL), _URL, message, "such as postgresql://user:password@host/fastgate")
