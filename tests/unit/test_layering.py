"""Who may import whom: the rows of ARCHITECTURE.md. A package imports only from rows below its own."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "fastgate"

ROWS = (
    ("__main__",),
    ("cli",),
    ("app", "control", "supervisor", "sim"),
    ("api", "admin", "mcp", "ui"),
    ("pipeline",),
    ("keys", "routing", "providers", "limits", "budgets", "pricing", "ledger", "cache", "alerts", "cluster"),
    ("downstream", "upstream", "store"),
    ("wire", "config", "observability"),
    ("domain", "errors", "clock", "tasks", "launch"),
    ("_core",),
)
ROW_OF = {name: row for row, names in enumerate(ROWS) for name in names}

# The package itself has nothing but the version, which everyone may know.
FREE = {"__init__", "_version"}

_CYTHON_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import\b|c?import\s+([\w.]+))", re.MULTILINE)


def sources() -> list[Path]:
    return sorted(path for pattern in ("*.py", "*.pyx", "*.pxd", "*.pyi") for path in SRC.rglob(pattern))


def package_of(path: Path) -> str:
    """The name of `path` in ROWS: its folder below fastgate, or the module itself."""
    parts = path.relative_to(SRC).parts
    return parts[0] if len(parts) > 1 else path.stem


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything of fastgate that `path` imports."""
    text = path.read_text()
    if path.suffix in {".pyx", ".pxd"}:
        for match in _CYTHON_IMPORT.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, match[1] or match[2]
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import hides the row"
            module = node.module or ""
            # `from fastgate import clock` names the module in the list, not in the path.
            names = (f"fastgate.{alias.name}" for alias in node.names) if module == "fastgate" else (module,)
            yield from ((node.lineno, name) for name in names)


def violation(importer: str, imported: str) -> str | None:
    """Why `importer` may not import the dotted name `imported`; None if it may."""
    parts = imported.split(".")
    if parts[0] != "fastgate" or len(parts) == 1 or parts[1].startswith("__") or parts[1] in FREE:
        return None
    target = parts[1]
    if target == importer:
        return None
    if target not in ROW_OF:
        return f"{target} is in no row"
    if ROW_OF[target] == ROW_OF[importer]:
        return f"{target} is in the same row"
    return None if ROW_OF[target] > ROW_OF[importer] else f"{target} is in a row above"


def test_every_package_is_in_a_row() -> None:
    assert {package_of(path) for path in sources()} - FREE <= set(ROW_OF)


def test_imports_go_down() -> None:
    wrong = [
        f"{path.relative_to(SRC)}:{line}: {name}: {reason}"
        for path in sources()
        if package_of(path) not in FREE
        for line, name in imports(path)
        if (reason := violation(package_of(path), name))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("importer", "imported", "reason"),
    [
        ("keys", "fastgate.routing.table", "same row"),
        ("domain", "fastgate.store.keys", "row above"),
        ("_core", "fastgate.domain.snapshot", "row above"),
        ("api", "fastgate.unheard_of", "no row"),
    ],
)
def test_what_is_wrong_is_found(importer: str, imported: str, reason: str) -> None:
    assert reason in (violation(importer, imported) or "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "def f():\n    from fastgate.store import keys\n"),
        ("b.pyx", "from fastgate.store cimport keys\n"),
        ("c.pxd", "cimport fastgate.store.keys\n"),
    ],
)
def test_late_and_c_imports_are_seen(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert [found.rpartition(".keys")[0] or found for _, found in imports(path)] == ["fastgate.store"]
