"""What the gateway says on standard output when it serves."""

import sys

import msgspec

from fastgate import __version__
from fastgate.domain.snapshot import Snapshot

_PREFERRED = ("fastgate-sim", "gpt-4o-mini")


def announce(
    url: str, local_url: str, workers: int, *, secret: str | None, snapshot: Snapshot, simulated: bool
) -> None:
    """One readiness line, always; before it what a newcomer needs, where something stands in."""
    lines: list[str] = []
    if simulated:
        lines += _SIMULATED
    if secret is not None:
        lines += _first_steps(local_url, secret, _model(snapshot))
    lines.append(f"fastgate ready on {url} ({workers} {'worker' if workers == 1 else 'workers'})")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


_SIMULATED = (
    "",
    "  ****************************************************************************",
    "  *  ANSWERS ARE SIMULATED: no provider is configured, no model is called.   *",
    "  *  Set OPENAI_API_KEY, or write a fastgate.yaml, to talk to a real one.    *",
    "  ****************************************************************************",
)


def _first_steps(url: str, secret: str, model: str) -> list[str]:
    body = msgspec.json.encode({"model": model, "messages": [{"role": "user", "content": "Hello!"}]}).decode()
    return [
        "",
        f"  fastgate {__version__}",
        f"  Address      {url}/v1",
        f"  Virtual key  {secret}  (made for this run, and gone with it)",
        "",
        "  Try it:",
        f"  curl {url}/v1/chat/completions -H 'Authorization: Bearer {secret}' "
        f"-H 'Content-Type: application/json' -d '{body}'",
        "",
    ]


def _model(snapshot: Snapshot) -> str:
    """One that is served, and cheap where that is known."""
    offered = [name for served in snapshot.serves.values() for name in served.names]
    return next((name for name in (*_PREFERRED, *offered) if name in offered), "auto")
