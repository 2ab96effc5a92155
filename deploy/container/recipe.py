"""The Dockerfile, read by the parser that docker's own builder has."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import dockerfile
from docker.utils import exclude_paths

ROOT: Final = Path(__file__).resolve().parents[2]
DOCKERFILE: Final = ROOT / "Dockerfile"
BASE_PATH: Final = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Of the base image."""


class Step(NamedTuple):
    """`flags` are options such as `--mount=…`. `words` is one text where the form is that of the shell."""

    stage: str
    kind: str
    flags: tuple[str, ...]
    words: tuple[str, ...]


def steps() -> Iterator[Step]:
    """In order. The last stage, which the image is of, has no name: ""."""
    stage = ""
    for command in dockerfile.parse_file(str(DOCKERFILE)):
        kind = command.cmd.upper()
        if kind == "FROM":
            stage = command.value[2] if len(command.value) > 2 else ""
        yield Step(stage, kind, command.flags, command.value)


def last(kind: str) -> tuple[str, ...]:
    """What holds in the image, where a later one replaces an earlier one."""
    return [step.words for step in steps() if step.kind == kind][-1]


def environment() -> dict[str, str]:
    """What ENV sets in the image, `$PATH` as the base image has it."""
    found: dict[str, str] = {"PATH": BASE_PATH}
    for step in steps():
        if step.kind == "ENV" and not step.stage:
            for name, value in zip(step.words[::2], step.words[1::2], strict=True):
                found[name] = value.replace("$PATH", found["PATH"])
    return found


def context() -> set[str]:
    """The files that a builder is sent: what .dockerignore lets through."""
    patterns = (ROOT / ".dockerignore").read_text().split()
    return {path for path in exclude_paths(str(ROOT), patterns) if (ROOT / path).is_file()} - {
        "Dockerfile",
        ".dockerignore",
    }


def copy_context(directory: Path) -> None:
    for path in context():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target)
