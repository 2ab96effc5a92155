"""`logprobsResult` and the shape of OpenAI's chat, in which `domain.reply` has probabilities."""

from typing import Any

import msgspec

from fastgate.wire.gemini.shapes import LikelyToken, LogprobsResult


class _Top(msgspec.Struct):
    token: str
    logprob: float


class _Token(_Top):
    top_logprobs: list[_Top] = []


class _Logprobs(msgspec.Struct):
    content: list[_Token] | None = None


_logprobs = msgspec.json.Decoder(_Logprobs)


def read_logprobs(result: LogprobsResult | None) -> msgspec.Raw | None:
    """None where there are none."""
    if result is None or not result.chosen_candidates:
        return None
    tops = [each.candidates or [] for each in result.top_candidates or ()]
    tops += [[] for _ in range(len(result.chosen_candidates) - len(tops))]
    content = [
        {**_token(chosen), "top_logprobs": [_token(each) for each in top]}
        for chosen, top in zip(result.chosen_candidates, tops, strict=False)
    ]
    return msgspec.Raw(msgspec.json.encode({"content": content, "refusal": None}))


def _token(said: LikelyToken) -> dict[str, Any]:
    return {"token": said.token, "logprob": said.log_probability, "bytes": list(said.token.encode())}


def logprobs_result(logprobs: msgspec.Raw) -> dict[str, Any] | None:
    """As it is written for clients; None where there are none."""
    content = _logprobs.decode(logprobs).content
    if not content:
        return None
    result: dict[str, Any] = {
        "chosenCandidates": [{"token": each.token, "logProbability": each.logprob} for each in content]
    }
    if any(each.top_logprobs for each in content):
        result["topCandidates"] = [
            {"candidates": [{"token": top.token, "logProbability": top.logprob} for top in each.top_logprobs]}
            for each in content
        ]
    return result
