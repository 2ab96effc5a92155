"""Brings a database to the schema of this version, with Alembic; the steps are in `migrations`.

`python -m fastgate.store.ledger` does it in a process of its own, so that Alembic does not stay in the memory
of one that lives long: see `upgrade_in_child`.
"""

import os
import subprocess
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    inspect,
    select,
)

from fastgate.launch import program
from fastgate.store.ledger.backup import back_up
from fastgate.store.ledger.errors import LedgerOutdated, LedgerUnavailable, LedgerUnusable
from fastgate.store.ledger.revision import HEAD, OLDER
from fastgate.store.ledger.schema import METADATA

NO_LEDGER: Final = "there is no ledger yet: it is made when the gateway first runs"

_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_VERSION: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""As Alembic makes it."""


class Place(msgspec.Struct):
    """Which database, as `LedgerDatabase.open` takes it."""

    url: str | None
    data_dir: str


def upgrade(connection: Connection) -> None:
    """To the newest schema, within the transaction of `connection`, from a SQLite file that has been copied.

    LedgerUnusable: it is newer than this. LedgerUnavailable: it could not be copied; nothing is changed then.
    """
    current = revision(connection)
    if current == HEAD:
        return
    if current is not None and connection.dialect.name == "sqlite":
        back_up(connection, HEAD)
    from alembic import command  # only where there is something to do
    from alembic.config import Config

    config = Config()
    # Config interpolates `%`, which a path may have.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def require(connection: Connection) -> None:
    """Make a ledger where there is none, without Alembic: what the migrations lead to is the schema.

    LedgerOutdated: there is something to do for `upgrade`. LedgerUnusable: it is newer than this.
    """
    current = revision(connection)
    if current is None:
        METADATA.create_all(connection, checkfirst=False)
        _VERSION.create(connection, checkfirst=True)
        connection.execute(insert(_VERSION).values(version_num=HEAD))
    elif current != HEAD:
        raise LedgerOutdated("its schema is older than this version of fastgate")


def check(connection: Connection) -> None:
    """LedgerUnusable: there is no ledger, or it has not the schema of this version."""
    current = revision(connection)
    if current is None:
        raise LedgerUnusable(NO_LEDGER)
    if current != HEAD:
        raise LedgerUnusable(
            f"its schema is {current}, and this version of fastgate reads {HEAD}: the gateway brings it "
            "there when it starts"
        )


def revision(connection: Connection) -> str | None:
    """None: there is no ledger. LedgerUnusable: it is newer than this version.

    Asked first whether it has the table: on PostgreSQL a failed look-up would spoil the transaction.
    """
    if not inspect(connection).has_table(_VERSION.name):
        return None
    current: str | None = connection.scalar(select(_VERSION.c.version_num))
    if current is not None and current != HEAD and current not in OLDER:
        raise LedgerUnusable(
            f"its schema is {current}, which this version of fastgate does not know: a newer one has "
            "written it. Run that version, or restore a copy from before the upgrade"
        )
    return current


def upgrade_in_child(place: Place) -> None:
    """Blocks until it is done. LedgerUnavailable, LedgerUnusable."""
    child = subprocess.run(  # noqa: S603 (our own module)
        program(__package__),
        input=msgspec.json.encode(place),
        capture_output=True,
        check=False,
    )
    if child.returncode != os.EX_OK:
        reason = child.stderr.decode(errors="replace").strip()
        raise (LedgerUnavailable if child.returncode == os.EX_TEMPFAIL else LedgerUnusable)(reason)
