"""Which versions of fastgate may use one data directory, one after the other and at the same time.

`layout` in the directory says who wrote it last. A release that changes the form or the meaning of a file
raises a number here: `DIRECTORY` where the file outlives the gateway, `SHARED` where it does not, `HOLDS` and
`SEGMENTS` with the first bytes of a journal's files. `tests/unit/store/test_layout.py` notices what was
changed without.
"""

import os
from pathlib import Path
from typing import Final

import msgspec

from fastgate._version import __version__
from fastgate.store.data_dir import DataDir
from fastgate.store.ledger.revision import HEAD

DIRECTORY: Final = 1
"""Of what is kept: journals, `keys`, `responses`, `conversations`, `prices.json`."""
SHARED: Final = 1
"""Of what running processes share: `counters`, `accounts`, `snapshot`, journals, and what the supervisors say
to one another."""

HOLDS: Final = b"FGHOLDS\x03"
SEGMENTS: Final = b"FGJOURN\x02"


class LayoutError(Exception):
    """This version cannot use the directory; the message says which one can."""


class Written(msgspec.Struct, frozen=True):
    """The content of the file `layout`."""

    directory: int
    fastgate: str


class Running(msgspec.Struct, frozen=True):
    """What two versions have to agree on to use a directory at the same time."""

    directory: int = DIRECTORY
    shared: int = SHARED
    ledger: str = HEAD


def check(data_dir: DataDir) -> Written | None:
    """Who wrote the directory; None: nobody has said so. Changes nothing.

    LayoutError: it is of a newer version, or that cannot be told. OSError.
    """
    try:
        written = msgspec.json.decode(data_dir.layout.read_bytes(), type=Written)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise LayoutError(
            f"{data_dir.layout} cannot be read ({error}): it says which version of fastgate wrote the "
            "directory. Restore it from a backup, or choose another data_dir"
        ) from None
    if written.directory > DIRECTORY:
        raise LayoutError(
            f"the data directory {data_dir.path} was written by fastgate {written.fastgate} (layout "
            f"{written.directory}), and this is fastgate {__version__} (layout {DIRECTORY}): run that "
            "version, or restore the copy of the directory that was made before the upgrade"
        )
    return written


def check_journals(data_dir: DataDir, written: Written | None) -> None:
    """LayoutError where calls that are not in the ledger yet lie in journals of another form. OSError.

    They would be lost to this version, and the one that wrote them drains them when it starts.
    """
    strange = [
        writer.name
        for writer in data_dir.journal.glob("[0-9a-f]*")
        if any(_is_other(file, SEGMENTS) for file in writer.glob("*.seg"))
        or _is_other(writer / "holds", HOLDS)
    ]
    if strange:
        who = "the version that wrote them" if written is None else f"fastgate {written.fastgate}"
        raise LayoutError(
            f"{data_dir.journal} has calls that are not in the ledger yet, in a form that fastgate "
            f"{__version__} does not read ({', '.join(sorted(strange))}): start {who} once on this "
            "directory, which brings them into the ledger, stop it with SIGTERM, and start this version again"
        )


def _is_other(path: Path, magic: bytes) -> bool:
    """Whether it is a file of this kind in another form. One that is damaged is none."""
    try:
        with path.open("rb") as file:
            first = file.read(len(magic))
    except FileNotFoundError:
        return False
    return first != magic and first[:-1] == magic[:-1]


def write(data_dir: DataDir) -> None:
    """This version writes from now on. To be called under the lock. OSError."""
    content = msgspec.json.encode(Written(DIRECTORY, __version__)) + b"\n"
    path = data_dir.layout
    if path.exists() and path.read_bytes() == content:
        return
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
