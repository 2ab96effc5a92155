"""The launcher of the single binary, with a shell script in the place of the interpreter: where it unpacks,
that it does so once and whole, what it refuses, and what it hands on."""

import hashlib
import io
import os
import shutil
import signal
import subprocess
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import psutil
import pytest
from tests.support.artifacts import artifact

zstandard = pytest.importorskip("zstandard", reason="comes with make binary")

SAYS: Final = '#!/bin/sh\necho "$$ $0"\nenv\nprintf "<%s>" "$@"\n'
WAITS: Final = "#!/bin/sh\necho waiting\nexec sleep 60\n"
FAILS: Final = "#!/bin/sh\nexit 7\n"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def binary(path: Path, interpreter: str, version: str = "1") -> Path:
    """A single binary whose interpreter is such a script."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for directory in ("bin", "lib", "lib/python3"):
            entry = tarfile.TarInfo(directory)
            entry.type = tarfile.DIRTYPE
            archive.addfile(entry)
        for name, mode, content in (
            ("bin/python", 0o755, interpreter.encode()),
            ("lib/os", 0o644, b"x" * 99_999),
        ):
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = mode, len(content)
            archive.addfile(entry, io.BytesIO(content))
    shutil.copy(artifact("build/launcher"), path)
    with zipfile.ZipFile(path, "a") as whole:
        whole.writestr(f"{version}.tar.zst", zstandard.compress(packed.getvalue()))
    return path


def run(program: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", **environment}
    return subprocess.run([program, *arguments], env=env, capture_output=True, text=True, check=False)


def trees(root: Path) -> list[str]:
    return sorted(path.name.partition("-")[0] for path in root.iterdir())


def said(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The environment that the interpreter got."""
    assert done.returncode == 0, done.stderr
    return dict(line.partition("=")[::2] for line in done.stdout.splitlines() if "=" in line)


def test_it_becomes_the_interpreter(tmp_path: Path, cache: Path) -> None:
    program = binary(tmp_path / "fastgate", SAYS)
    child = subprocess.Popen(
        [program, "check", "a b"], env={"FASTGATE_UNPACK_DIR": str(cache)}, stdout=subprocess.PIPE, text=True
    )
    output, _ = child.communicate()
    pid, python = output.splitlines()[0].split()
    assert int(pid) == child.pid
    assert Path(python).parents[2] == cache
    assert output.endswith(f"<-P><-X><fastgate={program}><-m><fastgate><check><a b>")


