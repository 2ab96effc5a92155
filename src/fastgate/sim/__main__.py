"""`python -m fastgate.sim`: the simulated provider without the rest of the command line."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from fastgate.sim.options import SimOptions
from fastgate.sim.run import serve


def parse(arguments: Sequence[str]) -> SimOptions:
    """A flag for each option, e.g. `--ttft-ms 200`; `--models` takes names separated by commas."""
    parser = argparse.ArgumentParser(prog="fastgate.sim", description=SimOptions.__doc__)
    properties = msgspec.json.schema(SimOptions)["$defs"]["SimOptions"]["properties"]
    for name, schema in properties.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}", dest=name, default=None, help=schema["description"]
        )
    given: dict[str, Any] = {k: v for k, v in vars(parser.parse_args(arguments)).items() if v is not None}
    if "models" in given:
        given["models"] = [name for name in given["models"].split(",") if name]
    try:
        return msgspec.convert(given, SimOptions, strict=False)
    except msgspec.ValidationError as error:
        parser.error(str(error))


if __name__ == "__main__":
    try:
        sys.exit(serve(parse(sys.argv[1:])))
    except OSError as error:
        sys.exit(f"fastgate sim: cannot listen: {error}")
