"""Make a customer of a gateway with shared lists of tenants, and print the virtual key of each of its teams.

    onboard.py acme --plan business --timezone Europe/Berlin --team search --team support

FASTGATE_CONFIG names the gateway's configuration, TENANTS_DIR the directory of the lists.
"""

import argparse
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TENANTS = Path(os.environ.get("TENANTS_DIR", "/etc/fastgate/tenants"))
LISTS = ("customers", "teams", "virtual_keys")

# Caps at each level; a call has to fit all of them. `strict`: not even calls in flight may exceed it.
# The trial is one of a few calls, so that tour.py sees its end.
PLANS: dict[str, dict[str, Any]] = {
    "trial": {
        "customer": {"budget": {"max_per_month_usd": 0.006, "strict": True}},
        "team": {
            "budget": {
                "max_per_month_usd": 0.004,
                "strict": True,
                "on_exceeded": {"fallback_to": {"model": "gpt-4.1-mini"}},
            }
        },
        "key": {"rate_limit": {"requests_per_minute": 60, "concurrent_requests": 4}},
    },
    "business": {
        "customer": {"budget": {"max_per_month_usd": 500, "strict": True, "soft_limit": [0.8, 0.95]}},
        "team": {"budget": {"max_per_month_usd": 200, "strict": True}},
        "key": {
            "budget": {"max_per_day_usd": 20, "strict": True},
            "rate_limit": {"requests_per_second": 5, "concurrent_requests": 50},
        },
    },
}
MODELS = ["gpt-4.1", "gpt-4.1-mini"]


def entries(tenant: str, plan: str, timezone: str, teams: list[str]) -> dict[str, list[dict[str, Any]]]:
    """What the tenant adds to each list."""
    caps = PLANS[plan]
    metadata = {"plan": plan}  # stands in every entry of the ledger
    names = [f"{tenant}_{team}" for team in teams]
    return {
        "customers": [{"id": tenant, "timezone": timezone, "metadata": metadata, **caps["customer"]}],
        "teams": [{"id": name, "customer_id": tenant, **caps["team"]} for name in names],
        "virtual_keys": [
            {
                "id": f"vk_{name}",
                "team_id": name,
                "tags": {"plan": plan},
                "allowed_models": MODELS,
                **caps["key"],
            }
            for name in names
        ],
    }


def fastgate(*arguments: str) -> str:
    """Its output; subprocess.CalledProcessError, with its output, where it fails."""
    done = subprocess.run(["fastgate", *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def write(lists: dict[str, list[dict[str, Any]]]) -> None:
    for name, entries in lists.items():
        new = TENANTS / f".{name}.new"
        new.write_text(json.dumps(entries, indent=2) + "\n")
        new.replace(TENANTS / f"{name}.json")


def onboard(tenant: str, plan: str, timezone: str, teams: list[str]) -> Iterator[tuple[str, str]]:
    """Each new key with its secret. Nothing is changed where the gateway would not take the tenant; where a
    key cannot be issued, the tenant is there, and `fastgate keys issue` goes on from that key.
    """
    with (TENANTS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = {name: json.loads((TENANTS / f"{name}.json").read_text()) for name in LISTS}
        added = entries(tenant, plan, timezone, teams)
        write({name: before[name] + added[name] for name in LISTS})
        try:
            fastgate("reload")
        except subprocess.CalledProcessError:
            write(before)
            raise
    for key in added["virtual_keys"]:
        yield key["id"], fastgate("keys", "issue", key["id"])


def main() -> int:
    parser = argparse.ArgumentParser(description="Onboard a tenant.")
    parser.add_argument("tenant")
    parser.add_argument("--plan", choices=PLANS, default="trial")
    parser.add_argument("--timezone", default="UTC", help="in which its months begin")
    parser.add_argument("--team", action="append", dest="teams", help="may be repeated; default app")
    given = parser.parse_args()
    try:
        for key, secret in onboard(given.tenant, given.plan, given.timezone, given.teams or ["app"]):
            print(key, secret, flush=True)  # shown this once: hand it over, do not keep it
    except subprocess.CalledProcessError as error:
        print(f"{error.output}{' '.join(error.cmd)} failed", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
