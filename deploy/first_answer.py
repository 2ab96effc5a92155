"""Whether what was installed answers, and how soon: `python first_answer.py COMMAND`.

COMMAND is a `fastgate`. It serves in an empty directory, with nothing configured, until the simulated
provider has answered a call. Exit code 0 if it did and ended in order. Needs Python 3.11, nothing else.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

START_S = 30.0
STOP_S = 15.0
_ADDRESS = re.compile(r"^  Address +(\S+)$", re.MULTILINE)
_KEY = re.compile(r"^  Virtual key +(\S+)", re.MULTILINE)


def main(command: str) -> None:
    print(f"{command} answered after {seconds_to_answer(command):.2f} s")


def seconds_to_answer(command: str) -> float:
    """From the start of the process on. SystemExit says what went wrong."""
    program = shutil.which(command)
    if program is None:
        raise SystemExit(f"{command}: not found")
    with tempfile.TemporaryDirectory() as directory:
        started = time.monotonic()
        gateway = subprocess.Popen(
            [os.path.abspath(program), "serve", "--port", "0"],
            cwd=directory,
            env={"PATH": os.environ.get("PATH", ""), "TMPDIR": directory},
            stdout=subprocess.PIPE,
            text=True,
        )
        # What hangs is ended, and so is what it says.
        signal.signal(signal.SIGALRM, lambda *_: gateway.kill())
        signal.setitimer(signal.ITIMER_REAL, START_S)
        try:
            ask(first_steps(gateway))
            seconds = time.monotonic() - started
        finally:
            signal.setitimer(signal.ITIMER_REAL, STOP_S)
            gateway.terminate()
            code = gateway.wait()
            signal.setitimer(signal.ITIMER_REAL, 0)
        if code != 0:
            raise SystemExit(f"{command}: the gateway answered, and ended with {code}")
    return seconds


def first_steps(gateway: "subprocess.Popen[str]") -> urllib.request.Request:
    """The call that the gateway proposes when it is ready."""
    said = ""
    for line in gateway.stdout or ():
        said += line
        if line.startswith("fastgate ready on "):
            break
    address, key = _ADDRESS.search(said), _KEY.search(said)
    if address is None or key is None:
        raise SystemExit(f"the gateway did not start:\n{said}")
    body = {"model": "fastgate-sim", "messages": [{"role": "user", "content": "Hello!"}]}
    headers = {"Authorization": f"Bearer {key[1]}", "Content-Type": "application/json"}
    return urllib.request.Request(f"{address[1]}/chat/completions", json.dumps(body).encode(), headers)


def ask(request: urllib.request.Request) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=START_S) as response:
        if not json.load(response)["choices"][0]["message"]["content"]:
            raise SystemExit("the answer is empty")


if __name__ == "__main__":
    main(*sys.argv[1:])
