"""The processes of the load benchmark: an upstream, nginx as a proxy of it, and fastgate, without
and with budgets, limits and prices.

All run on loopback; the upstream is nginx with one fixed answer, so that its own cost is small.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

SECRET = "sk-bench-0123456789abcdef0123456789abcdef"

_ANSWER = (
    '{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench",'
    '"choices":[{"index":0,"message":{"role":"assistant","content":"' + "Hello. " * 80 + '",'
    '"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],'
    '"usage":{"prompt_tokens":200,"completion_tokens":160,"total_tokens":360}}'
)

_NGINX = """
worker_processes {workers};
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log error;
events {{ worker_connections 4096; }}
http {{
  access_log {access_log};
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  keepalive_requests 1000000;
  {body}
}}
"""

_UPSTREAM = """
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type application/json; return 200 '{answer}'; }}
  }}
"""

_PROXY = """
  upstream provider {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
"""

_FASTGATE = """
server: {{host: 127.0.0.1, port: {port}, workers: {workers}}}
logging: {{file: {directory}/fastgate.log}}
providers:
  upstream:
    dialect: openai
    base_url: http://127.0.0.1:{upstream}/v1
    credentials: [{{secret: upstream-secret}}]
    models: [bench]
virtual_keys:
  - {{id: vk_bench, secret: {secret}, customer_id: bench, allowed_models: ["bench*"]}}
"""

# Five budgets and five limits hold for each call.
_GOVERNED = """
server: {{host: 127.0.0.1, port: {port}, workers: {workers}}}
logging: {{file: {directory}/governed.log}}
providers:
  upstream:
    dialect: openai
    base_url: http://127.0.0.1:{upstream}/v1
    credentials: [{{secret: upstream-secret}}]
    models: [bench]
    budget: {{max_per_month_usd: 1000000}}
prices:
  - {{provider: upstream, model: bench, input_per_mtok_usd: 0.15, cached_input_per_mtok_usd: 0.075,
      output_per_mtok_usd: 0.6}}
customers:
  - {{id: bench, budget: {{max_per_month_usd: 1000000}}, rate_limit: {{tokens_per_minute: 100000000000}}}}
teams:
  - {{id: team, customer_id: bench, budget: {{max_per_day_usd: 1000000}}}}
virtual_keys:
  - id: vk_bench
    secret: {secret}
    team_id: team
    tags: {{env: prod}}
    allowed_models: ["bench*"]
    budget: {{max_per_day_usd: 1000000, soft_limit: [0.8]}}
    rate_limit:
      {{requests_per_minute: 100000000, requests_per_day: 1000000000, tokens_per_minute: 100000000000,
        concurrent_requests: 10000}}
tag_budgets:
  - {{tags: {{env: prod}}, budget: {{max_per_month_usd: 1000000}}}}
"""


class Contestant(NamedTuple):
    name: str
    url: str
    pid: int


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all its descendants that live."""
    root = psutil.Process(pid)
    times = [process.cpu_times() for process in (root, *root.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def rss_bytes(pid: int) -> int:
    """Proportional set size of the process tree."""
    root = psutil.Process(pid)
    return sum(process.memory_full_info().pss for process in (root, *root.children(recursive=True)))


@contextmanager
def _process(command: list[str], ready: str | None, **environ: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        if ready is not None and process.stdout is not None:
            for line in process.stdout:
                if ready in line:
                    break
            else:
                raise SystemExit(f"{command[0]} did not start")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _nginx(directory: Path, body: str, workers: int, access_log: str) -> list[str]:
    directory.mkdir()
    config = directory / "nginx.conf"
    config.write_text(_NGINX.format(workers=workers, directory=directory, body=body, access_log=access_log))
    return ["nginx", "-c", str(config), "-p", str(directory)]


@contextmanager
def running(directory: Path, workers: int) -> Iterator[list[Contestant]]:
    """nginx as proxy (with an access log, as fastgate has one), fastgate, and fastgate with budgets, limits
    and prices, on the same upstream."""
    upstream, proxy = free_port(), free_port()
    upstream_body = _UPSTREAM.format(port=upstream, answer=_ANSWER)
    proxy_body = _PROXY.format(port=proxy, upstream=upstream)
    with (
        _process(_nginx(directory / "upstream", upstream_body, 1, "off"), None),
        _process(_nginx(directory / "proxy", proxy_body, workers, f"{directory}/access.log"), None) as nginx,
        _fastgate(directory, "fastgate", _FASTGATE, upstream, workers) as fastgate,
        _fastgate(directory, "governed", _GOVERNED, upstream, workers) as governed,
    ):
        yield [
            Contestant("nginx", f"http://127.0.0.1:{proxy}/v1/chat/completions", nginx.pid),
            fastgate,
            governed,
        ]


@contextmanager
def _fastgate(directory: Path, name: str, template: str, upstream: int, workers: int) -> Iterator[Contestant]:
    port = free_port()
    config = directory / f"{name}.yaml"
    config.write_text(
        template.format(port=port, upstream=upstream, workers=workers, directory=directory, secret=SECRET)
    )
    serve = [sys.executable, "-m", "fastgate", "serve", "--config", str(config)]
    with _process(serve, "fastgate ready", FASTGATE_DATA_DIR=str(directory / name)) as process:
        yield Contestant(name, f"http://127.0.0.1:{port}/v1/chat/completions", process.pid)
