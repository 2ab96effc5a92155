"""LiteLLM's proxy and Portkey's gateway from their packages, where `make bench-peers` has installed them."""

from pathlib import Path
from typing import Final

import msgspec
from benchmarks.suite.contestants.contestant import BUILD, PROVIDER_SECRET, Command, Contestant, Site, on
from benchmarks.suite.scenarios import PROVIDER_MODELS, REFUSING_MODEL, Feature, Format

_LITELLM: Final = BUILD / "litellm_proxy/bin/litellm"
_PORTKEY: Final = BUILD / "portkey/node_modules/@portkey-ai/gateway/build/start-server.js"


def _litellm(site: Site) -> Command:
    chat, messages = f"{site.upstream}/v1", site.upstream
    models = [(name, f"openai/{own}", chat) for name, own in PROVIDER_MODELS[Format.CHAT]]
    models += [(name, f"anthropic/{own}", messages) for name, own in PROVIDER_MODELS[Format.MESSAGES]]
    models += [(REFUSING_MODEL, f"openai/{REFUSING_MODEL}", chat)]
    config = {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {"model": model, "api_base": base, "api_key": PROVIDER_SECRET},
            }
            for name, model, base in models
        ],
        "general_settings": {"master_key": site.secrets[0]},
        "litellm_settings": {"telemetry": False},
        "router_settings": {
            "fallbacks": [{REFUSING_MODEL: ["bench"]}],
            "num_retries": 0,
            "disable_cooldowns": True,
        },
    }
    path = Path(site.directory, "litellm.yaml")
    path.write_bytes(msgspec.json.encode(config))
    line = [str(_LITELLM), "--config", str(path), "--host", "127.0.0.1", "--port", str(site.port)]
    # Its table of prices is else fetched from the internet at each start.
    environ = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    # Its workers take longer to load than uvicorn waits for them.
    line += ["--num_workers", str(site.workers), "--timeout_worker_healthcheck", "60"]
    return Command(line, environ, url=on(site))


def _portkey(site: Site) -> Command:
    return Command(
        ["node", str(_PORTKEY), f"--port={site.port}", "--headless"],
        {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"},
        url=on(site),
        headers={"x-portkey-provider": "openai", "x-portkey-custom-host": f"{site.upstream}/v1"},
    )


def _not_installed(path: Path, name: str) -> str | None:
    return None if path.exists() else f"{name} is not installed (make bench-peers)"


LITELLM: Final = Contestant(
    name="litellm",
    about="LiteLLM's proxy with a master key; its virtual keys, budgets and limits would need PostgreSQL",
    command=_litellm,
    can=frozenset({Feature.FALLBACK, Feature.TRANSLATION}),
    missing=lambda: _not_installed(_LITELLM, "litellm[proxy]"),
    start_s=120.0,
)
PORTKEY: Final = Contestant(
    name="portkey",
    about="Portkey's gateway, one process: it has no keys, budgets, limits or log of its own; on node 20 it "
    "answers streams with 500",
    command=_portkey,
    missing=lambda: _not_installed(_PORTKEY, "@portkey-ai/gateway"),
)
