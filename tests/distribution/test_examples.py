"""`examples/`: each program with a real gateway, and what the provider behind it was told."""

import base64
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from tests.support import examples
from tests.support.dialect_rig import known
from tests.support.fake_provider import FakeProvider, Request, Script
from tests.support.gateway_process import SECRET, GatewayProcess, LogLine, gateway_config
from tests.support.replies import Reply, Reset, Sleep, json_reply, status_reply
from tests.support.upstreams.registry import UPSTREAMS
from tests.support.upstreams.script import Call, Say, Upstream, answer, begun, events, heard

from fastgate.config.load import check

_BROKE: Final = f"{SECRET}broke"
_CHAT: Final = UPSTREAMS["up_chat"]
_MESSAGES: Final = UPSTREAMS["up_messages"]
_VECTOR: Final = base64.b64encode(struct.pack("<3f", 0.5, 0.5, 0.25)).decode()
"""As the SDKs ask for it."""
_EMBEDDINGS: Final = {
    "object": "list",
    "data": [{"object": "embedding", "index": n, "embedding": _VECTOR} for n in range(2)],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 4, "total_tokens": 4},
}
_HELLO: Final = Say("Hello from afar.")
_COUNT: Final = Say("One, two, three.")
_CALL: Final = Say(calls=(Call("call_1", "get_weather", {"city": "Lisbon"}),))
_WARM: Final = Say("It is mild there.")
_TEMPERATURE: Final = Say(calls=(Call("call_1", "get_temperature", {"city": "Lisbon"}),))
_TYPED: Final = Say('{"city": "Lisbon", "celsius": 21}')
_VENDORS: Final = {
    "openai-python": [_CHAT],
    "openai-node": [_CHAT],
    "anthropic-python": [_MESSAGES],
    "langchain": [_CHAT, _MESSAGES],
    "vercel-ai-sdk": [_CHAT],
}
"""Whom each example asks, in order."""
_EMBEDDING: Final = ("openai-python", "openai-node")
_TRACE: Final = re.compile(r"^  by (\w+), (\S+)$", re.MULTILINE)

pytestmark = [pytest.mark.sdk]


@pytest.fixture(scope="module")
def running() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def provider(running: FakeProvider) -> FakeProvider:
    """It has no script but that of embeddings."""
    running.reset()
    running.script(json_reply(_EMBEDDINGS), path="/v1/embeddings")
    return running


