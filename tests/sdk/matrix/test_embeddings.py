"""Embeddings in every SDK's shape over every upstream that has them, and rerank."""

from itertools import product
from typing import Any, Final

import pytest
from tests.sdk.matrix.conftest import Stage
from tests.sdk.matrix.sdks import SDKS, Sdk
from tests.sdk.matrix.tasks import TASKS
from tests.sdk.matrix.upstreams import EMBEDDERS, RERANKERS
from tests.support.vendors.scenes import INPUT_TOKENS, VECTOR

pytestmark = pytest.mark.sdk

# openai-python asks for base64 unasked, which `embed` leaves to it.
_CALLS: Final = {"openai": ("embed", "embed_floats"), "google": ("embed",), "cohere": ("embed",)}
_SDKS: Final = [sdk for sdk in SDKS.values() if sdk.dialect in _CALLS]
_PYTHON: Final = [SDKS["openai-python-3"], SDKS["openai-python-1"]]
_ONE_BY_ONE: Final = "bedrock"
"""Its Titan takes one text a request."""


def _cases() -> list[Any]:
    return [
        pytest.param(sdk, vendor, call, id=f"{sdk.name}-{vendor}-{call}")
        for sdk, vendor in product(_SDKS, EMBEDDERS)
        for call in _CALLS[sdk.dialect]
        if call == "embed" or not sdk.node
    ]


def _input_tokens(vendor: str, texts: int) -> int | None:
    """What the upstream counted: Gemini says nothing of it, and Vertex AI it of each text."""
    if vendor == "gemini":
        return None
    return INPUT_TOKENS * (texts if vendor == "vertex" else 1)


@pytest.mark.parametrize(("sdk", "vendor", "call"), _cases())
def test_embeddings(stage: Stage, sdk: Sdk, vendor: str, call: str) -> None:
    task = "single" if vendor == _ONE_BY_ONE else "texts"
    said, (asked,) = stage.play(sdk, call, EMBEDDERS[vendor], task)
    texts = TASKS[task]["texts"]
    assert said["vectors"] == [list(VECTOR)] * len(texts)
    if sdk.dialect != "google":  # it tells no usage
        assert (said["input"] or None) == _input_tokens(vendor, len(texts))
    for text in texts:
        assert f'"{text}"'.encode() in asked.body


@pytest.mark.parametrize("sdk", _PYTHON, ids=lambda sdk: sdk.name)
def test_tokens_reach_the_vendor_whose_they_are(stage: Stage, sdk: Sdk) -> None:
    said, (asked,) = stage.play(sdk, "embed_tokens", EMBEDDERS["openai"], "texts")
    assert said == {"vectors": [list(VECTOR)] * 2, "input": INPUT_TOKENS}
    assert asked.json()["input"] == [[15339, 1917], [11]]


@pytest.mark.parametrize("vendor", [vendor for vendor in EMBEDDERS if vendor != "openai"])
def test_tokens_are_refused_elsewhere(stage: Stage, vendor: str) -> None:
    said, asked = stage.play(SDKS["openai-python-3"], "embed_tokens", EMBEDDERS[vendor], "texts")
    assert said == {"raised": "BadRequestError", "status": 400}
    assert asked == []


@pytest.mark.parametrize("sdk", [SDKS["openai-python-3"], SDKS["cohere-7"]], ids=lambda sdk: sdk.name)
def test_several_texts_are_refused_where_one_is_taken(stage: Stage, sdk: Sdk) -> None:
    said, asked = stage.play(sdk, "embed", EMBEDDERS[_ONE_BY_ONE], "texts")
    assert said == {"raised": "BadRequestError", "status": 400}
    assert asked == []


def test_titan_in_its_own_words(stage: Stage) -> None:
    said, _ = stage.play(SDKS["boto3"], "embed", EMBEDDERS["bedrock"], "single")
    assert said == {"vectors": [list(VECTOR)], "input": INPUT_TOKENS}


@pytest.mark.parametrize("vendor", RERANKERS)
def test_rerank(stage: Stage, vendor: str) -> None:
    said, (asked,) = stage.play(SDKS["cohere-7"], "rerank", RERANKERS[vendor], "texts")
    assert said == [[1, 0.9]]
    assert asked.json()["documents"] == ["one", "two"]
