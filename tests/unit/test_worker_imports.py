"""A worker's memory is mostly imports, and there is one worker a core: what it must not import."""

import re
from pathlib import Path

import httpx
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import SECRET, gateway_config, provider_config
from tests.support.replies import chat_stream
from tests.support.worker_process import Published, WorkerProcess

FORBIDDEN = {
    "aiohttp",
    "alembic",
    "click",
    "genai_prices",
    "httpcore",
    "httpx",
    "psycopg",
    "pyarrow",
    "pydantic",
    "requests",
    "rich",
    "sqlalchemy",
    "sqlite3",
    "typer",
    "yaml",
    "fastgate.cli",
    "fastgate.control",
    "fastgate.routing.compile",
    "fastgate.store.ledger",
    "fastgate.supervisor",
}
# Needed by `GET /metrics` only.
LAZY = {"prometheus_client"}

_IMPORTED = re.compile(r"import time:\s+\d+ \|\s+\d+ \|\s+([\w.]+)")


def _imported(lines: list[str]) -> set[str]:
    return {match[1] for line in lines if (match := _IMPORTED.match(line))}


def _found(names: set[str], imported: set[str]) -> set[str]:
    return {name for name in imported if any(name == bad or name.startswith(f"{bad}.") for bad in names)}


def test_worker_imports_what_it_needs(tmp_path: Path) -> None:
    """Also after it has worked: late imports count as well. -X importtime names each module."""
    with FakeProvider() as provider:
        provider.script(chat_stream())
        published = Published(tmp_path, gateway_config({"local": provider_config(provider.url)}))
        assert published.publisher.publish().ok
        with WorkerProcess(published, flags=("-X", "importtime")) as worker:
            assert worker.report().error == ""
            answer = httpx.post(
                f"{worker.url}/v1/chat/completions",
                headers={"authorization": f"Bearer {SECRET}"},
                json={"model": "gpt-4o", "stream": True, "messages": []},
            )
            assert answer.status_code == 200
            assert answer.text.rstrip().endswith("[DONE]")
            before_scrape = len(worker.stderr.seen)
            assert httpx.get(f"{worker.url}/metrics").status_code == 200
            worker.terminate()
            assert worker.wait() == 0
            imported = _imported(worker.stderr.seen)
            assert _found(FORBIDDEN, imported) == set()
            assert _found(LAZY, _imported(worker.stderr.seen[:before_scrape])) == set()
            # What must be there is: the pattern still reads what the interpreter writes.
            assert {"httptools", "uvloop", "msgspec"} <= imported
            assert _found(LAZY, imported)
        published.close()
