"""No float comes near money: no literal, no `float`, no true division in any file that reckons with it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "fastgate"

# Where every line is about money, and single files of packages where not all is.
PACKAGES = ("pricing", "budgets", "ledger", "store/ledger")
FILES = (
    "config/money_settings.py",
    "config/price_settings.py",
    "control/lost.py",
    "domain/account.py",
    "domain/entry.py",
    "domain/price.py",
    "domain/usage.py",
    "pipeline/admit.py",
    "pipeline/charge.py",
    "pipeline/demand.py",
    "pipeline/estimate.py",
    "pipeline/hold.py",
    "pipeline/money_headers.py",
    "pipeline/payer.py",
    "providers/openai/counted.py",
    "wire/openai_usage.py",
)
CORE = ("accounts", "bucket", "budget", "holds", "journal")

_CYTHON = re.compile(r"\b(float|double)\b|(?<![\w.])\d+\.\d*(?!\w)|(?<!/)/(?![/*])")

_EXACT = re.compile(r"[fF]raction\(|Decimal\(|path|_dir\b|directory", re.IGNORECASE)


def sources() -> list[Path]:
    packages = [path for name in PACKAGES for path in sorted((SRC / name).rglob("*.py"))]
    return [*packages, *(SRC / name for name in FILES)]


def core_sources() -> list[Path]:
    return [
        path for name in CORE for path in sorted((SRC / "_core").glob(f"{name}.p*")) if path.suffix != ".pyi"
    ]


def floats(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node.lineno, f"the literal {node.value!r}"
        elif isinstance(node, ast.Name) and node.id == "float":
            yield node.lineno, "`float`"
        elif isinstance(node, ast.BinOp | ast.AugAssign) and _may_make_a_float(node):
            yield node.lineno, "a true division"


def _may_make_a_float(node: ast.BinOp | ast.AugAssign) -> bool:
    """A division, but for one of what is visibly a Fraction or a Decimal, or of a path."""
    return isinstance(node.op, ast.Div) and not _EXACT.search(ast.unparse(node))


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(SRC)))
def test_no_float_in_a_money_path(path: Path) -> None:
    found = [f"line {line}: {what}" for line, what in floats(ast.parse(path.read_text()))]
    assert not found, found


@pytest.mark.parametrize("path", core_sources(), ids=lambda path: path.name)
def test_no_float_in_a_counter_of_money(path: Path) -> None:
    found = [
        f"line {number}: {line.strip()}"
        for number, line in enumerate(_code(path.read_text()).splitlines(), 1)
        if _CYTHON.search(line)
    ]
    assert not found, found


def _code(text: str) -> str:
    """Without comments and docstrings, line for line."""
    text = re.sub(r'("""|\'\'\').*?\1', lambda match: "\n" * match[0].count("\n"), text, flags=re.DOTALL)
    text = re.sub(r"\"[^\"\n]*\"|'[^'\n]*'", '""', text)
    return re.sub(r"#.*", "", text)


def test_the_test_sees_what_it_looks_for() -> None:
    bad = "a = 0.5\nb = float(x)\nc = x / y\nd /= 2\ndef f(x: float): ...\n"
    assert [line for line, _ in sorted(floats(ast.parse(bad)))] == [1, 2, 3, 4, 5]
    good = "a = 1 // 2\nb = Fraction(x) / per\nc = self.path / 'x'\n"
    assert not list(floats(ast.parse(good)))
    for line in ("cdef double x", "x / 2", "y = 1.5"):
        assert _CYTHON.search(line)
    for line in ("x // 2", "self.line(1)"):
        assert not _CYTHON.search(line)