@pytest.fixture(scope="module")
def gateway(running: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    config = gateway_config(
        {"openai": known(_CHAT, running.url), "anthropic": known(_MESSAGES, running.url)},
        virtual_keys=[
            {"id": "vk_test", "secret": SECRET, "budget": {"max_per_month_usd": 5}},
            {"id": "vk_broke", "secret": _BROKE, "budget": {"max_per_month_usd": "0.000001"}},
        ],
    )
    with GatewayProcess(config, tmp_path_factory.mktemp("examples")) as process:
        yield process


@pytest.mark.parametrize("example", _VENDORS)
def test_sdk(example: str, provider: FakeProvider, gateway: GatewayProcess, tmp_path: Path) -> None:
    """It waits as a 429 says, streams, and calls a tool; where there is no money it says so."""
    _needs(example)
    vendors, program = _VENDORS[example], _program(example)
    scripts = [_told(provider, vendor, _HELLO, _COUNT, _CALL, _WARM) for vendor in vendors]
    done = examples.run(example, tmp_path, _variables(gateway), program)
    assert (done.code, done.err) == (0, "")
    for say in (_HELLO, _COUNT, _WARM):
        assert done.out.count(say.text) == len(vendors), done.out
    for vendor, script in zip(vendors, scripts, strict=True):
        _assert_asked(vendor, script.requests)
    for by, request_id in _TRACE.findall(done.out):
        line = _logged(gateway, request_id, 200)
        assert (line["provider"], line["virtual_key"]) == (by, "vk_test")
    embedded = [request.json() for request in provider.requests if request.path == "/v1/embeddings"]
    asked = [(body["model"], body["input"]) for body in embedded]
    assert asked == [("text-embedding-3-small", ["an apple", "a pear"])] * (example in _EMBEDDING)
    assert ("embeddings: 2 of 3 dimensions\n" in done.out) == (example in _EMBEDDING)
    assert not any(SECRET.encode() in request.raw for request in provider.requests)

    before = len(provider.requests)
    refused = examples.run(example, tmp_path, _variables(gateway, _BROKE), program)
    assert refused.code == 1, refused
    found = re.search(r"\(request ([^)]+)\)", refused.err)
    assert found is not None, refused.err
    assert "budget" in refused.err
    assert _logged(gateway, found[1], 402)["code"] == "budget_exceeded"
    assert len(provider.requests) == before


@pytest.mark.parametrize("example", [*_VENDORS, "pydantic-ai"])
def test_stream_that_breaks_off(
    example: str, provider: FakeProvider, gateway: GatewayProcess, tmp_path: Path
) -> None:
    """What came is shown, and what is wrong with it; nobody takes it for the whole."""
    _needs(example)
    vendor = _VENDORS.get(example, [_CHAT])[0]
    before = (_TEMPERATURE, _TYPED) if example == "pydantic-ai" else (_HELLO,)
    broken = events(vendor, begun(vendor, _COUNT), Sleep(0.1), Reset())
    script = provider.script(*(answer(vendor, say, stream=False) for say in before), broken)
    done = examples.run(example, tmp_path, _variables(gateway), _program(example))
    assert done.code == 1, done
    assert done.out.count("One, ") == 1
    assert _COUNT.text not in done.out
    assert (done.err.count("\n"), "stream broke off" in done.err) == (1, True), done.err
    assert len(script.requests) == len(before) + 1


def test_pydantic_ai(provider: FakeProvider, gateway: GatewayProcess, tmp_path: Path) -> None:
    _needs("pydantic-ai")
    script = _told(provider, _CHAT, _TEMPERATURE, _TYPED, _COUNT)
    done = examples.run("pydantic-ai", tmp_path, _variables(gateway), "main.py")
    assert (done.code, done.err) == (0, "")
    assert done.out == f"typed: 21 degrees in Lisbon\nstream: {_COUNT.text}\n"
    _, asked, again, _ = script.requests
    format_ = asked.json()["response_format"]["json_schema"]
    assert set(format_["schema"]["properties"]) == {"city", "celsius"}
    (result,) = [part for part in heard(_CHAT, again) if part.kind == "result"]
    assert (result.id, result.text) == ("call_1", "21")
    refused = examples.run("pydantic-ai", tmp_path, _variables(gateway, _BROKE), "main.py")
    assert refused.code == 1
    assert "402 budget_exceeded" in refused.err
    assert len(script.requests) == 4


def test_curl(provider: FakeProvider, gateway: GatewayProcess, tmp_path: Path) -> None:
    _needs("curl")
    script = _told(provider, _CHAT, _HELLO, _COUNT)
    done = examples.run("curl", tmp_path, _variables(gateway), "ask.sh")
    assert done.code == 0, done
    parts = re.split(r"^--- .*\n", done.out, flags=re.MULTILINE)
    _, chat, stream, embeddings, budget, usage = parts
    assert "x-fastgate-provider: openai" in chat
    assert _HELLO.text in chat
    assert "data: [DONE]" in stream
    assert msgspec.json.decode(embeddings) == _EMBEDDINGS
    (standing,) = msgspec.json.decode(budget)["budgets"]
    assert (standing["owner"], standing["limit_usd"]) == ("vk_test", "5.00")
    assert float(standing["spent_usd"]) > 0
    assert msgspec.json.decode(usage)["virtual_key"] == "vk_test"
    busy, asked, streamed = [request.json() for request in script.requests]
    assert busy == asked
    assert asked["max_completion_tokens"] == 500
    assert streamed["stream"] is True
    refused = examples.run("curl", tmp_path, _variables(gateway, _BROKE), "ask.sh")
    assert refused.code == 22  # curl's own: the status is an error
    assert '"code":"budget_exceeded"' in refused.out
    assert "--- stream" not in refused.out


def test_environment_alone(provider: FakeProvider, tmp_path: Path) -> None:
    """As `docker run --env-file` reads it; then a client of its route, whose first provider is away."""
    _needs("curl")
    given = {"OPENAI_API_KEY": "sk-a", "ANTHROPIC_API_KEY": "sk-b", "APP_KEY": SECRET}
    variables = _env_file((examples.EXAMPLES / "env-only" / "gateway.env").read_text(), given)
    addresses = {
        "OPENAI_BASE_URL": provider.url,
        "ANTHROPIC_BASE_URL": provider.url.removesuffix("/v1"),
    }
    away = provider.script(status_reply(503), secret="sk-a", path="/v1/chat/completions")
    both = [answer(_MESSAGES, _HELLO, stream=False), answer(_MESSAGES, _COUNT, stream=True)]
    other = provider.script(*both, secret="sk-b")
    with GatewayProcess(None, tmp_path, env=variables | addresses) as gateway:
        assert gateway.workers == 2
        done = examples.run("curl", tmp_path, {**_variables(gateway), "MODEL": "smart"}, "ask.sh")
        assert done.code == 0, done
        assert _HELLO.text in done.out
        assert "x-fastgate-provider: anthropic" in done.out
        assert away.requests
        assert [request.model for request in other.requests] == ["claude-sonnet-4-6"] * 2
        refused = examples.run("curl", tmp_path, {**_variables(gateway), "MODEL": "gpt-4o"}, "ask.sh")
        assert '"code":"model_not_allowed"' in refused.out


def test_environment_without_the_second_provider() -> None:
    text = (examples.EXAMPLES / "env-only" / "gateway.env").read_text()
    variables = _env_file(text, {"OPENAI_API_KEY": "sk-a", "APP_KEY": SECRET})
    settings, found = check(None, variables)
    assert settings is not None, found
    assert ["`anthropic` is not configured, so it is skipped" in str(problem) for problem in found] == [True]


def test_each_example_has_a_readme() -> None:
    for directory in examples.EXAMPLES.iterdir():
        lines = (directory / "README.md").read_text().splitlines()
        assert lines[0].startswith("# ")
        assert len(lines) <= 40, directory.name


def _needs(example: str) -> None:
    if reason := examples.missing(example):
        pytest.skip(reason)


def _program(example: str) -> str:
    return "main.js" if (examples.EXAMPLES / example / "package.json").exists() else "main.py"


def _variables(gateway: GatewayProcess, key: str = SECRET) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": gateway.base_url,
        "OPENAI_API_KEY": key,
        "ANTHROPIC_BASE_URL": gateway.url,
        "ANTHROPIC_API_KEY": key,
    }


