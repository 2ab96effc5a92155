"""`logprobsResult` and the shape of OpenAI's chat, in which `domain.reply` has probabilities."""

from typing import Any

import msgspec

from fastgate.wire.gemini.shapes import LikelyToken, LogprobsResult
from fastgate.wire.logprobs import Chosen, Token, chosen_in, written


def read_logprobs(result: LogprobsResult | None) -> msgspec.Raw | None:
    """None where there are none."""
    if result is None or not result.chosen_candidates:
        return None
    tops = [each.candidates or [] for each in result.top_candidates or ()]
    tops += [[] for _ in range(len(result.chosen_candidates) - len(tops))]
    pairs = zip(result.chosen_candidates, tops, strict=False)
    return written([_chosen(chosen, top) for chosen, top in pairs])


def _chosen(said: LikelyToken, tops: list[LikelyToken]) -> Chosen:
    top_logprobs = [Token(each.token, each.log_probability, list(each.token.encode())) for each in tops]
    return Chosen(said.token, said.log_probability, list(said.token.encode()), top_logprobs)


def logprobs_result(logprobs: msgspec.Raw) -> dict[str, Any] | None:
    """As it is written for clients; None where there are none that can be read."""
    content = chosen_in(logprobs)
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
