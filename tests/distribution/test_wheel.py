"""The sdist and the wheel that `make wheels` builds: what is in them, and that the wheel serves where nothing
else of fastgate is, and no compiler. The wheel is made of the sdist, so the sdist builds."""

import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from typing import Final

import psutil
import pytest
from packaging.metadata import Metadata
from packaging.utils import parse_wheel_filename
from tests.support.artifacts import ROOT, SOURCES, artifact, source_files
from tests.support.interpreted import COMPILED
from tests.support.processes import ChildProcess

from fastgate import __version__

ENVIRONMENT: Final = "build/wheel-env/.installed"
NAME: Final = f"fastgate-{__version__}"
EXTENSION: Final = sysconfig.get_config_var("EXT_SUFFIX")
# Sources of extension modules: what is made of them is in the wheel instead.
OF_EXTENSIONS: Final = {".pyx", ".pxd", ".h"}
# All that a process gets: no compiler can be found, and none would work.
BARE: Final = {"PATH": "/nonexistent", "CC": "/bin/false"}


@pytest.fixture
def environment() -> Path:
    """An environment with the wheel, and with what it needs, in it."""
    path = artifact(ENVIRONMENT).parent
    if not _library(path).exists():
        pytest.skip(f"{path} is another Python's: run make {ENVIRONMENT}")
    return path


def _library(environment: Path) -> Path:
    return environment / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


@pytest.fixture
def sdist(environment: Path) -> Path:
    return ROOT / "dist" / f"{NAME}.tar.gz"


@pytest.fixture
def wheel(environment: Path) -> Path:
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    (path,) = (ROOT / "dist").glob(f"{NAME}-{tag}-*.whl")
    return path


def test_an_sdist_holds_the_sources_and_nothing_that_was_made_of_them(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        held = {member.name.removeprefix(f"{NAME}/") for member in archive if member.isfile()}
    sources = {str(path.relative_to(ROOT)) for path in source_files()}
    described = {name for name in held if name.startswith("src/fastgate.egg-info/")}
    assert held - described == sources | {
        "LICENSE",
        "MANIFEST.in",
        "PKG-INFO",
        "README.md",
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
    }


def test_a_wheel_holds_what_runs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.endswith("/")}
    written = {path.relative_to(SOURCES) for path in source_files()}
    extensions = {
        "fastgate__mypyc" + EXTENSION,
        *(path.removeprefix("src/").removesuffix(".py") + EXTENSION for path in COMPILED),
        *(str(path.with_suffix("")) + EXTENSION for path in written if path.suffix == ".pyx"),
    }
    described = {
        f"{NAME}.dist-info/{name}"
        for name in (
            "METADATA",
            "RECORD",
            "WHEEL",
            "entry_points.txt",
            "licenses/LICENSE",
            "top_level.txt",
        )
    }
    assert (
        held == {str(path) for path in written if path.suffix not in OF_EXTENSIONS} | extensions | described
    )


def test_a_wheel_is_for_any_linux_of_that_libc(wheel: Path) -> None:
    platforms = {tag.platform for tag in parse_wheel_filename(wheel.name)[3]}
    assert platforms
    assert all(platform.startswith(("manylinux_", "musllinux_")) for platform in platforms), platforms


def test_a_wheel_names_no_place_of_the_machine_that_built_it(wheel: Path) -> None:
    places = (str(ROOT).encode(), sys.base_prefix.encode())
    with zipfile.ZipFile(wheel) as archive:
        naming = [name for name in archive.namelist() if any(place in archive.read(name) for place in places)]
    assert naming == []


def test_the_metadata_are_valid_and_complete(wheel: Path, sdist: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        raw = archive.read(f"{NAME}.dist-info/METADATA")
    metadata = Metadata.from_email(raw, validate=True)
    assert str(metadata.version) == __version__
    assert str(metadata.requires_python) == ">=3.11"
    assert metadata.license_expression == "Apache-2.0"
    assert metadata.license_files == ["LICENSE"]
    assert metadata.description_content_type == "text/markdown"
    assert metadata.description is not None
    assert metadata.description.strip() == (ROOT / "README.md").read_text().strip()
    with tarfile.open(sdist) as archive:
        described = archive.extractfile(f"{NAME}/PKG-INFO")
        assert described is not None
        assert described.read() == raw


def test_an_installed_wheel_answers_without_compiler_and_checkout(environment: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            environment / "bin/python",
            "-I",
            ROOT / "deploy/first_answer.py",
            (environment / "bin/fastgate").absolute(),
        ],
        cwd=tmp_path,
        env=BARE,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "answered after" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_what_is_compiled_is_imported_in_place_of_its_source(environment: Path, tmp_path: Path) -> None:
    modules = [path.removeprefix("src/").removesuffix(".py").replace("/", ".") for path in COMPILED]
    code = "import importlib, sys; print(*(importlib.import_module(name).__file__ for name in sys.argv[1:]))"
    done = subprocess.run(
        [environment / "bin/python", "-I", "-c", code, *modules],
        cwd=tmp_path,
        env=BARE,
        capture_output=True,
        text=True,
        check=True,
    )
    library = _library(environment)
    wanted = [library / f"{module.replace('.', '/')}{EXTENSION}" for module in modules]
    assert list(map(Path, done.stdout.split())) == wanted


def test_processes_of_an_installed_wheel_run_it_and_no_checkout(environment: Path, tmp_path: Path) -> None:
    gateway = ChildProcess(
        [str(environment / "bin/fastgate"), "serve", "--port", "0", "--workers", "1"], BARE, tmp_path
    )
    try:
        ready = gateway.stdout.wait_for(lambda line: line.startswith("fastgate ready on "), 20)
        assert ready, gateway.output()
        family = gateway.descendants()
        (worker,) = (process for process in family if "fastgate.app" in process.cmdline())
        of_worker = _mapped(worker)
        of_family = set().union(*map(_mapped, family))
    finally:
        code = gateway.stop(grace=10)
    library = _library(environment)
    assert {library / f"fastgate__mypyc{EXTENSION}", library / f"fastgate/_core/sse{EXTENSION}"} <= of_worker
    assert not [path for path in of_family if path.is_relative_to(SOURCES)]
    assert code == 0


def _mapped(process: psutil.Process) -> set[Path]:
    return {Path(region.path) for region in process.memory_maps()}


@pytest.mark.usefixtures("environment")  # cibuildwheel comes with it
def test_wheels_are_made_for_each_python_architecture_and_libc() -> None:
    """As cibuildwheel itself reads its configuration: it takes a container engine to go on from there."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "cibuildwheel",
            "--print-build-identifiers",
            "--platform",
            "linux",
            ROOT,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {
        f"cp{python}-{libc}_{machine}"
        for python in ("311", "312", "313", "314")
        for libc in ("manylinux", "musllinux")
        for machine in ("x86_64", "aarch64")
    }