def _told(provider: FakeProvider, vendor: Upstream, *says: Say) -> Script:
    """To be busy once, and then to answer; `_COUNT` is streamed."""
    busy: Reply = status_reply(429, vendor.problem("Slow down."), retry_after="1")
    answers = [answer(vendor, say, stream=say is _COUNT) for say in says]
    path = "/v1/messages" if vendor is _MESSAGES else "/v1/chat/completions"
    return provider.script(busy, *answers, path=path, secret=f"secret-of-{vendor.name}")


def _assert_asked(vendor: Upstream, requests: list[Request]) -> None:
    busy, hello, count, call, warm = requests
    assert busy.json() == hello.json()
    assert hello.received_ns - busy.received_ns >= 900_000_000  # it was told to wait for a second
    bodies: list[dict[str, Any]] = [request.json() for request in (hello, count, call, warm)]
    assert [bool(body.get("stream")) for body in bodies] == [False, True, False, False]
    assert "get_weather" in call.body.decode()
    (asked,) = [part for part in heard(vendor, warm) if part.kind == "call"]
    (result,) = [part for part in heard(vendor, warm) if part.kind == "result"]
    assert (asked.id, asked.name, asked.arguments) == ("call_1", "get_weather", {"city": "Lisbon"})
    assert result.id == "call_1"
    assert "21" in result.text


def _logged(gateway: GatewayProcess, request_id: str, status: int) -> LogLine:
    """A client that repeats a request gives each the same id."""
    parts = (f'"{request_id}"', '"exchange"', f'"status":{status}')
    text = gateway.child.stderr.wait_for(lambda line: all(part in line for part in parts), 10)
    assert text is not None, parts
    line: LogLine = msgspec.json.decode(text)
    return line


def _env_file(text: str, given: dict[str, str]) -> dict[str, str]:
    """Nothing is quoted; a name alone is taken from the outside."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    pairs = [line.partition("=") for line in lines]
    return {
        name: value if equals else given[name] for name, equals, value in pairs if equals or name in given
    }
