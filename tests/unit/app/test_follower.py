"""A snapshot that cannot be taken over at the moment is taken over later."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.gateway_process import gateway_config, provider_config
from tests.support.worker_process import Published

from fastgate.app.follower import SnapshotFollower
from fastgate.domain.snapshot import Snapshot
from fastgate.observability import log


def config(*models: str) -> dict[str, object]:
    return gateway_config({"local": provider_config("http://127.0.0.1:1/v1", *models)})


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Published]:
    published = Published(tmp_path, config())
    published.publisher.publish()
    yield published
    published.close()


def following(published: Published) -> SnapshotFollower:
    follower = SnapshotFollower(published.data_dir, published.counters, "worker-1")
    follower.in_use(asyncio.run(follower.first()).generation)
    return follower


def test_each_generation_once(published: Published) -> None:
    follower = following(published)
    taken: list[Snapshot] = []
    for models in (("one",), ("one", "two")):
        published.write_config(config(*models))
        published.publisher.publish()
        for _ in range(3):
            follower.poll(taken.append)
    assert [snapshot.generation for snapshot in taken] == [2, 3]
    assert published.generations() == {"worker-1": 3}


def test_a_snapshot_that_cannot_be_read_is_read_at_a_later_poll(
    published: Published, capfd: pytest.CaptureFixture[str]
) -> None:
    follower = following(published)
    taken: list[Snapshot] = []
    published.write_config(config("another"))
    published.publisher.publish()
    away = published.data_dir.snapshot.rename(published.data_dir.path / "away")
    log.flush()
    capfd.readouterr()  # lines of whoever was first in this process
    for _ in range(5):
        follower.poll(taken.append)
    assert published.generations() == {"worker-1": 1}
    log.flush()
    assert capfd.readouterr().err.count("configuration not usable here") == 1
    away.rename(published.data_dir.snapshot)
    follower.poll(taken.append)
    assert [snapshot.generation for snapshot in taken] == [2]
    assert published.generations() == {"worker-1": 2}


def test_what_cannot_be_applied_is_applied_at_a_later_poll(published: Published) -> None:
    follower = following(published)
    published.write_config(config("another"))
    published.publisher.publish()
    outcomes: list[Exception | None] = [OSError("too many open files"), OverflowError("full"), None]
    generations: list[int] = []

    def apply(snapshot: Snapshot) -> None:
        generations.append(snapshot.generation)
        if (outcome := outcomes[len(generations) - 1]) is not None:
            raise outcome

    for _ in range(5):
        follower.poll(apply)
    assert generations == [2, 2, 2]
