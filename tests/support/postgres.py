"""A PostgreSQL server of the tests' own: a private cluster on a Unix socket, of the installed binaries."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from sqlalchemy import URL

USER: Final = "fastgate"
PASSWORD: Final = "a secret: of/the@tests"  # what a URL must escape, and no message may show


def find_binaries() -> Path | None:
    """Where initdb and pg_ctl are, of a version 12 or newer; None: nowhere."""
    places = [Path("/usr/lib/postgresql"), Path("/usr/pgsql")]
    found = [path.parent for place in places for path in place.glob("*/bin/initdb")]
    if (config := shutil.which("pg_config")) is not None:
        said = subprocess.run(
            [config, "--bindir"], capture_output=True, text=True, check=False
        ).stdout.strip()
        found.insert(0, Path(said))
    if (initdb := shutil.which("initdb")) is not None:
        found.append(Path(initdb).parent)
    return next((path for path in found if (path / "initdb").exists() and (path / "pg_ctl").exists()), None)


class PostgresServer:
    """Runs until the context ends. The server refuses to be root, so root's tests run it as another user."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._user = _unprivileged()
        # Not under pytest's directory: the other user could not enter it, and a socket's path must be short.
        self._root = Path(tempfile.mkdtemp(prefix="fastgate-pg-"))
        if self._user is not None:
            shutil.chown(self._root, self._user)

    def __enter__(self) -> Self:
        password = self._root / "password"
        password.write_text(PASSWORD)
        if self._user is not None:
            shutil.chown(password, self._user)
        try:
            self._run(
                "initdb", "--username", USER, "--auth", "scram-sha-256", "--pwfile", str(password),
                "--no-sync", "--encoding", "UTF8", "--locale", "C",
            )  # fmt: skip
            self.start()
        except BaseException:
            shutil.rmtree(self._root)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._root)

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories='{self._root}' -c fsync=off"
        self._run("pg_ctl", "start", "--wait", "--silent", "--log", str(self._root / "log"), "-o", options)

    def stop(self) -> None:
        """At once: what is connected is cut off."""
        self._run("pg_ctl", "stop", "--wait", "--silent", "--mode", "immediate")

    def create_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{uuid.uuid4().hex}"
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def url(self, database: str, password: str = PASSWORD) -> str:
        url = URL.create("postgresql", USER, password, database=database, query={"host": str(self._root)})
        return url.render_as_string(hide_password=False)

    def connect(self, database: str) -> "psycopg.Connection[Any]":
        return psycopg.connect(
            host=str(self._root), user=USER, password=PASSWORD, dbname=database, autocommit=True
        )

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._binaries / program, *arguments, "--pgdata", str(self._root / "data")],
            check=True,
            capture_output=True,
            timeout=60,
            cwd=self._root,
            user=self._user,
            env={"PATH": os.environ["PATH"], "TZ": "UTC"},
        )


def _unprivileged() -> str | None:
    """Whom the server runs as; None: as we do."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
