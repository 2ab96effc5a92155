"""From the configuration to what is published, in a process of its own.

Reading YAML, the catalogue and the price data take memory that is not given back: so a child does it, and
ends. It is asked on its standard input and answers on its standard output, in MessagePack; secrets pass
through these pipes and no file.
"""

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from fastgate.control.compiled import CompileResult, decode_result
from fastgate.launch import Embedded, program

TIMEOUT_S: Final = 300.0
_MAX_REASON: Final = 2_000


class CompileRequest(msgspec.Struct, frozen=True):
    """`config_path` None: as the environment says."""

    config_path: str | None
    data_dir: str
    embedded: Embedded


Compile = Callable[[CompileRequest, Mapping[str, str]], CompileResult]

encode_request: Final = msgspec.msgpack.Encoder().encode
decode_request: Final = msgspec.msgpack.Decoder(CompileRequest).decode


def compile_in_child(request: CompileRequest, environ: Mapping[str, str]) -> CompileResult:
    """Blocks until the child has ended. Never raises for what the configuration may hold."""
    try:
        child = subprocess.run(  # noqa: S603  # our own module
            program("fastgate.control.compile"),
            input=encode_request(request),
            capture_output=True,
            env=dict(environ),
            cwd=Path.cwd(),
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return CompileResult(reasons=(f"compiling the configuration took more than {TIMEOUT_S:g} s",))
    if child.returncode != os.EX_OK:
        said = child.stderr.decode(errors="replace")[-_MAX_REASON:].strip()
        return CompileResult(reasons=(f"compiling the configuration failed ({child.returncode}): {said}",))
    return decode_result(child.stdout)
