"""Which server an edge has, and that nothing of the others is loaded beside it."""

import subprocess
import sys

import pytest
from tests.support.processes import python_environment

LOADED = """
import asyncio, socket, sys
from fastgate.downstream import edges

async def main(edge):
    listener = socket.create_server(("127.0.0.1", 0))
    edges.server(
        edge,
        None,
        listener.detach(),
        backlog=1,
        backpressure=1,
        keep_alive_s=1.0,
        head_timeout_s=1.0,
        tls=None,
    )

asyncio.run(main(sys.argv[1]))
print(*(name for name in ("granian", "httptools", "fastgate.downstream.asgi") if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("edge", "loaded"),
    [("asgi", ["granian", "fastgate.downstream.asgi"]), ("rsgi", ["granian"]), ("native", ["httptools"])],
)
def test_each_loads_its_own_server_only(edge: str, loaded: list[str]) -> None:
    command = [sys.executable, "-c", LOADED, edge]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=20, env=python_environment()
    )
    assert done.stdout.split() == loaded
