"""Another version of an SDK, driven in its own environment: `python serve.py DRIVER.py URL KEY`.

Each line on stdin is a call; its result is the next line on stdout. Imports nothing of the project.
"""

import json
import runpy
import sys
from typing import Any


def call(driver: dict[str, Any], client: Any, name: str, model: str, task: dict[str, Any]) -> Any:
    try:
        return driver["CALLS"][name](client, model, task)
    except Exception as error:
        return driver["raised"](error)


def main(path: str, url: str, key: str) -> None:
    driver = runpy.run_path(path)
    client = driver["connect"](url, key)
    for line in sys.stdin:
        asked = json.loads(line)
        result = call(driver, client, asked["call"], asked["model"], asked["task"])
        print(json.dumps(result), flush=True)
    driver["disconnect"](client)


if __name__ == "__main__":
    main(*sys.argv[1:])