def test_the_exit_code_and_the_signal_are_those_of_the_interpreter(tmp_path: Path, cache: Path) -> None:
    place = {"FASTGATE_UNPACK_DIR": str(cache)}
    assert run(binary(tmp_path / "failing", FAILS), **place).returncode == 7
    child = subprocess.Popen([binary(tmp_path / "waiting", WAITS, "2")], env=place, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"waiting\n"
    assert psutil.Process(child.pid).children() == []
    child.send_signal(signal.SIGTERM)
    assert child.wait() == -signal.SIGTERM
    child.stdout.close()


def test_it_unpacks_once(tmp_path: Path, cache: Path) -> None:
    program = binary(tmp_path / "fastgate", SAYS)
    place = {"FASTGATE_UNPACK_DIR": str(cache)}
    run(program, **place)
    (tree,) = cache.iterdir()
    before = tree.stat().st_mtime_ns, tree.stat().st_ino
    run(program, **place)
    assert [*cache.iterdir()] == [tree]
    assert (tree.stat().st_mtime_ns, tree.stat().st_ino) == before
    digest = hashlib.sha256((tree / "lib/os").read_bytes()).hexdigest()
    assert digest == hashlib.sha256(b"x" * 99_999).hexdigest()


def test_many_at_once_leave_one_whole_tree(tmp_path: Path, cache: Path) -> None:
    program = binary(tmp_path / "fastgate", SAYS)
    with ThreadPoolExecutor(16) as threads:
        done = list(threads.map(lambda _: run(program, FASTGATE_UNPACK_DIR=str(cache)), range(32)))
    assert [each.stderr for each in done if each.returncode] == []
    assert len(list(cache.iterdir())) == 1


def test_places_in_their_order(tmp_path: Path) -> None:
    program = binary(tmp_path / "fastgate", SAYS)
    named = {
        "FASTGATE_UNPACK_DIR": (tmp_path / "named", "."),
        "CACHE_DIRECTORY": (tmp_path / "systemd", "unpacked"),
        "XDG_CACHE_HOME": (tmp_path / "xdg", "fastgate"),
        "HOME": (tmp_path / "home", ".cache/fastgate"),
    }
    for variable in [*named]:
        done = run(program, **{name: str(place) for name, (place, _) in named.items()})
        place, below = named.pop(variable)
        assert done.returncode == 0, done.stderr
        assert trees(place / below) == ["1"]
        assert not any(other.exists() for other, _ in named.values())


def test_a_home_that_cannot_be_written_is_passed_over(tmp_path: Path) -> None:
    program = binary(tmp_path / "fastgate", SAYS, version=f"test{os.getpid()}")
    (tmp_path / "home").write_text("no directory")
    done = run(program, HOME=str(tmp_path / "home"))
    python = Path(done.stdout.splitlines()[0].split()[1])
    assert python.is_relative_to(f"/var/tmp/fastgate-{os.geteuid()}")
    shutil.rmtree(python.parents[1])


def test_what_others_can_write_is_refused(tmp_path: Path, cache: Path) -> None:
    program = binary(tmp_path / "fastgate", SAYS)
    cache.mkdir()
    cache.chmod(0o777)
    done = run(program, FASTGATE_UNPACK_DIR=str(cache))
    assert done.returncode == 1
    assert f"{cache}: can be written by other users" in done.stderr
    assert "FASTGATE_UNPACK_DIR" in done.stderr
    assert [*cache.iterdir()] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_what_belongs_to_somebody_else_is_refused(tmp_path: Path, cache: Path) -> None:
    program = binary(tmp_path / "fastgate", SAYS)
    place = {"FASTGATE_UNPACK_DIR": str(cache)}
    run(program, **place)
    (tree,) = cache.iterdir()
    os.chown(tree, 12_345, 12_345)
    done = run(program, **place)
    assert (done.returncode, done.stdout) == (1, "")
    assert "belongs to another user (12345)" in done.stderr


def test_other_trees_go_when_nobody_uses_them(tmp_path: Path, cache: Path) -> None:
    place = {"FASTGATE_UNPACK_DIR": str(cache)}
    (cache / ".unpacking-killed/lib").mkdir(parents=True)
    used = subprocess.Popen(
        [binary(tmp_path / "old", WAITS, "1")], env=place, stdout=subprocess.PIPE, text=True
    )
    assert used.stdout is not None
    assert used.stdout.readline() == "waiting\n"
    assert trees(cache) == ["1"]
    run(binary(tmp_path / "new", SAYS, "2"), **place)
    assert trees(cache) == ["1", "2"]
    used.kill()
    used.communicate()
    run(binary(tmp_path / "newer", SAYS, "3"), **place)
    assert trees(cache) == ["3"]


def test_variables_of_another_python_and_authorities(tmp_path: Path, cache: Path) -> None:
    program = binary(tmp_path / "fastgate", SAYS)
    other = {"PYTHONPATH": "/elsewhere", "PYTHONHOME": "/elsewhere", "PYTHONUNBUFFERED": "1"}
    place = {"FASTGATE_UNPACK_DIR": str(cache)}
    got = said(run(program, **other, **place))
    assert {name: value for name, value in got.items() if name.startswith("PYTHON")} == {
        "PYTHONUNBUFFERED": "1",
        "PYTHONNOUSERSITE": "1",
    }
    assert Path(got["SSL_CERT_FILE"]).exists()
    assert said(run(program, SSL_CERT_FILE="/mine", **place))["SSL_CERT_FILE"] == "/mine"
    assert "SSL_CERT_FILE" not in said(run(program, SSL_CERT_DIR="/mine", **place))


def test_a_link_is_what_a_successor_is_started_by(tmp_path: Path, cache: Path) -> None:
    binary(tmp_path / "fastgate-1", SAYS)
    link = tmp_path / "fastgate"
    link.symlink_to("fastgate-1")
    done = run(link, FASTGATE_UNPACK_DIR=str(cache))
    assert f"<fastgate={link}>" in done.stdout


def test_half_a_download_says_so(tmp_path: Path, cache: Path) -> None:
    program = binary(tmp_path / "fastgate", SAYS)
    os.truncate(program, program.stat().st_size - 1_000)
    done = run(program, FASTGATE_UNPACK_DIR=str(cache))
    assert (done.returncode, done.stderr) == (1, f"fastgate: {program} is not complete\n")


def test_a_damaged_file_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    program = binary(tmp_path / "fastgate", SAYS)
    content = bytearray(program.read_bytes())
    with zipfile.ZipFile(program) as whole:
        member = whole.infolist()[0]
    content[member.header_offset + 30 + len(member.filename) + member.compress_size - 9] ^= 0xFF
    program.write_bytes(content)
    done = run(program, FASTGATE_UNPACK_DIR=str(cache))
    assert done.returncode == 1
    assert str(cache) in done.stderr
    assert [*cache.iterdir()] == []
