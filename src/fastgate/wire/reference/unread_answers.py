"""Answers of the formats that no provider speaks, so that nothing of the gateway reads them: by what one sees
in their JSON that a feature arrived, as itself or in other words. What is not here does not arrive.
"""

from collections.abc import Mapping
from typing import Final

from fastgate.domain.format import Format
from fastgate.wire.reference.samples import PIXEL, PLAIN
from fastgate.wire.reference.verdict import Verdict


class Sign:
    """All of `parts` are in the answer."""

    __slots__ = ("parts", "verdict")

    def __init__(self, verdict: Verdict, *parts: bytes) -> None:
        self.verdict = verdict
        self.parts = parts

    def seen_in(self, body: bytes) -> bool:
        return all(part in body for part in self.parts)


Signs = Mapping[str, tuple[Sign, ...]]

_USAGE: Final[Signs] = {
    "usage: from the cache": (Sign(Verdict.YES, b'"cached_tokens":300'),),
    "usage: into the cache": (Sign(Verdict.YES, b'"cache_write_tokens":200'),),
    "usage: into it for an hour": (Sign(Verdict.EMULATED, b'"cache_write_tokens":200'),),
    "usage: reasoning": (Sign(Verdict.YES, b'"reasoning_tokens":50'),),
}

SIGNS: Final[Mapping[Format, Signs]] = {
    Format.RESPONSES: {
        **_USAGE,
        "tool call": (Sign(Verdict.YES, b'"type":"function_call"', b'"name":"look"'),),
        "parallel calls": (Sign(Verdict.YES, b'"name":"look"', b'"name":"hear"'),),
        "text before a call": (Sign(Verdict.YES, PLAIN.encode(), b'"name":"look"'),),
        "thinking": (Sign(Verdict.YES, b'"type":"reasoning"', b"Hm."),),
        "refusal": (
            Sign(Verdict.YES, b'"refusal":"No."'),
            Sign(Verdict.EMULATED, b'"reason":"content_filter"', b'"text":"No."'),
        ),
        "image": (Sign(Verdict.YES, b'"type":"image_generation_call"', PIXEL.encode()),),
        "citation of a page": (Sign(Verdict.YES, b'"type":"url_citation"', b"https://example.com/"),),
        "logprobs": (Sign(Verdict.YES, b'"logprob":-0.5'),),
        "finish: output cap": (Sign(Verdict.YES, b'"reason":"max_output_tokens"'),),
        "finish: context full": (Sign(Verdict.EMULATED, b'"reason":"max_output_tokens"'),),
        "finish: filtered": (Sign(Verdict.YES, b'"reason":"content_filter"'),),
        "service tier": (Sign(Verdict.YES, b'"service_tier":"priority"'),),
    },
    Format.COMPLETIONS: {
        **_USAGE,
        "refusal": (Sign(Verdict.EMULATED, b'"text":"No."'),),
        "several answers": (Sign(Verdict.YES, b'"text":"Another."'),),
        "logprobs": (Sign(Verdict.YES, b"-0.5"),),
        "finish: output cap": (Sign(Verdict.YES, b'"finish_reason":"length"'),),
        "finish: context full": (Sign(Verdict.EMULATED, b'"finish_reason":"length"'),),
        "finish: filtered": (Sign(Verdict.YES, b'"finish_reason":"content_filter"'),),
    },
}
