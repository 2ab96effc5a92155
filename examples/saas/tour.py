"""Two tenants of one gateway: a burst that waits its turn, a trial that comes to its end, and the bill.

OPENAI_BASE_URL is the gateway, FASTGATE_CONFIG its configuration; ACME_KEY and GLOBEX_KEY are what onboard.py
printed.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
from openai import OpenAI

BURST = 12
MOST_CALLS = 100
LEDGER_TIMEOUT_S = 10


def ask(client: OpenAI, question: str, feature: str) -> str:
    """The model that answered. The gateway puts a cheaper one in its place before it refuses."""
    raw = client.chat.completions.with_raw_response.create(
        model="gpt-4.1",
        max_completion_tokens=50,  # strict budgets hold this much, and give back what was not used
        service_tier="default",  # else the dearest tier is held
        messages=[{"role": "user", "content": question}],
        extra_headers={"x-fastgate-tags": f"feature={feature}"},
    )
    raw.parse()
    return raw.headers["x-fastgate-model"]


def burst(client: OpenAI) -> int:
    """More at once than the plan's rate: the gateway lets the rest wait."""
    with ThreadPoolExecutor(BURST) as threads:
        answered = list(threads.map(lambda n: ask(client, f"Tell me fact {n}.", "search"), range(BURST)))
    print(f"acme: {len(answered)} calls at once, all answered")
    return len(answered)


def use_up(client: OpenAI) -> int:
    """Until the budget covers no further call, which is not billed."""
    answered: Counter[str] = Counter()
    for number in range(MOST_CALLS):
        try:
            answered[ask(client, f"Tell me story {number}.", "stories")] += 1
        except openai.APIStatusError as error:
            if error.status_code != 402:
                raise  # a 429 says when to come again; this does not, since money does not come by itself
            by = ", ".join(f"{count} by {model}" for model, count in answered.items())
            print(f"globex: {by}; then {error.code}: {error.message}")
            return answered.total()
    raise RuntimeError(f"the budget is not used up after {MOST_CALLS} calls")


def get(client: OpenAI, path: str) -> dict[str, Any]:
    """One of the gateway's own pages, about the key that asks."""
    return client.get(path, cast_to=dict[str, Any])


def show_budget(name: str, client: OpenAI) -> None:
    for budget in get(client, "/budget")["budgets"]:
        owner = f"{budget['level']} {budget['owner']}"
        left = f"{budget['left_usd']} of {budget['limit_usd']} USD left"
        print(f"{name}: {owner} has {left}, {budget['period']}, until {budget['resets_at']}")


def show_usage(name: str, client: OpenAI, calls: int) -> None:
    """As the ledger has it, which is a moment behind."""
    deadline = time.monotonic() + LEDGER_TIMEOUT_S
    while (total := get(client, "/usage")["total"])["calls"] < calls and time.monotonic() < deadline:
        time.sleep(0.1)
    print(f"{name}: {total['calls']} calls, {total['cost_usd']} USD")


def main() -> int:
    # Without retries of the SDK's, so that refusals are seen as they come.
    acme = OpenAI(api_key=os.environ["ACME_KEY"], max_retries=0, timeout=60)
    globex = OpenAI(api_key=os.environ["GLOBEX_KEY"], max_retries=0, timeout=60)
    try:
        calls = {"acme": burst(acme), "globex": use_up(globex)}
        for name, client in (("acme", acme), ("globex", globex)):
            show_budget(name, client)
            show_usage(name, client, calls[name])
    except openai.APIError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print("the bill:", flush=True)
    bill = ["fastgate", "spend", "--by", "customer,model,tag:feature,metadata:plan", "--format", "csv"]
    return subprocess.run(bill, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
