"""The matrix of docs/providers.md, in Markdown."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from fastgate.domain.format import CONVERSATIONS, EMBEDDINGS, RERANKS, Format
from fastgate.wire.formats import PROVIDERS
from fastgate.wire.reference import answers, requests, turns
from fastgate.wire.reference.embeddings import EMBEDDING_FEATURES, RANKING_FEATURES
from fastgate.wire.reference.requests import SIDES, TARGETS
from fastgate.wire.reference.samples import REQUESTS
from fastgate.wire.reference.verdict import Verdict

Judge = Callable[[Format, str], Verdict]
"""What becomes of a feature with an upstream format."""

_INTRO: Final = """
## What survives a translation

Where the provider has an endpoint of the client's own format, the bytes pass through and nothing is lost.
Else the request is read into a neutral conversation and written anew, and so is the answer. This is made by
running the translators: a request of the client's format that says the feature is written for the upstream
format, what they name as lost is noted, and the body is read again.

- **yes**: it is said there too.
- **emulated**: by other means, or in other words: a developer's message as a system message, an image in a
  tool's result as one of the user's, base64 by the gateway itself.
- **in part**: some of it, such as the largest temperature that the provider takes in place of 1.5.
- **dropped**: not at all. Of a request both are named in the header `x-fastgate-dropped`, or refused with
  `compat: strict`. Of an answer it is named there as `answer.image`, `answer.logprobs` and so on. A stream's
  headers are sent before that is known: it is named in the log line (`dropped`), and at the end in a comment,
  `: fastgate dropped=answer.image`, where the stream is of server-sent events and not Gemini's. Parts of the
  usage without a field of their own are only in its sums.
- **refused**: 400, as a request without it would be another one.
- **-**: the client's format cannot say it, or, of an answer, the provider's.

Answers of Messages, InvokeModel and completions have no images. One that a model made reaches their clients
in words: as its address on the web, in Markdown, or as a sentence that stands in its place. So does an image
that is not there as bytes with Responses and Converse.

Bedrock's InvokeModel (`invoke`) and Claude on Vertex AI are as `messages`. What a model cannot do depends on
the model too; shown are {models}.

What a provider says beside the content, and only its own format has a word for, is named in the same way,
once an answer:

{beside}
A client's `anthropic-beta` is named (`anthropic-beta: context-1m-2025-08-07`) where the provider is not told
it: all but Anthropic and Claude on Vertex AI, and Bedrock for names that it does not know. So are
`serviceTier` and `store` of Gemini's clients at Vertex AI, which has neither.

What has no row here goes through `provider_options`, in requests of OpenAI's, Anthropic's and Cohere's:
`"provider_options": {{"anthropic": {{"top_k": 5}}}}` adds fields to the body for this provider, dialect or
format, and for no other. What a call is routed or billed by is refused there.
"""
_FAMILIES: Final = (
    ("requests", CONVERSATIONS, REQUESTS),
    ("requests for embeddings", EMBEDDINGS, EMBEDDING_FEATURES),
    ("requests for rankings", RERANKS, RANKING_FEATURES),
)


def render() -> str:
    models = ", ".join(model for format_, (_, model) in TARGETS.items() if format_ in CONVERSATIONS)
    parts = [_INTRO.format(models=models, beside="".join(_beside()))]
    for title, family, features in _FAMILIES:
        upstreams = [each for each in TARGETS if each in family]
        for client in (each for each in SIDES if each in family):
            parts.append(f"\n### {client.value}: {title}\n\n")
            parts.append(_table(upstreams, features, _asked(client)))
            if family is CONVERSATIONS:
                parts.append(f"\n### {client.value}: answers\n\n")
                parts.append(_table(upstreams, answers.ANSWERS, _answered(client)))
                parts.append(_table(upstreams, turns.SEALS, _returned(client), head=False))
    return "".join(parts)


def _beside() -> Iterator[str]:
    for format_, provider in PROVIDERS.items():
        if names := provider.beside.names:
            listed = ", ".join(f"`answer.{name}`" for name in sorted(names))
            yield f"- **{format_.value}**: {listed}\n"


def _asked(client: Format) -> Judge:
    return lambda upstream, feature: requests.verdict(client, upstream, feature)


def _answered(client: Format) -> Judge:
    return lambda upstream, feature: answers.verdict(upstream, client, feature)


def _returned(client: Format) -> Judge:
    return lambda upstream, seal: turns.verdict(upstream, client, seal)


def _table(upstreams: list[Format], features: Iterable[str], judge: Judge, *, head: bool = True) -> str:
    """Without the rows that say nothing."""
    rows: list[str] = []
    if head:
        rows.append(f"| | {' | '.join(each.value for each in upstreams)} |\n")
        rows.append(f"|---|{'---|' * len(upstreams)}\n")
    for feature in features:
        verdicts = [judge(upstream, feature) for upstream in upstreams]
        if any(verdict is not Verdict.UNSAYABLE for verdict in verdicts):
            rows.append(f"| {feature} | {' | '.join(verdicts)} |\n")
    return "".join(rows)
