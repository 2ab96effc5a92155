"""docs/failover.md has what a client sees for each fault; this sees it again and compares."""

import asyncio
import os
import socket
from pathlib import Path

import httpx
import pytest
from tests.support import failover
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import GatewayProcess

DOC = Path(__file__).parents[2] / "docs" / "failover.md"
BEGIN, END = "<!-- matrix: made by tests/integration/test_failover_matrix.py -->\n", "<!-- end of matrix -->"

# More would make the scripted provider, which shares a core with the rest, slower than the cells' timers.
AT_ONCE = 12


@pytest.mark.timeout(120)
async def test_the_documented_matrix_is_what_clients_see(tmp_path: Path) -> None:
    """FASTGATE_TEST_UPDATE_DOCS=1 writes the table instead of comparing it."""
    at_once = asyncio.Semaphore(AT_ONCE)

    async def observe(client: httpx.AsyncClient, cell: failover.Cell) -> str:
        async with at_once:
            return await failover.observe(client, cell)

    with FakeProvider() as provider, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        cells = list(failover.cells())
        config = failover.configuration(provider, closed.getsockname()[1], cells)
        failover.script(provider, cells)
        with GatewayProcess(config, tmp_path) as gateway:
            async with httpx.AsyncClient(base_url=gateway.base_url, timeout=30) as client:
                seen = await asyncio.gather(*(observe(client, cell) for cell in cells))
            scrape = gateway.scrape()
            assert scrape.value("fastgate_requests_in_flight") == 0
            assert scrape.value("fastgate_open_streams") == 0
            assert gateway.log_lines(message="internal error") == []
    table = failover.table(dict(zip(cells, seen, strict=True)))
    text = DOC.read_text()
    before, _, rest = text.partition(BEGIN)
    documented, _, after = rest.partition(END)
    if os.environ.get("FASTGATE_TEST_UPDATE_DOCS"):
        DOC.write_text(before + BEGIN + table + END + after)
    else:
        assert table == documented
