"""What is sent to Anthropic, Bedrock and Gemini for a chat, beside what the `litellm` SDK sends for the same.

Every difference is in `DIFFERENCES`, with its reason, and everything there is a difference.
"""

import re
import subprocess
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from tests.contract.litellm.chats import PLAIN, REQUESTS
from tests.support.processes import ROOT, python_environment

from fastgate.domain.dialect import DialectName
from fastgate.domain.format import Format
from fastgate.wire.formats import CLIENTS, PROVIDERS
from fastgate.wire.interface import Losses, Target

_PYTHON: Final = ROOT / "build" / "litellm" / "bin" / "python"
_SEND: Final = ROOT / "tests" / "contract" / "litellm" / "send.py"
_TIMEOUT_S: Final = 120
_ABSENT: Final = "absent"

pytestmark = [
    pytest.mark.skipif(not _PYTHON.exists(), reason=f"litellm is not installed in {_PYTHON.parents[1]}"),
    pytest.mark.timeout(_TIMEOUT_S),
]


class Vendor(NamedTuple):
    dialect: DialectName
    format: Format
    model: str
    litellm_model: str


class Difference(NamedTuple):
    """`path` and `request` are expressions for the whole path and the request's whole name."""

    path: str
    why: str
    request: str = ".*"


VENDORS: Final = {
    "anthropic": Vendor(
        DialectName.ANTHROPIC, Format.MESSAGES, "claude-sonnet-4-6", "anthropic/claude-sonnet-4-6"
    ),
    "bedrock": Vendor(
        DialectName.BEDROCK,
        Format.CONVERSE,
        "anthropic.claude-sonnet-4-6",
        "bedrock/converse/anthropic.claude-sonnet-4-6",
    ),
    "gemini": Vendor(DialectName.GEMINI, Format.GENERATE_CONTENT, "gemini-2.5-pro", "gemini/gemini-2.5-pro"),
}

_ONE_OF_TWO: Final = (
    "Claude refuses temperature and top_p at once since 4.5: the second is left out, and named as dropped"
)
_UNASKED_THOUGHTS: Final = "litellm wants a summary of the thinking, which the client did not ask for"

DIFFERENCES: Final = {
    "anthropic": [
        Difference(r"top_p", _ONE_OF_TWO, "sampling"),
        Difference(r"tools\[\d\]\.type", "`custom` is what a tool without a type is"),
        Difference(r"messages\[0\]\.content\[1\]\.title", "litellm leaves out the file's name", "document"),
        Difference(r"output_format\..*", "a name of the beta's time", "schema"),
        Difference(r"output_config\.format\..*", "the name since structured outputs are no beta", "schema"),
        Difference(r"thinking\.display", _UNASKED_THOUGHTS, "effort"),
    ],
    "bedrock": [
        Difference(r"inferenceConfig\.topP", _ONE_OF_TWO, "sampling"),
        Difference(r"additionalModelResponseFieldPaths\[0\]", "asks which of the sequences it was", "stop"),
        Difference(
            r"additionalModelResponseFieldPaths\[0\]",
            "litellm asks for how many tokens were thinking; they are billed as all output",
            "effort|budget",
        ),
        Difference(r"toolConfig\.toolChoice\.auto", "what Converse does anyway", "choice auto"),
        Difference(
            r"refused|messages\[0\]\..*|inferenceConfig\.maxTokens",
            "litellm refuses it; without tools, the model calls none",
            "choice none",
        ),
        Difference(
            r"messages\[0\]\.content\[1\]\.document\.name",
            "litellm makes a name of a hash; the file has one",
            "document",
        ),
        Difference(r"additionalModelRequestFields\.thinking\.display", _UNASKED_THOUGHTS, "effort"),
    ],
    "gemini": [
        Difference(
            r"tools\[0\]\.function_declarations\[\d\]\.parameters\..*",
            "litellm rewrites the schema as one of OpenAPI's, and loses `additionalProperties`",
        ),
        Difference(
            r"tools\[0\]\.function_declarations\[\d\]\.parameters_json_schema\..*",
            "a JSON Schema has a field of its own, and goes as it is",
        ),
        Difference(
            r"contents\[\d\]\.parts\[\d\]\.function_(call|response)\.id",
            "with ids, parallel calls of one function can be told apart",
            ".* loop",
        ),
        Difference(
            r"contents\[2\]\.parts\[\d\]\.function_response\.response\.(output|content)",
            "Gemini's documents name `output` for what a function gave",
            ".* loop",
        ),
        Difference(
            r"generation_config\.thinking_config\.include_thoughts", _UNASKED_THOUGHTS, "effort|budget"
        ),
    ],
}


