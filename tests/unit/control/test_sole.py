"""One control process at a time, against real processes."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from fastgate.control import sole
from fastgate.control.sole import Sole

# Holds it until its standard input ends, or it is killed.
_HOLDER = """
import asyncio, sys
from pathlib import Path
from fastgate.control.sole import Sole
one = Sole(Path(sys.argv[1]))
asyncio.run(one.take())
print("held", flush=True)
sys.stdin.read()
"""


def holder(path: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


async def test_waits_for_the_end_of_another(tmp_path: Path) -> None:
    with holder(tmp_path / "lock") as other:
        taking = asyncio.ensure_future(Sole(tmp_path / "lock").take())
        done, _ = await asyncio.wait({taking}, timeout=0.1)
        assert not done
        other.kill()
        await taking


async def test_another_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sole, "WAIT_S", 0.1)
    with holder(tmp_path / "lock") as other:
        with pytest.raises(TimeoutError, match="held by another control process"):
            await Sole(tmp_path / "lock").take()
        other.kill()
