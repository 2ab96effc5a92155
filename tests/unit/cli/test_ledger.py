"""Audit, spend, export and reconcile as users run them, on a small ledger of three days."""

import csv
import sqlite3
import sys
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from tests.support import sample_ledger
from tests.unit.cli.conftest import Run

from fastgate.cli.main import run as main
from fastgate.store.ledger.database import DEFAULT_FILE

INVOICES = Path(__file__).parents[2] / "contract" / "invoices"
NOVEMBER = ("--since", "2026-11-01", "--until", "2026-12-01")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """In the directory that a gateway without a configuration keeps its files in."""
    sample_ledger.create(tmp_path / "fastgate-data")
    return tmp_path / "fastgate-data" / DEFAULT_FILE


# --- audit ------------------------------------------------------------------------------------------


def test_audit_of_a_ledger_that_is_right(run: Run, ledger: Path) -> None:
    done = run("audit")
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("last hash: ")
    assert len(done.stdout.split()[2]) == 64
    assert done.stderr.splitlines() == [
        "7 entries over 1.325465 USD in 3 batches, 0 more in journals; 14 roll-ups, 2 writers, 0 counters",
        "1 entries are estimates, 1 had no price",
        "no difference",
    ]


def test_audit_names_what_is_wrong_and_fails(run: Run, ledger: Path) -> None:
    with sqlite3.connect(ledger) as connection:
        connection.execute("UPDATE entries SET cost = cost - 1 WHERE number = 1")
    connection.close()
    done = run("audit")
    assert done.returncode == 1
    first = f"cost: entry {sample_ledger.WRITERS[0]}01: recorded 237499999, should be 237500000"
    assert first in done.stdout.splitlines()
    assert done.stderr.splitlines()[-1] == "3 differences"
    report = msgspec.json.decode((again := run("audit", "--json")).stdout)
    assert again.returncode == 1
    assert (report["ok"], report["counts"]) == (False, {"cost": 1, "chain": 1, "rollup": 1})
    assert report["differences"][0] == {
        "check": "cost",
        "what": f"entry {sample_ledger.WRITERS[0]}01",
        "recorded": "237499999",
        "expected": "237500000",
    }


@pytest.mark.parametrize(
    "arguments",
    [["audit"], ["spend"], ["export", "focus"], ["reconcile", str(INVOICES / "openai_costs.csv")]],
)
def test_without_a_ledger_there_is_one_line(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"fastgate: fastgate-data/{DEFAULT_FILE}: there is no ledger yet")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


# --- spend ------------------------------------------------------------------------------------------


