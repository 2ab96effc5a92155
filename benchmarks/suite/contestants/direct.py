"""The simulated provider itself, and nginx in front of it: what nothing, and next to nothing, costs."""

import shutil
from pathlib import Path
from typing import Final

from benchmarks.suite.contestants.contestant import Command, Contestant, Site, on
from benchmarks.suite.scenarios import Feature

# It knows of none of these, so they make no difference to it.
_ALL_THE_SAME: Final = frozenset({Feature.KEYS, Feature.DEPLOYMENTS, Feature.TRANSLATION})

# Bodies stay in memory and answers are not held back, as whoever proxies models would have it.
_NGINX: Final = """\
worker_processes {workers};
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log error;
events {{ worker_connections 32768; }}
http {{
  access_log {directory}/access.log;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  client_max_body_size 64m;
  client_body_buffer_size 2m;
  keepalive_requests 100000000;
  upstream provider {{ server {upstream}; keepalive 1024; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


def _upstream(site: Site) -> Command:
    return Command(url=site.upstream)


def _nginx(site: Site) -> Command:
    config = Path(site.directory, "nginx.conf")
    config.write_text(
        _NGINX.format(
            workers=site.workers,
            directory=site.directory,
            upstream=site.upstream.removeprefix("http://"),
            port=site.port,
        )
    )
    return Command(["nginx", "-c", str(config), "-p", str(site.directory)], url=on(site))


def _no_nginx() -> str | None:
    return None if shutil.which("nginx") else "nginx is not installed (Debian: nginx-light)"


DIRECT: Final = Contestant(
    name="direct",
    about="no gateway: the client at the simulated provider",
    command=_upstream,
    can=_ALL_THE_SAME,
    transparent=True,
    runs=True,
)
NGINX: Final = Contestant(
    name="nginx",
    about="nginx as a reverse proxy with an access log: it looks into nothing, and in the scenarios with "
    "translation its client speaks as the provider does; room for 32,768 connections is most of its memory",
    command=_nginx,
    can=_ALL_THE_SAME,
    missing=_no_nginx,
    transparent=True,
)
