"""Run by a Python that has `litellm`: prints what it sends for each request, as one JSON line a call.

Standard input is JSON: `requests`, and `models` by provider. Nothing leaves the loopback.
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True"}

import litellm  # type: ignore[import-not-found]  # it is in an environment of its own

_bodies: list[Any] = []


class _Recorder(BaseHTTPRequestHandler):
    """Refuses everything, and keeps it."""

    def do_POST(self) -> None:
        _bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        answer = b'{"error": {"message": "recorded"}}'
        self.send_response(400)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


def _sent(model: str, request: dict[str, Any], url: str) -> Any:
    _bodies.clear()
    where: dict[str, Any] = {"api_base": url, "api_key": "sk-none"}
    if model.startswith("bedrock/"):
        where = {
            "aws_bedrock_runtime_endpoint": url,
            "aws_access_key_id": "AKIA",
            "aws_secret_access_key": "none",
            "aws_region_name": "eu-central-1",
        }
    try:
        litellm.completion(model=model, num_retries=0, max_retries=0, **request, **where)
    except Exception as error:  # whatever it makes of the refusal
        return _bodies[0] if _bodies else {"refused": f"{type(error).__name__}: {error}"[:200]}
    raise AssertionError("an answer, of a recorder that gives none")


def main() -> None:
    asked = json.load(sys.stdin)
    server = HTTPServer(("127.0.0.1", 0), _Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    for provider, model in asked["models"].items():
        for name, request in asked["requests"].items():
            print(json.dumps([provider, name, _sent(model, request, url)]), flush=True)


if __name__ == "__main__":
    main()