@pytest.fixture(scope="module")
def sent() -> dict[tuple[str, str], Any]:
    """Bodies that litellm sends, by vendor and request."""
    asked = {
        "models": {name: vendor.litellm_model for name, vendor in VENDORS.items()},
        "requests": {name: {**PLAIN, **request} for name, request in REQUESTS.items()},
    }
    done = subprocess.run(
        [str(_PYTHON), str(_SEND)],
        input=msgspec.json.encode(asked),
        env=python_environment(),
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    lines = (msgspec.json.decode(line) for line in done.stdout.splitlines() if line.startswith(b"["))
    return {(vendor, request): body for vendor, request, body in lines}


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("vendor", VENDORS)
def test_every_difference_is_explained(
    vendor: str, request_name: str, sent: dict[tuple[str, str], Any]
) -> None:
    unexplained = [
        f"{path}: {ours!r} here, {theirs!r} there"
        for path, ours, theirs in _differences(vendor, request_name, sent)
        if _explanation(vendor, request_name, path) is None
    ]
    assert unexplained == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_explanation_explains_a_difference(vendor: str, sent: dict[tuple[str, str], Any]) -> None:
    used = {
        _explanation(vendor, request, path)
        for request in REQUESTS
        for path, _, _ in _differences(vendor, request, sent)
    }
    assert [each for each in DIFFERENCES[vendor] if each not in used] == []


def _explanation(vendor: str, request: str, path: str) -> Difference | None:
    for each in DIFFERENCES[vendor]:
        if re.fullmatch(each.request, request) and re.fullmatch(each.path, path):
            return each
    return None


def _differences(
    vendor: str, request: str, sent: dict[tuple[str, str], Any]
) -> Iterator[tuple[str, Any, Any]]:
    """Path, what is sent here, and what litellm sends."""
    ours = dict(_leaves(_spelled_alike(_ours(vendor, request))))
    theirs = dict(_leaves(_spelled_alike(sent[vendor, request])))
    for path in sorted({*ours, *theirs}):
        pair = ours.get(path, _ABSENT), theirs.get(path, _ABSENT)
        if pair[0] != pair[1]:
            yield path, *pair


def _ours(name: str, request: str) -> Any:
    vendor = VENDORS[name]
    body = msgspec.json.encode({"model": vendor.model, **PLAIN, **REQUESTS[request]})
    target = Target(
        provider=name,
        model=vendor.model,
        stream=False,
        default_max_tokens=4096,
        cap=None,
        dialect=vendor.dialect,
    )
    neutral = CLIENTS[Format.CHAT].read_request(body, None)
    members = PROVIDERS[vendor.format].write_request(neutral, target, Losses())
    return msgspec.json.decode(msgspec.json.encode(members))


def _spelled_alike(value: Any) -> Any:
    """What the vendors take in two spellings in one of them: a text for a list of one, Gemini's names in
    camel case; and JSON within a text as what it says."""
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], dict) and value[0].keys() == {"type", "text"}:
            return value[0]["text"]
        return [_spelled_alike(each) for each in value]
    if isinstance(value, str) and value.startswith("{"):
        return msgspec.json.decode(value)
    if not isinstance(value, dict):
        return value
    if "contents" in value:
        return _snake(value)
    return {name: _spelled_alike(each) for name, each in value.items()}


def _snake(value: Any) -> Any:
    if isinstance(value, list):
        return [_snake(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {re.sub("[A-Z]", lambda m: f"_{m[0].lower()}", name): _snake(each) for name, each in value.items()}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from _leaves(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            yield from _leaves(each, f"{path}[{index}]")
    else:
        yield path, value
