"""The owners of stored responses: found by all processes, bounded, and never in the way of an answer."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import FakeClock

from fastgate.store import responses
from fastgate.store.responses import ResponseOwner, ResponseOwners, prepare


def owner(created_s: int, key_id: str | None = "vk") -> ResponseOwner:
    return ResponseOwner(key_id, "openai/gpt-4o", "main", "gpt-4o", created_s)


def now_s(clock: FakeClock) -> int:
    return clock.wall // 1_000_000_000


def test_what_one_process_remembers_another_finds(tmp_path: Path) -> None:
    store = ResponseOwners(tmp_path / "r")
    script = (
        "import sys, pathlib\nfrom fastgate import clock\n"
        "from fastgate.store.responses import ResponseOwner, ResponseOwners\n"
        "o = ResponseOwner('vk', 'd', None, 'm', clock.time_ns() // 10**9)\n"
        "sys.exit(not ResponseOwners(pathlib.Path(sys.argv[1])).remember('resp_1', o))"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "r")], check=True)
    found = store.find("resp_1")
    assert found is not None
    assert (found.key_id, found.deployment, found.credential, found.model) == ("vk", "d", None, "m")
    store.close()


def test_an_entry_is_known_for_thirty_days_and_then_swept(tmp_path: Path, fake_clock: FakeClock) -> None:
    store = ResponseOwners(tmp_path / "r")
    store.remember("resp_old", owner(now_s(fake_clock)))
    fake_clock.advance(30 * 86_400 - 1)
    assert store.find("resp_old") is not None
    fake_clock.advance(2)
    assert store.find("resp_old") is None
    store.remember("resp_new", owner(now_s(fake_clock)))
    fake_clock.advance(-30 * 86_400)
    assert store.find("resp_old") is None, "swept, not only hidden"
    store.close()


def test_the_oldest_give_way_when_there_are_too_many(
    tmp_path: Path, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "MAX_ENTRIES", 100)
    store = ResponseOwners(tmp_path / "r")
    for number in range(250):
        fake_clock.advance(1)
        assert store.remember(f"resp_{number}", owner(now_s(fake_clock)))
    known = [number for number in range(250) if store.find(f"resp_{number}") is not None]
    assert known == list(range(known[0], 250))
    assert 36 <= len(known) <= 100
    store.close()


def test_a_full_map_is_told_and_loses_nothing_else(
    tmp_path: Path, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "MAP_BYTES", 64 * 1024)
    store = ResponseOwners(tmp_path / "r")
    stored = [store.remember(f"resp_{number}", owner(now_s(fake_clock))) for number in range(1000)]
    assert stored[0]
    assert not stored[-1]
    assert store.find("resp_0") is not None
    store.close()


def test_a_forgotten_one_is_unknown(tmp_path: Path, fake_clock: FakeClock) -> None:
    store = ResponseOwners(tmp_path / "r")
    store.remember("resp_1", owner(now_s(fake_clock)))
    store.forget("resp_1")
    assert store.find("resp_1") is None
    store.close()


@pytest.mark.parametrize("response_id", ["", "x" * 257])
def test_an_impossible_id_is_unknown(tmp_path: Path, fake_clock: FakeClock, response_id: str) -> None:
    store = ResponseOwners(tmp_path / "r")
    assert not store.remember(response_id, owner(now_s(fake_clock)))
    assert store.find(response_id) is None
    store.close()


def test_a_damaged_store_is_moved_aside(tmp_path: Path, fake_clock: FakeClock) -> None:
    prepare(tmp_path / "r")
    (tmp_path / "r" / "data.mdb").write_bytes(b"garbage" * 4096)
    prepare(tmp_path / "r")
    store = ResponseOwners(tmp_path / "r")
    assert store.remember("resp_1", owner(now_s(fake_clock)))
    assert store.find("resp_1") is not None
    store.close()
    assert [path.name for path in tmp_path.glob("r.damaged-*")]
