"""`python -m deploy.container DIRECTORY`: what the Dockerfile runs, on this machine, without an engine.

Leaves the wheel in DIRECTORY/wheels, and in DIRECTORY/environment what the image has in /opt/fastgate.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from deploy.container.recipe import BASE_PATH, copy_context, steps
from deploy.container.sandbox import Bind, Sandbox

# What a package client and the build of the wheel go by. No more: a failure is shown with all of it.
_PASSED: Final = ("FASTGATE_BUILD", "PIP_", "SSL_", "REQUESTS_", "HTTP_", "HTTPS_", "NO_PROXY")


def main(directory: Path) -> int:
    context, wheels, environment = (directory / name for name in ("context", "wheels", "environment"))
    for each in (wheels, environment):
        each.mkdir(parents=True)
    copy_context(context)
    sandbox = Sandbox(
        Path("/"),
        (
            Bind(context, "/context"),
            Bind(context / "docker", "/docker"),
            Bind(wheels, "/wheels", writable=True),
            Bind(environment, "/opt/fastgate", writable=True),
        ),
    )
    passed = {name: value for name, value in os.environ.items() if name.upper().startswith(_PASSED)}
    # The interpreter of the image is python3 there.
    path = f"{Path(sys.executable).parent}:{BASE_PATH}"
    lines = [text for step in steps() if step.kind == "RUN" for text in step.words]
    command = sandbox.command((), ("sh", "-euxc", "\n".join(lines)))
    environ = {**passed, "PATH": path, "HOME": "/root"}
    return subprocess.run(command, env=environ, check=False).returncode  # noqa: S603 - as the Dockerfile says


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
