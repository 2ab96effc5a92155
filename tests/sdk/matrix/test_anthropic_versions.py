"""Anthropic's API of October 2026 refuses what the one before took. A client that asks for it is told so; of
others nothing is written that it refuses."""

from collections.abc import Iterator
from typing import Any, Final

import anthropic
import pytest
from anthropic import Anthropic
from openai import OpenAI
from tests.sdk.matrix.conftest import Stage
from tests.sdk.matrix.upstreams import UNSAMPLED, UPSTREAMS
from tests.support.gateway_process import SECRET

pytestmark = pytest.mark.sdk

_ASK: Final = "SCENE-text"
_TEXT: Final = "Good morning, 你好 🦊."
_CLAUDES: Final = ("anthropic", "vertex-claude", "bedrock-claude")
_SAMPLED: Final = {"temperature": 0.2, "top_p": 0.9}
_SOURCE: Final = {"type": "text", "media_type": "text/plain", "data": "A page."}
_CITED: Final = {
    "type": "char_location",
    "cited_text": "A page.",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 7,
}
_REFUSED: Final[dict[str, dict[str, Any]]] = {
    "temperature": {"temperature": 1},
    "top_p": {"top_p": 1},
    "top_k": {"top_k": 5},
    "documents": {
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [{"type": "document", "source": _SOURCE}]},
            {"role": "user", "content": _ASK},
        ]
    },
    "citations": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": _ASK, "citations": [_CITED]}]},
        ]
    },
}


@pytest.fixture
def sdk(stage: Stage) -> Iterator[Anthropic]:
    with Anthropic(base_url=stage.gateway.url, api_key=SECRET, max_retries=0) as client:
        yield client


def _asked(**more: Any) -> dict[str, Any]:
    messages = more.pop("messages", [{"role": "user", "content": _ASK}])
    return {"max_tokens": 9, "messages": messages, "extra_body": more}


@pytest.mark.parametrize("refused", _REFUSED)
@pytest.mark.parametrize("upstream", ["anthropic", "vertex-claude"])
def test_its_own_client_is_told_what_is_refused(
    stage: Stage, sdk: Anthropic, upstream: str, refused: str
) -> None:
    with pytest.raises(anthropic.BadRequestError, match=refused):
        sdk.messages.create(model=UPSTREAMS[upstream].model, **_asked(**_REFUSED[refused]))
    assert refused in stage.upstreams.refused.pop()


@pytest.mark.parametrize("upstream", _CLAUDES)
def test_a_client_of_the_version_before_may_say_it(stage: Stage, sdk: Anthropic, upstream: str) -> None:
    older = sdk.with_options(default_headers={"anthropic-version": "2023-06-01"})
    answer = older.messages.create(model=UPSTREAMS[upstream].model, **_asked(temperature=0.2))
    assert answer.content[0].type == "text"
    assert stage.upstreams.seen[-1][1].json()["temperature"] == 0.2
    assert stage.upstreams.refused == []


@pytest.mark.parametrize(
    ("model", "kept", "dropped"),
    [
        *((UPSTREAMS[name].model, {"temperature": 0.2}, "top_p") for name in _CLAUDES[:2]),
        (UNSAMPLED, {}, "temperature, top_p"),
    ],
)
def test_for_another_client_it_is_written_in_the_version_that_takes_it(
    stage: Stage, model: str, kept: dict[str, float], dropped: str
) -> None:
    """Of temperature and top_p newer models take one under any version, and the newest neither."""
    with OpenAI(base_url=stage.gateway.base_url, api_key=SECRET, max_retries=0) as client:
        answer = client.chat.completions.with_raw_response.create(
            model=model,
            messages=[{"role": "user", "content": _ASK}],
            temperature=_SAMPLED["temperature"],
            top_p=_SAMPLED["top_p"],
        )
    assert answer.parse().choices[0].message.content == _TEXT
    assert answer.headers["x-fastgate-dropped"] == dropped
    asked = stage.upstreams.seen[-1][1]
    body = asked.json()
    assert {name: body[name] for name in _SAMPLED if name in body} == kept
    version = body.get("anthropic_version", asked.headers.get("anthropic-version"))
    assert version == ("vertex-2023-10-16" if "anthropic_version" in body else "2023-06-01")
    assert stage.upstreams.refused == []


def test_another_vendor_takes_what_it_takes(stage: Stage, sdk: Anthropic) -> None:
    """Bedrock's Claude is written to in the version before."""
    for name in ("gemini", "bedrock-claude"):
        answer = sdk.messages.create(model=UPSTREAMS[name].model, **_asked(**_SAMPLED))
        assert answer.content[0].type == "text"
    (_, of_gemini), (_, of_bedrock) = stage.upstreams.seen[-2:]
    config = of_gemini.json()["generationConfig"]
    assert (config["temperature"], config["topP"]) == (0.2, 0.9)
    body = of_bedrock.json()
    assert (body["temperature"], body["anthropic_version"]) == (0.2, "bedrock-2023-05-31")
    assert stage.upstreams.refused == []
