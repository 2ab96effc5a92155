from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.limit_rig import LimitRig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[LimitRig]:
    rig = LimitRig(tmp_path)
    yield rig
    rig.close()
