"""Who may use a data directory after whom, and what says so."""

import hashlib
from pathlib import Path

import pytest

from fastgate import __version__
from fastgate._core.accounts import AccountTable
from fastgate._core.holds import HoldTable
from fastgate._core.journal import JournalWriter, segment_path
from fastgate._core.shm import SharedSlots
from fastgate.domain.account import BudgetWord
from fastgate.domain.entry import Closing, Opening
from fastgate.domain.snapshot import SNAPSHOT_FORMAT
from fastgate.ledger.journal_dir import JournalDir
from fastgate.routing.slot_layout import WORKERS_PER_SLOT, CredentialField, DeploymentField
from fastgate.store import keys, layout
from fastgate.store.counters import CAPACITY, Header
from fastgate.store.data_dir import DataDir
from fastgate.store.layout import LayoutError

RECORDED = {(1, 1): "f46b02a905194ddf"}
"""By `DIRECTORY` and `SHARED`."""


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path)


def test_a_new_directory_is_nobodys_and_then_this_versions(data_dir: DataDir) -> None:
    assert layout.check(data_dir) is None
    layout.write(data_dir)
    written = layout.check(data_dir)
    assert written is not None
    assert (written.directory, written.fastgate) == (layout.DIRECTORY, __version__)
    assert data_dir.layout.stat().st_mode & 0o777 == 0o600
    assert list(data_dir.path.iterdir()) == [data_dir.layout]


def test_one_of_a_newer_version_is_refused_and_not_touched(data_dir: DataDir) -> None:
    content = b'{"directory":99,"fastgate":"9.9.9"}\n'
    data_dir.layout.write_bytes(content)
    with pytest.raises(
        LayoutError, match=r"written by fastgate 9\.9\.9 \(layout 99\).* run that version"
    ) as no:
        layout.check(data_dir)
    assert "\n" not in str(no.value)
    assert [(path, path.read_bytes()) for path in data_dir.path.iterdir()] == [(data_dir.layout, content)]


def test_what_a_newer_version_adds_does_not_matter(data_dir: DataDir) -> None:
    data_dir.layout.write_bytes(b'{"directory":1,"fastgate":"0.9","more":[1]}')
    written = layout.check(data_dir)
    assert written is not None
    layout.write(data_dir)
    assert layout.check(data_dir) != written


@pytest.mark.parametrize("content", [b"", b"{", b'{"directory":"x","fastgate":"1"}', b"\xff"])
def test_one_that_cannot_be_read_is_refused(data_dir: DataDir, content: bytes) -> None:
    data_dir.layout.write_bytes(content)
    with pytest.raises(LayoutError, match="cannot be read"):
        layout.check(data_dir)


def journal(data_dir: DataDir) -> Path:
    """Of a worker: its holds, and a segment."""
    accounts = AccountTable(str(data_dir.accounts), True)
    writer = JournalDir(data_dir.journal).create()
    HoldTable(str(writer.holds), accounts, True).close()
    segments = JournalWriter(str(writer.path), 4096)
    segments.prepare()
    segments.close()
    writer.close()
    accounts.close()
    return writer.path


def test_journals_of_this_version_are_read(data_dir: DataDir) -> None:
    layout.check_journals(data_dir, None)
    path = journal(data_dir)
    assert (path / "holds").read_bytes().startswith(layout.HOLDS)
    assert Path(segment_path(str(path), 1)).read_bytes().startswith(layout.SEGMENTS)
    layout.check_journals(data_dir, None)


@pytest.mark.parametrize("name", ["holds", "0000000000000001.seg"])
def test_journals_of_another_form_are_not_passed_over(data_dir: DataDir, name: str) -> None:
    """They have calls that nobody would be billed for."""
    path = journal(data_dir)
    file = path / name
    content = file.read_bytes()
    file.write_bytes(content[:7] + b"\x7f" + content[8:])
    with pytest.raises(
        LayoutError, match=rf"fastgate 0\.0\.7 once .*{path.name}|{path.name}.*fastgate 0\.0\.7 once"
    ):
        layout.check_journals(data_dir, layout.Written(1, "0.0.7"))
    assert file.exists()


@pytest.mark.parametrize("damage", [b"", b"\0" * 4096, b"nothing of ours"])
def test_a_damaged_journal_is_the_control_process_business(data_dir: DataDir, damage: bytes) -> None:
    (journal(data_dir) / "holds").write_bytes(damage)
    layout.check_journals(data_dir, None)


def test_a_new_form_has_a_new_number(data_dir: DataDir) -> None:
    """Where this fails, a file or what processes share has changed. If a release has the form from before,
    raise `DIRECTORY` (it is kept) or `SHARED` (it is not); then record the fingerprint."""
    SharedSlots(str(data_dir.counters), CAPACITY, True).close()
    path = journal(data_dir)
    files = (data_dir.counters, data_dir.accounts, path / "holds", Path(segment_path(str(path), 1)))
    form = (
        [file.read_bytes()[:8] for file in files],
        [[(each.name, int(each)) for each in words] for words in (Header, BudgetWord, DeploymentField)],
        [(each.name, int(each)) for each in CredentialField],
        (CAPACITY, WORKERS_PER_SLOT, SNAPSHOT_FORMAT, keys.FORMAT),
        (Opening.__struct_fields__, Closing.__struct_fields__),
    )
    fingerprint = hashlib.sha256(repr(form).encode()).hexdigest()[:16]
    assert RECORDED.get((layout.DIRECTORY, layout.SHARED)) == fingerprint
