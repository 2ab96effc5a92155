"""Exit codes, one line for each error, help, completion, and the speed of a plain start."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.processes import fastgate_command, python_environment
from tests.unit.cli.conftest import Run

from fastgate import __version__


@pytest.mark.parametrize("arguments", [("--version",), ("version",)])
def test_the_version(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    first, *others = done.stdout.splitlines()
    assert first == f"fastgate {__version__}"
    assert bool(others) == (arguments == ("version",)), "--version says one thing, and version all"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bad"], "fastgate: No such option: --bad"),
        (["servee"], "Did you mean 'serve'?"),
        (["keys", "isue"], "(see `fastgate keys --help`)"),
        (["keys", "issue"], "fastgate: Missing argument 'ID' (see `fastgate keys issue --help`)"),
        (["keys", "issue", "vk", "--expires-in", "3x"], "'3x' is not a time span such as 90s"),
        (["keys", "revoke"], "give the ID of a key, or --fingerprint, or --stdin"),
        (["serve", "--port", "70000"], "'--port'"),
        (["sim", "--error-rate", "2"], "'--error-rate'"),
        (["sim", "--tokens", "many"], "'--tokens'"),
        (["status", "--watch", "--json"], "it does not go with --json"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(run: Run, arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("fastgate: ")
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["config", "show", "--config", "missing.yaml"],
        ["keys", "list", "--config", "missing.yaml"],
        ["keys", "list"],
        ["keys", "issue", "vk"],
        ["models", "--config", "missing.yaml"],
        ["status"],
        ["reload"],
        ["serve", "--config", "missing.yaml"],
    ],
)
def test_a_failure_is_one_line_and_exit_code_1(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("fastgate: ")
    assert len(done.stderr.splitlines()) == 1
    assert "internal error" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_defect_is_one_line_too_and_dev_mode_shows_where(tmp_path: Path) -> None:
    code = (
        "import sys; from fastgate.cli import commands, main\n"
        "@commands.app.command()\n"
        "def broken() -> None: raise ValueError('the reason')\n"
        "sys.exit(main.run(['broken']))"
    )
    plain, verbose = (
        subprocess.run(
            [sys.executable, *options, "-c", code],
            env=python_environment(),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        for options in ([], ["-X", "dev"])
    )
    assert plain.returncode == verbose.returncode == 1
    assert plain.stderr.startswith("fastgate: internal error: ValueError: the reason (")
    assert len(plain.stderr.splitlines()) == 1
    assert "Traceback" in verbose.stderr


@pytest.mark.parametrize("group", [[], ["keys"], ["config"]])
def test_a_group_alone_prints_its_help(run: Run, group: list[str]) -> None:
    done = run(*group)
    assert done.returncode == 2
    assert "Usage: fastgate" in done.stdout
    assert "Commands" in done.stdout
    assert done.stderr == ""


def test_a_reader_that_leaves_is_no_defect(tmp_path: Path) -> None:
    with subprocess.Popen(
        fastgate_command("config", "schema"),
        env=python_environment(),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


def test_the_shell_completes_commands(run: Run) -> None:
    done = run(
        environ={
            "_FASTGATE_COMPLETE": "complete_bash",
            "COMP_WORDS": "fastgate keys is",
            "COMP_CWORD": "2",
        }
    )
    assert (done.returncode, done.stdout.split()) == (0, ["issue"])


def test_a_plain_start_imports_little() -> None:
    """Its time is that of its imports: 70 ms of a processor, of which an empty Python takes 10."""
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from fastgate.cli.main import run\n"
        "assert run(['--version']) == 0\n"
        "print(*sorted(set(sys.modules) - before), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=python_environment(), capture_output=True, text=True, check=True
    )
    version, *imported = done.stdout.splitlines()
    assert version == f"fastgate {__version__}"
    packages = {name.partition(".")[0] for name in imported if not name.startswith("_sysconfigdata_")}
    assert packages - sys.stdlib_module_names == {"fastgate", "typer", "annotated_doc", "shellingham"}
    assert (
        packages & {"asyncio", "concurrent", "email", "http", "json", "logging", "socket", "sqlite3"} == set()
    )
    ours = {name for name in imported if name.startswith("fastgate.") and not name.startswith("fastgate.cli")}
    assert ours == {
        "fastgate._version",
        "fastgate.errors",
        "fastgate.ledger",
        "fastgate.ledger.invoices",
        "fastgate.ledger.invoices.vendor",
    }