def test_spend_by_key_with_a_total(run: Run, ledger: Path) -> None:
    done = run("spend", *NOVEMBER)
    assert done.returncode == 0, done.stderr
    assert [" ".join(line.split()) for line in done.stdout.splitlines() if not line.startswith("─")] == [
        "KEY REQUESTS INPUT TOKENS OUTPUT TOKENS ESTIMATED UNPRICED COST USD",
        "vk_acme 4 180000 55000 0 1 0.725",
        "vk_beta 3 150100 10011 1 0 0.600465",
        "total 7 330100 65011 1 1 1.325465",
    ]


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            ["--by", "day,provider"],
            [
                "day,provider,requests,input_tokens,output_tokens,estimated,unpriced,cost_usd",
                "2026-11-01,anthropic,1,60000,10000,0,0,0.33",
                "2026-11-01,openai,1,60000,10000,0,0,0.2375",
                "2026-11-02,openai,1,60000,10000,0,0,0.2375",
                "2026-11-02,anthropic,1,100,10,1,0,0.00045",
                "2026-11-03,anthropic,1,90000,1,0,0,0.270015",
                "2026-11-03,openai,1,0,25000,0,0,0.25",
                "2026-11-03,local,1,60000,10000,0,1,0.00",
            ],
        ),
        (
            ["--by", "month", "--by", "tag:env", "--timezone", "Asia/Kolkata"],
            [
                "month,tag:env,requests,input_tokens,output_tokens,estimated,unpriced,cost_usd",
                "2026-11,dev,4,210100,20011,1,0,0.837965",
                "2026-11,prod,2,60000,35000,0,0,0.4875",
                "2026-11,,1,60000,10000,0,1,0.00",
            ],
        ),
        (
            ["--by", "outcome", "--filter", "customer=beta"],
            [
                "outcome,requests,input_tokens,output_tokens,estimated,unpriced,cost_usd",
                "complete,1,60000,10000,0,0,0.33",
                "cut,1,90000,1,0,0,0.270015",
                "cancelled,1,100,10,1,0,0.00045",
            ],
        ),
        (
            ["--by", "metadata:code", "--filter", "key=vk_acme", "--filter", "tag:env=prod"],
            [
                "metadata:code,requests,input_tokens,output_tokens,estimated,unpriced,cost_usd",
                "4711,2,60000,35000,0,0,0.4875",
            ],
        ),
        (
            ["--by", "hour", "--filter", "provider=openai"],
            [
                "hour,requests,input_tokens,output_tokens,estimated,unpriced,cost_usd",
                "2026-11-01T02:00+0000,1,60000,10000,0,0,0.2375",
                "2026-11-02T00:00+0000,1,60000,10000,0,0,0.2375",
                "2026-11-03T04:00+0000,1,0,25000,0,0,0.25",
            ],
        ),
        (
            # Of the calls at 02:00, 05:00, 00:00 and 01:00 UTC, two are of the evening before.
            ["--by", "day", "--timezone", "America/New_York", "--until", "2026-11-02T00:00Z"],
            [
                "day,requests,input_tokens,output_tokens,estimated,unpriced,cost_usd",
                "2026-11-01,1,60000,10000,0,0,0.33",
            ],
        ),
    ],
)
def test_spend_by_anything(run: Run, ledger: Path, arguments: list[str], lines: list[str]) -> None:
    done = run("spend", *NOVEMBER, *arguments, "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == lines


def test_spend_counts_a_call_for_each_of_its_teams_and_once_in_the_total(run: Run, ledger: Path) -> None:
    table = run("spend", *NOVEMBER, "--by", "team", "--filter", "provider=openai").stdout
    rows = [line.split() for line in table.splitlines()[2:]]
    assert [(row[0], row[-1]) for row in rows] == [
        ("product", "0.725"),
        ("search", "0.725"),
        ("total", "0.725"),
    ]


def test_spend_as_json(run: Run, ledger: Path) -> None:
    done = run("spend", *NOVEMBER, "--by", "model", "--filter", "provider=openai", "--format", "json")
    assert msgspec.json.decode(done.stdout) == [
        {
            "model": "gpt-4o-2024-08-06",
            "requests": 3,
            "input_tokens": 120000,
            "output_tokens": 45000,
            "estimated": 0,
            "unpriced": 0,
            "cost_usd": "0.725",
        }
    ]


def test_spend_of_a_time_without_calls_is_nothing(run: Run, ledger: Path) -> None:
    table = run("spend", "--since", "2025-01-01", "--until", "2025-02-01").stdout
    assert table.splitlines()[2].split() == ["total", "0", "0", "0", "0", "0", "0.00"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--by", "keyy"], "the ledger has no field 'keyy': did you mean key?"),
        (["--by", "tag:"], "the ledger has no field 'tag:'"),
        (["--filter", "model"], "--filter model: write FIELD=VALUE"),
        (["--filter", "day=1"], "the ledger has no field 'day'"),
        (["--since", "soon"], "'soon' is no time such as 2026-11-01"),
        (["--since", "2026-12-01", "--until", "2026-11-01"], "not before the one that it ends at"),
        (["--since", "2026-12-01", "--last", "1h"], "give --since or --last, not both"),
        (["--last", "1x"], "'1x' is not a time span"),
        (["--timezone", "Mars"], "'Mars' is no time zone"),
        (["--format", "xml"], "'--format'"),
    ],
)
def test_what_spend_does_not_understand(run: Run, ledger: Path, arguments: list[str], message: str) -> None:
    done = run("spend", *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr


# --- export -----------------------------------------------------------------------------------------


def test_focus_as_csv(run: Run, ledger: Path) -> None:
    done = run("export", "focus", *NOVEMBER)
    assert (done.returncode, done.stderr) == (0, "7 rows of FOCUS 1.2\n")
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [(row["ChargePeriodStart"][:10], row["ProviderName"], row["BilledCost"]) for row in rows] == [
        ("2026-11-01", "anthropic", "0.33"),
        ("2026-11-01", "openai", "0.2375"),
        ("2026-11-02", "anthropic", "0.00045"),
        ("2026-11-02", "openai", "0.2375"),
        ("2026-11-03", "anthropic", "0.270015"),
        ("2026-11-03", "local", "0"),
        ("2026-11-03", "openai", "0.25"),
    ]
    assert rows[1]["Tags"] == '{"env":"prod"}'
    assert rows[1]["x_TeamId"] == "search"


def test_focus_as_parquet_and_into_a_file(run: Run, ledger: Path, tmp_path: Path) -> None:
    done = run("export", "focus", *NOVEMBER, "--format", "parquet", "--output", "focus.parquet")
    assert (done.returncode, done.stdout) == (0, "")
    table = pq.read_table(tmp_path / "focus.parquet")
    assert table.num_rows == 7
    assert str(sum(table.column("BilledCost").to_pylist())) == "1.325465000"
    assert run("export", "focus", *NOVEMBER, "-o", "focus.csv").stdout == ""
    assert (tmp_path / "focus.csv").read_text() == run("export", "focus", *NOVEMBER).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "parquet"], "a Parquet file needs a place: give --output FILE"),
        (["--until", "2026-11-01T10:00Z"], "--until has to be the beginning of a day in UTC"),
    ],
)
def test_what_focus_cannot_do(run: Run, ledger: Path, arguments: list[str], message: str) -> None:
    done = run("export", "focus", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_parquet_without_pyarrow_says_what_to_install(
    ledger: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "fastgate.ledger.focus_parquet", raising=False)
    monkeypatch.chdir(ledger.parent.parent)
    assert main(["export", "focus", *NOVEMBER, "--format", "parquet", "-o", "focus.parquet"]) == 1
    assert capsys.readouterr().err == "fastgate: Parquet needs pyarrow: pip install 'fastgate[parquet]'\n"


# --- reconcile --------------------------------------------------------------------------------------

AGREEING = """\
start_time_iso,amount_value,amount_currency,quantity,quantity_unit,line_item
2026-11-01T00:00:00,0.125,usd,50000,tokens,"gpt-4o-2024-08-06, input"
2026-11-01T00:00:00,0.0125,usd,10000,tokens,"gpt-4o-2024-08-06, cached input"
2026-11-01T00:00:00,0.1,usd,10000,tokens,"gpt-4o-2024-08-06, output"
2026-11-02T00:00:00,0.125,usd,50000,tokens,"gpt-4o-2024-08-06, input"
2026-11-02T00:00:00,0.0125,usd,10000,tokens,"gpt-4o-2024-08-06, cached input"
2026-11-02T00:00:00,0.1,usd,10000,tokens,"gpt-4o-2024-08-06, output"
2026-11-03T00:00:00,0.25,usd,25000,tokens,"gpt-4o-2024-08-06, output"
"""


def test_an_invoice_that_agrees(run: Run, ledger: Path, tmp_path: Path) -> None:
    (tmp_path / "invoice.csv").write_text(AGREEING)
    done = run("reconcile", "invoice.csv")
    assert done.returncode == 0, done.stdout
    assert done.stderr == "invoiced 0.725, in the ledger 0.725 USD; days cut in UTC; 0 of 3 differ\n"
    assert [line.split() for line in done.stdout.splitlines()[2:]] == [
        ["2026-11-01", "gpt-4o-2024-08-06", "0.2375", "0.2375", "0.00", "70000", "70000", "-"],
        ["2026-11-02", "gpt-4o-2024-08-06", "0.2375", "0.2375", "0.00", "70000", "70000", "-"],
        ["2026-11-03", "gpt-4o-2024-08-06", "0.25", "0.25", "0.00", "25000", "25000", "-"],
    ]


@pytest.mark.parametrize(
    ("file", "arguments", "expected"),
    [
        (
            "openai_costs.csv",
            [],
            [
                ("2026-11-01", "gpt-4o-2024-08-06", "0.125", ["beside_gateway"]),
                ("2026-11-02", "gpt-4o-2024-08-06", "-0.2375", ["not_invoiced"]),
                ("2026-11-03", "gpt-4o-2024-08-06", "-0.25", ["not_invoiced"]),
                ("2026-11-03", "gpt-4o-mini-2024-07-18", "0.0003", ["beside_gateway"]),
            ],
        ),
        ("openai_usage.csv", [], [("2026-11-01", "gpt-4o-2024-08-06", None, ["beside_gateway"])]),
        ("anthropic_costs.csv", [], [("2026-11-01", "claude-sonnet-4-6", "0.43", ["unknown"])]),
        ("anthropic_usage.csv", [], [("2026-11-01", "claude-sonnet-4-6", None, ["beside_gateway"])]),
        (
            "aws_cur2.csv",
            ["--ledger-provider", "anthropic"],
            [("2026-11-01", "claude-sonnet-4-6", "0.429", ["beside_gateway"])],
        ),
        ("aws_cur_legacy.csv", [], [("2026-11-01", "Claude4.6Sonnet", "0.30", ["beside_gateway"])]),
        (
            "gcp_reports.csv",
            [],
            [
                ("2026-11-01", "Claude Sonnet 4.6", "0.03", ["beside_gateway"]),
                ("2026-11-01", "gemini 2.5 flash", "1.30", ["beside_gateway"]),
            ],
        ),
        (
            "gcp_reports.csv",
            ["--ledger-provider", "local", "--model", "gemini 2.5 flash=llama-3", "--timezone", "UTC"],
            [
                ("2026-11-01", "Claude Sonnet 4.6", "0.03", ["beside_gateway"]),
                ("2026-11-01", "gemini 2.5 flash", "1.30", ["beside_gateway"]),
            ],
        ),
        (
            "gcp_cost_table.csv",
            ["--ledger-provider", "local", "--model", "Gemini 2.5 Flash=llama-3"],
            [("2026-11-01", "llama-3", "1.30", ["beside_gateway", "unpriced"])],
        ),
    ],
)
def test_invoices_of_the_four_vendors(
    run: Run,
    ledger: Path,
    file: str,
    arguments: list[str],
    expected: list[tuple[str, str, str | None, list[str]]],
) -> None:
    done = run("reconcile", str(INVOICES / file), "--json", *arguments)
    assert done.returncode == 1, done.stderr
    assert [
        (
            found["first"],
            found["model"],
            found["difference_usd"],
            [reason["cause"] for reason in found["reasons"]],
        )
        for found in msgspec.json.decode(done.stdout)["comparisons"]
    ] == expected


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["missing.csv"], 1, "missing.csv: No such file or directory"),
        ([str(INVOICES / "README.md")], 1, "this is no export that is known"),
        ([str(INVOICES / "aws_cur2.csv"), "--provider", "gcp"], 1, "this is an export of aws, not of gcp"),
        ([str(INVOICES / "aws_cur2.csv"), "--model", "x"], 2, "--model x: write INVOICED=MODEL"),
    ],
)
def test_what_reconcile_cannot_read(
    run: Run, ledger: Path, arguments: list[str], code: int, message: str
) -> None:
    done = run("reconcile", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
