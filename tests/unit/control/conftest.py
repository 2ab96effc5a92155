from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.books import BooksRig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[BooksRig]:
    rig = BooksRig(tmp_path)
    yield rig
    rig.close()
