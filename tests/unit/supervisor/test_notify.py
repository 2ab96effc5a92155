"""What a service manager hears: the protocol of sd_notify(3)."""

import socket
from pathlib import Path

import pytest

from fastgate.supervisor import notify


@pytest.mark.parametrize("abstract", [False, True])
def test_assignments_are_lines_of_one_datagram(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool
) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{path}" if abstract else path)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{path}" if abstract else path)
        notify.tell("MAINPID=7", "READY=1")
        assert manager.recv(100) == b"MAINPID=7\nREADY=1"


def test_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no reason to end."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify.tell("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify.tell("READY=1")
