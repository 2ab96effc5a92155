"""Several providers of a configuration that are one fake one: each has a model and a secret of its name."""

from typing import Any

import msgspec
from tests.support.builders import chat_chunk, chunk, sse, stream_head
from tests.support.fake_provider import FakeProvider, Request
from tests.support.gateway_process import gateway_config
from tests.support.replies import Reply, Step, reply

_UNLIMITED = {"retry_budget_ratio": 10, "retry_budget_min_per_s": 10_000}


def backend(name: str, *models: str, **more: Any) -> dict[str, Any]:
    """A provider whose failures leave no trace for the next test: no breaker, no cooldown, no retry."""
    defaults: dict[str, Any] = {
        "dialect": "openai",
        "credentials": [{"id": "main", "secret": f"secret-of-{name}"}],
        "models": list(models) or [name],
        "retries": {"max": 0},
        "breaker": {"min_requests": 1_000_000, "cooldown_429_s": 0.001},
    }
    return defaults | more


def backends(*names: str, **more: Any) -> dict[str, Any]:
    return {name: backend(name, **more) for name in names}


def config(url: str, providers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A gateway of these backends, all at `url`. Retries are not limited by a budget."""
    located = {name: {"base_url": url, **settings} for name, settings in providers.items()}
    return gateway_config(located, **{"upstream": _UNLIMITED, **more})


def group(*names: str, **more: Any) -> dict[str, Any]:
    """A route's group of backends."""
    return {"deployments": [{"provider": name, "model": name} for name in names], **more}


def groups(*names: str) -> list[dict[str, Any]]:
    """A group for each: they are tried in this order."""
    return [group(name) for name in names]


def of(provider: FakeProvider, name: str) -> list[Request]:
    """The requests that the backend got."""
    return [request for request in provider.requests if request.secret == f"secret-of-{name}"]


async def reached(provider: FakeProvider, name: str, times: int = 1) -> Request:
    """Wait for the backend's request of this number."""
    await provider.until(lambda: len(of(provider, name)) >= times)
    return of(provider, name)[times - 1]


def chunks(*deltas: dict[str, Any], **more: Any) -> list[bytes]:
    """Chat chunks of these deltas, each a chunk of the transfer coding."""
    return [chunk(sse(chat_chunk(delta, **more))) for delta in deltas]


def finish(reason: str = "stop") -> bytes:
    return chunk(sse(chat_chunk({}, finish_reason=reason)))


def streamed(*steps: Step | bytes | str) -> Reply:
    """A stream: its head, then text (a string), raw bytes, or another step. Nothing is added at its end."""
    return reply(
        stream_head(),
        *(chunks({"content": step})[0] if isinstance(step, str) else step for step in steps),
    )


ROLE = chunks({"role": "assistant", "content": ""})[0]


def error_code(body: bytes) -> str:
    code = msgspec.json.decode(body)["error"]["code"]
    assert isinstance(code, str)
    return code
