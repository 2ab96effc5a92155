"""`fastgate prices`: what calls cost, and newer data about it."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.cli.conftest import CONFIG, SMALL_KEY, Run

PRICES = """\
prices:
  - {provider: local, model: large, from: 2026-06-01T00:00:00Z,
     input_per_mtok_usd: 2.5, output_per_mtok_usd: 10}
  - {provider: local, model: small, like: openai/gpt-4o-mini}
"""
DATA = msgspec.json.encode(
    [
        {
            "id": "openai",
            "name": "OpenAI",
            "api_pattern": "https://api\\.openai\\.com",
            "models": [
                {"id": "gpt-4o-mini", "match": {"equals": "gpt-4o-mini"}, "prices": {"input_mtok": 123}}
            ],
        }
    ]
)


@pytest.fixture
def priced(tmp_path: Path, run: Run) -> Run:
    (tmp_path / "fastgate.yaml").write_text(CONFIG.replace("${SMALL_KEY}", SMALL_KEY) + PRICES)
    (tmp_path / "data.json").write_bytes(DATA)
    return run


def shown(run: Run, *arguments: str) -> list[dict[str, Any]]:
    done = run("prices", "show", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = msgspec.json.decode(done.stdout)
    return found


def test_prices_of_every_deployment_that_a_name_leads_to(priced: Run) -> None:
    reports = shown(priced, "smart", "--at", "2026-11-24")
    assert [(each["deployment"], each["tier"], each["source"]) for each in reports][:2] == [
        ("local/large", "", "configuration"),
        ("local/small", "", "genai-prices openai/gpt-4o-mini"),
    ]
    assert reports[0]["usd"] == {"input_tokens": "2.5 per 1M", "output_tokens": "10 per 1M"}
    assert len(reports[0]["price"]) == 16


def test_a_price_that_had_not_begun(priced: Run) -> None:
    done = priced("prices", "show", "large", "--at", "2026-05-31T23:59:59Z")
    assert done.returncode == 1
    assert "large has no price then at the providers that are configured" in done.stderr


def test_a_provider_that_is_not_configured_is_looked_up(priced: Run) -> None:
    reports = shown(priced, "claude-sonnet-4-6", "--provider", "anthropic", "--at", "2026-11-24")
    assert {each["tier"] for each in reports} == {"", "batch"}
    assert reports[0]["usd"]["cached_input_tokens"] == "0.3 per 1M"


def test_a_table_for_people(priced: Run) -> None:
    done = priced("prices", "show", "large")
    assert done.returncode == 0
    assert "2.5 per 1M" in done.stdout
    assert "standard" in done.stdout


def test_a_time_that_is_none(priced: Run) -> None:
    done = priced("prices", "show", "large", "--at", "yesterday")
    assert done.returncode == 2
    assert "'yesterday' is neither a date such as 2030-01-31" in done.stderr


def test_an_update_is_used_until_it_is_rolled_back(priced: Run, tmp_path: Path) -> None:
    before = shown(priced, "small")
    done = priced("prices", "update", "data.json")
    assert done.returncode == 0, done.stderr
    assert hashlib.sha256(DATA).hexdigest() in done.stderr
    assert "123 per 1M" in done.stdout
    assert (tmp_path / "data" / "prices.json").read_bytes() == DATA
    assert shown(priced, "small")[0]["usd"] == {"input_tokens": "123 per 1M"}
    assert "no price changes" in priced("prices", "diff", "data.json").stderr
    done = priced("prices", "rollback")
    assert done.returncode == 0
    assert "genai-prices" in done.stderr
    assert shown(priced, "small") == before
    assert priced("prices", "rollback").returncode == 1


def test_a_dry_run_changes_nothing(priced: Run, tmp_path: Path) -> None:
    done = priced("prices", "update", "data.json", "--dry-run")
    assert done.returncode == 0
    assert "nothing is changed" in done.stderr
    assert not (tmp_path / "data").exists()


def test_data_with_another_checksum_is_refused(priced: Run, tmp_path: Path) -> None:
    done = priced("prices", "update", "data.json", "--sha256", "00" * 32)
    assert done.returncode == 1
    assert "the checksum is" in done.stderr
    assert not (tmp_path / "data").exists()
    right = hashlib.sha256(DATA).hexdigest().upper()
    assert priced("prices", "update", "data.json", "--sha256", right).returncode == 0


def test_data_that_is_none_is_refused_and_the_old_stays(priced: Run, tmp_path: Path) -> None:
    assert priced("prices", "update", "data.json").returncode == 0
    (tmp_path / "bad.json").write_text("<html>")
    done = priced("prices", "update", "bad.json")
    assert done.returncode == 1
    assert "bad.json: not JSON" in done.stderr
    assert (tmp_path / "data" / "prices.json").read_bytes() == DATA
    assert "gone.json" in priced("prices", "update", "gone.json").stderr


def test_a_damaged_update_says_how_to_go_back(priced: Run, tmp_path: Path) -> None:
    assert priced("prices", "update", "data.json").returncode == 0
    (tmp_path / "data" / "prices.json").write_text("[")
    done = priced("prices", "show", "small")
    assert done.returncode == 1
    assert "`fastgate prices rollback` goes back" in done.stderr
    assert priced("prices", "rollback").returncode == 0
    assert shown(priced, "small")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_data_from_a_url(priced: Run, url: str, tmp_path: Path) -> None:
    done = priced("prices", "update", f"{url}/data.json")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "data" / "prices.json").read_bytes() == DATA
    done = priced("prices", "update", f"{url}/gone.json")
    assert done.returncode == 1
    assert "404" in done.stderr
