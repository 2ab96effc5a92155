"""Extension list and build modes; everything else is in pyproject.toml.

FASTGATE_BUILD = release (default) | debug | annotate | trace | asan
FASTGATE_WERROR = 1 makes C warnings errors: for CI, never for a user's compiler
"""

import os
import sys
import tomllib
from pathlib import Path
from typing import Any

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

MODE = os.environ.get("FASTGATE_BUILD", "release")

WARNINGS = ["-Wall", "-Wextra", "-Wno-unused-parameter", "-Wconversion"]
STRICT = os.environ.get("FASTGATE_WERROR") == "1"
if STRICT:
    WARNINGS.append("-Werror")
CFLAGS = {
    "release": ["-O3", "-g1"],
    "debug": ["-O0", "-g3"],
    "annotate": ["-O2", "-g1"],
    "trace": ["-O1", "-g1"],
    "asan": ["-O1", "-g3", "-fsanitize=address,undefined", "-fno-omit-frame-pointer"],
}
LDFLAGS = {"asan": ["-fsanitize=address,undefined"]}
if MODE not in CFLAGS:
    raise SystemExit(f"FASTGATE_BUILD={MODE}: unknown mode, use one of {', '.join(CFLAGS)}")

CHECKED = MODE in {"debug", "trace", "asan"}
DIRECTIVES = {
    "language_level": 3,
    "binding": True,
    "embedsignature": True,  # stubtest passes blindly without these two
    "boundscheck": CHECKED,
    "wraparound": CHECKED,
    "initializedcheck": CHECKED,
    "cdivision": not CHECKED,
    "linetrace": MODE == "trace",
}
MACROS: list[tuple[str, str | None]] = [("FASTGATE_DEBUG", "1" if CHECKED else "0")]
if MODE == "trace":
    MACROS += [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")]

CORE = Path("src/fastgate/_core")
COMPILED = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["fastgate"]["compiled"]
# Not where only metadata or an sdist is wanted: it holds sources, and nothing that was made of them.
BUILDS = not {"build", "build_ext", "bdist_wheel", "editable_wheel"}.isdisjoint(sys.argv)


def hot_path() -> list[Any]:
    """What of the Python code is compiled: in a release, as the other modes are for looking into things."""
    if MODE != "release" or STRICT:
        return []
    from mypyc.build import mypycify

    options = ["--config-file=pyproject.toml", "--follow-imports=silent"]
    modules: list[Any] = mypycify(
        [*options, *COMPILED], opt_level="2", debug_level="0", group_name="fastgate"
    )
    for module in modules:
        # Warnings in its C are not ours, and each compiler has others.
        module.extra_compile_args = [flag for flag in module.extra_compile_args if flag != "-Werror"]
    return modules


def core() -> list[Any]:
    modules: list[Any] = cythonize(  # type: ignore[no-untyped-call]  # Cython's own code is not typed
        [
            Extension(
                f"fastgate._core.{source.stem}",
                [str(source)],
                include_dirs=[str(CORE)],
                depends=[str(header) for header in sorted(CORE.glob("*.h"))],
                define_macros=MACROS,
                extra_compile_args=["-std=c11", *WARNINGS, *CFLAGS[MODE]],
                extra_link_args=LDFLAGS.get(MODE, []),
            )
            for source in sorted(CORE.glob("*.pyx"))
        ],
        include_path=["src"],
        compiler_directives=DIRECTIVES,
        annotate=MODE == "annotate",
        emit_linenums=MODE != "annotate",  # annotate would switch the #line directives off
        build_dir=f"build/cython/{MODE}",
    )
    return modules


class BuildModes(build_ext):
    """All modes build to one place, and time stamps do not tell one from another: remember which it was."""

    def finalize_options(self) -> None:
        super().finalize_options()
        # The hot path is one large file of C: the other extensions are compiled beside it.
        self.parallel = self.parallel or len(os.sched_getaffinity(0))

    def run(self) -> None:
        stamp = Path(self.build_temp, "mode")
        self.force = self.force or not stamp.exists() or stamp.read_text() != MODE
        if MODE != "release":
            for source in (*map(Path, COMPILED), Path("src/fastgate__mypyc.py")):
                for module in source.parent.glob(f"{source.stem}.*.so"):
                    module.unlink()
        super().run()
        stamp.write_text(MODE)

    def build_extensions(self) -> None:
        # Where this Python has its libraries, which no module of ours needs, is nowhere else.
        self.compiler.linker_so = [
            flag for flag in self.compiler.linker_so if not flag.startswith("-Wl,-rpath")
        ]
        super().build_extensions()


setup(ext_modules=[*hot_path(), *core()] if BUILDS else [], cmdclass={"build_ext": BuildModes})
