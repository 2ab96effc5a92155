"""Brings a database to the schema of this version, with Alembic; the steps are in `migrations`."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from fastgate.store.ledger.errors import LedgerUnusable

NO_LEDGER: Final = "there is no ledger yet: it is made when the gateway first runs"

_MIGRATIONS: Final = Path(__file__).with_name("migrations")


def upgrade(connection: Connection) -> None:
    """To the newest schema, within the transaction of `connection`. LedgerUnusable: it is newer than this."""
    config, scripts = _scripts()
    current = _revision(connection)
    _refuse_newer(current, scripts)
    if current != scripts.get_current_head():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check(connection: Connection) -> None:
    """LedgerUnusable: there is no ledger, or it has not the schema of this version."""
    current = _revision(connection)
    _, scripts = _scripts()
    if current is None:
        raise LedgerUnusable(NO_LEDGER)
    _refuse_newer(current, scripts)
    if current != scripts.get_current_head():
        raise LedgerUnusable(
            f"its schema is {current}, and this version of fastgate reads "
            f"{scripts.get_current_head()}: the gateway brings it there when it starts"
        )


def _scripts() -> tuple[Config, ScriptDirectory]:
    config = Config()
    # Config interpolates `%`, which a path may have.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config, ScriptDirectory.from_config(config)


def _revision(connection: Connection) -> str | None:
    """Asked first whether it has the table: on PostgreSQL a failed look-up would spoil the transaction."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(current: str | None, scripts: ScriptDirectory) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise LedgerUnusable(
            f"its schema is {current}, which this version of fastgate does not know: a newer one has "
            "written it. Run that version, or restore a copy from before the upgrade"
        )
