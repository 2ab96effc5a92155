"""`examples/saas`: tenants come while the gateway runs, one uses its budget up, and the bill is right."""

import csv
import shlex
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec
import pytest
from tests.support import examples
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import GatewayProcess
from tests.support.processes import ROOT, fastgate_command
from tests.support.upstreams.registry import UPSTREAMS
from tests.support.upstreams.script import Say, answer

_TENANTS: Final = "/etc/fastgate/tenants"
_LISTS: Final = ("customers", "teams", "virtual_keys")
_CHAT: Final = UPSTREAMS["up_chat"]
_USED: Final = {"prompt_tokens": 20, "completion_tokens": 40, "total_tokens": 60}
_COST: Final = {"gpt-4.1": Decimal("0.00036"), "gpt-4.1-mini": Decimal("0.000072")}
"""Of such a call, by OpenAI's list: $2 and $8 a million tokens, $0.40 and $1.60."""

pytestmark = [pytest.mark.sdk]


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        provider.script(answer(_CHAT, Say("Once upon a time.", usage=_USED), stream=False))
        yield provider


@pytest.fixture
def gateway(provider: FakeProvider, tmp_path: Path) -> Iterator[GatewayProcess]:
    """With the file of the example, whose lists of tenants are in another place, and empty."""
    tenants = tmp_path / "tenants"
    tenants.mkdir()
    for name in _LISTS:
        (tenants / f"{name}.json").write_text("[]\n")
    process = GatewayProcess(
        None,
        tmp_path,
        env={"OPENAI_API_KEY": "sk-upstream", "FASTGATE_PROVIDERS__OPENAI__BASE_URL": provider.url},
    )
    text = (examples.EXAMPLES / "saas" / "fastgate.yaml").read_text()
    assert text.count(_TENANTS) == len(_LISTS)
    process.config_path.write_text(text.replace(_TENANTS, str(tenants)))
    with process:
        yield process


def test_two_tenants(provider: FakeProvider, gateway: GatewayProcess, tmp_path: Path) -> None:
    if reason := examples.missing("saas"):
        pytest.skip(reason)
    variables = {
        "PATH": str(_command(tmp_path)),
        "FASTGATE_CONFIG": str(gateway.config_path),
        "FASTGATE_DATA_DIR": str(gateway.data_dir),
        "TENANTS_DIR": str(tmp_path / "tenants"),
        "OPENAI_API_KEY": "sk-upstream",
        "OPENAI_BASE_URL": gateway.base_url,
    }

    def onboard(*arguments: str) -> examples.Done:
        return examples.run("saas", tmp_path, variables, "onboard.py", *arguments)

    acme = onboard("acme", "--plan", "business", "--timezone", "Europe/Berlin", "--team", "search")
    globex = onboard("globex")
    assert (acme.code, globex.code) == (0, 0), (acme.err, globex.err)
    (acme_id, acme_key), (globex_id, globex_key) = acme.out.split(), globex.out.split()
    assert (acme_id, globex_id) == ("vk_acme_search", "vk_globex_app")

    lists = [tmp_path / "tenants" / f"{name}.json" for name in _LISTS]
    before = [path.read_text() for path in lists]
    again = onboard("globex")
    assert again.code == 1
    assert "`globex` is taken" in again.err
    assert [path.read_text() for path in lists] == before
    assert acme_key not in "".join(before)

    keys = {"ACME_KEY": acme_key, "GLOBEX_KEY": globex_key}
    done = examples.run("saas", tmp_path, variables | keys, "tour.py")
    assert (done.code, done.err) == (0, "")
    said, _, bill = done.out.partition("the bill:\n")
    asked = Counter(request.model for request in provider.requests)
    assert "acme: 12 calls at once, all answered" in said
    big, small = asked["gpt-4.1"] - 12, asked["gpt-4.1-mini"]
    assert big > 0
    assert small > 0
    assert f"globex: {big} by gpt-4.1, {small} by gpt-4.1-mini; then budget_exceeded" in said
    spent = big * _COST["gpt-4.1"] + small * _COST["gpt-4.1-mini"]
    left = Decimal("0.004") - spent
    assert left >= 0
    assert f"globex: team globex_app has {left.normalize():f} of 0.004 USD left, monthly" in said
    assert f"globex: {big + small} calls, {spent.normalize():f} USD" in said

    rows = {(row["customer"], row["model"]): row for row in csv.DictReader(bill.splitlines())}
    calls = {("acme", "gpt-4.1"): 12, ("globex", "gpt-4.1"): big, ("globex", "gpt-4.1-mini"): small}
    assert {who: int(row["requests"]) for who, row in rows.items()} == calls
    for (customer, model), row in rows.items():
        assert Decimal(row["cost_usd"]) == calls[customer, model] * _COST[model]
        plan, feature = ("business", "search") if customer == "acme" else ("trial", "stories")
        assert (row["metadata:plan"], row["tag:feature"]) == (plan, feature)

    # All of the burst was let through at the plan's rate: five a second, and what exceeds it waited.
    first, *_, last = provider.requests[:12]
    assert last.received_ns - first.received_ns > 1_000_000_000
    assert all(request.secret == "sk-upstream" for request in provider.requests)
    assert not any(key.encode() in request.raw for request in provider.requests for key in keys.values())
    assert msgspec.json.decode(before[1])[0]["customer_id"] == "acme"


def _command(directory: Path) -> Path:
    """A directory with `fastgate` in it, as an installed one would be on the PATH."""
    bin_ = directory / "bin"
    bin_.mkdir()
    script = bin_ / "fastgate"
    command = shlex.join(fastgate_command())
    script.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT / "src"))} exec {command} "$@"\n')
    script.chmod(0o755)
    return bin_
