"""Legacy completions: how a request says each feature."""

from typing import Final

from fastgate.wire.reference.samples import ASKED, Said

PLAIN_REQUEST: Final = {"model": "m", "prompt": ASKED}

SAID: Final[Said] = {
    "output cap": {"max_tokens": 77},
    "stop sequences": {"stop": ["END"]},
    "temperature": {"temperature": 0.5},
    "temperature above 1": {"temperature": 1.5},
    "`top_p`": {"top_p": 0.5},
    "penalties": {"frequency_penalty": 0.5, "presence_penalty": 0.5},
    "seed": {"seed": 7},
    "several answers": {"n": 2},
    "logprobs": {"logprobs": 2},
    "logit bias": {"logit_bias": {"50256": -100}},
    "end user": {"user": "u"},
    "a field unknown here": {"brand_new": 1},
}
