"""fastgate: as it is installed, behind each of its edges, with all that governs calls, and with nothing."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from benchmarks.suite.contestants.contestant import PROVIDER_SECRET, ROOT, Command, Contestant, Site, on
from benchmarks.suite.scenarios import PROVIDER_MODELS, REFUSING_MODEL, Feature, Format

JSON = dict[str, Any]

_MUCH: Final = 1_000_000_000
_USD: Final = 1_000_000
_BUDGET: Final = {"max_per_month_usd": _USD}


def _config(site: Site) -> JSON:
    """One virtual key or many, and two providers, of which one speaks Messages. All else is default."""
    return {
        "server": {"host": "127.0.0.1", "port": site.port, "workers": site.workers},
        "data_dir": str(site.directory / "data"),
        "logging": {"file": str(site.directory / "fastgate.log")},
        # Of the calls of one scenario 30 % go to a second deployment, which is more than a gateway in
        # trouble should let pass.
        "upstream": {"retry_budget_ratio": 1},
        "providers": {"chat": _chat(site), "messages": _messages(site)},
        "routes": {
            REFUSING_MODEL: [
                {"deployments": [{"provider": "chat", "model": REFUSING_MODEL}]},
                {"deployments": [{"provider": "chat", "model": "bench"}]},
            ]
        },
        "virtual_keys": [
            {"id": f"vk_{number}", "secret_hash": hashlib.sha256(secret.encode()).hexdigest()}
            for number, secret in enumerate(site.secrets)
        ],
    }


def _chat(site: Site) -> JSON:
    names = [name for name, _ in PROVIDER_MODELS[Format.CHAT] if name != "bench"]
    return {
        "dialect": "openai",
        "base_url": f"{site.upstream}/v1",
        "credentials": [{"secret": PROVIDER_SECRET}],
        "models": [*names, REFUSING_MODEL],
        "deployments": [
            {"model": "bench", "region": f"r{number}"} for number in range(site.setup.deployments)
        ],
    }


def _messages(site: Site) -> JSON:
    return {
        "dialect": "anthropic",
        "base_url": site.upstream,
        "credentials": [{"secret": PROVIDER_SECRET}],
        "deployments": [
            {"model": name, "upstream_model": own} for name, own in PROVIDER_MODELS[Format.MESSAGES]
        ],
    }


def _govern(config: JSON) -> None:
    """Five budgets, six limits and a price for each call."""
    config["providers"]["chat"]["budget"] = _BUDGET
    config["providers"]["messages"]["budget"] = _BUDGET
    config["prices"] = [
        {
            "provider": provider,
            "model": "*",
            "input_per_mtok_usd": 0.15,
            "cached_input_per_mtok_usd": 0.075,
            "output_per_mtok_usd": 0.6,
        }
        for provider in ("chat", "messages")
    ]
    config["customers"] = [
        {"id": "bench", "budget": _BUDGET, "rate_limit": {"tokens_per_minute": _MUCH * 100}}
    ]
    config["teams"] = [
        {
            "id": "team",
            "customer_id": "bench",
            "budget": {"max_per_day_usd": _USD},
            "rate_limit": {"requests_per_minute": _MUCH},
        }
    ]
    config["tag_budgets"] = [{"tags": {"env": "prod"}, "budget": _BUDGET}]
    for key in config["virtual_keys"]:
        key |= {
            "team_id": "team",
            "tags": {"env": "prod"},
            "budget": {"max_per_day_usd": _USD, "soft_limit": [0.8]},
            "rate_limit": {
                "requests_per_minute": _MUCH,
                "requests_per_day": _MUCH,
                "tokens_per_minute": _MUCH * 100,
                "concurrent_requests": 100_000,
            },
        }


def _strip(config: JSON) -> None:
    """No keys, no metrics, no log of the calls. The ledger cannot be switched off."""
    config["auth"] = {"mode": "open"}
    config["metrics"] = {"enabled": False}
    config["logging"] |= {"requests": False, "level": "error"}
    del config["virtual_keys"]


def _command(change: Callable[[JSON], None]) -> Callable[[Site], Command]:
    def command(site: Site) -> Command:
        config = _config(site)
        change(config)
        path = Path(site.directory, "fastgate.json")
        path.write_bytes(msgspec.json.encode(config))
        return Command(
            [sys.executable, "-m", "fastgate", "serve", "--config", str(path)],
            # As installed, where there is bytecode: else each start would compile.
            {"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": ""},
            url=on(site),
        )

    return command


def _behind(edge: str) -> Callable[[JSON], None]:
    def change(config: JSON) -> None:
        config["server"]["edge"] = edge

    return change


FASTGATE: Final = Contestant(
    name="fastgate",
    about="as installed: virtual key, ledger, metrics and a log line for each call; no price, budget, limit",
    command=_command(lambda config: None),
    can=frozenset(Feature),
)
GOVERNED: Final = Contestant(
    name="governed",
    about="fastgate with five budgets, six rate limits and a price for each call",
    command=_command(_govern),
    can=frozenset(Feature),
)
BARE: Final = Contestant(
    name="bare",
    about="fastgate without keys, metrics and log lines; the ledger is always on",
    command=_command(_strip),
    can=frozenset(Feature),
)
EDGES: Final = tuple(
    Contestant(
        name=f"fastgate-{edge}",
        about=f"as fastgate, with server.edge: {edge}",
        command=_command(_behind(edge)),
        can=frozenset(Feature),
    )
    for edge in ("asgi", "rsgi", "native")
)
