"""What docs/providers.md says of translations is found out, and nothing is lost in silence."""

from collections.abc import Callable
from typing import Any

import pytest

from fastgate.domain.format import CONVERSATIONS, FAMILIES, Format
from fastgate.wire.formats import CLIENTS, PROVIDERS
from fastgate.wire.interface import Losses, ProviderFormat, Request, Target
from fastgate.wire.reference import answers, requests, turns
from fastgate.wire.reference.embeddings import EMBEDDING_FEATURES, RANKING_FEATURES
from fastgate.wire.reference.requests import SIDES, TARGETS
from fastgate.wire.reference.samples import REQUESTS, TWO_TEXTS
from fastgate.wire.reference.unread_answers import SIGNS
from fastgate.wire.reference.verdict import Verdict, covers

_PAIRS = [
    (client, upstream)
    for client in SIDES
    for upstream in TARGETS
    if any(family >= {client, upstream} for family in FAMILIES)
]


class Writer:
    """A provider's format whose requests are written, or reported, wrongly."""

    def __init__(self, inner: ProviderFormat, spoil: Callable[[dict[str, Any], Losses], None]) -> None:
        self._inner = inner
        self._spoil = spoil

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        members = self._inner.write_request(request, target, losses)
        self._spoil(members, losses)
        return members


def test_every_format_is_shown() -> None:
    alike = {Format.INVOKE}  # as Messages
    assert set(CLIENTS) - set(SIDES) == alike
    assert set(PROVIDERS) - set(TARGETS) == alike


@pytest.mark.parametrize("client", SIDES)
def test_every_sample_has_a_row_and_is_understood(client: Format) -> None:
    side = SIDES[client]
    rows = {*REQUESTS, *EMBEDDING_FEATURES, *RANKING_FEATURES, TWO_TEXTS}
    assert side.said.keys() <= rows
    for members in side.said.values():
        requests.read(client, {**side.plain, **members})


@pytest.mark.parametrize(("client", "upstream"), _PAIRS)
def test_nothing_is_lost_in_silence(client: Format, upstream: Format) -> None:
    features = SIDES[client].said.keys() - {TWO_TEXTS}
    lost = [name for name in features if requests.verdict(client, upstream, name) is Verdict.SILENT]
    assert lost == []


@pytest.mark.parametrize("client", [each for each in SIDES if each in CONVERSATIONS])
def test_nothing_of_an_answer_is_lost_in_silence(client: Format) -> None:
    upstreams = [each for each in TARGETS if each in CONVERSATIONS]
    verdicts = {(up, name): answers.verdict(up, client, name) for up in upstreams for name in answers.ANSWERS}
    assert [place for place, verdict in verdicts.items() if verdict is Verdict.SILENT] == []


def test_a_writer_that_forgets_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    forgetful = Writer(PROVIDERS[Format.MESSAGES], lambda members, losses: members.pop("top_p", None))
    monkeypatch.setitem(PROVIDERS, Format.MESSAGES, forgetful)
    assert requests.verdict(Format.CHAT, Format.MESSAGES, "`top_p`") is Verdict.SILENT
    assert requests.verdict(Format.CHAT, Format.MESSAGES, "`top_k`") is Verdict.YES


def test_a_writer_that_says_something_else_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(members: dict[str, Any], losses: Losses) -> None:
        if "stop_sequences" in members:
            members["stop_sequences"] = ["other"]

    monkeypatch.setitem(PROVIDERS, Format.MESSAGES, Writer(PROVIDERS[Format.MESSAGES], spoil))
    assert requests.verdict(Format.CHAT, Format.MESSAGES, "stop sequences") is Verdict.EMULATED


@pytest.mark.parametrize(
    ("client", "upstream", "feature", "wanted"),
    [
        (Format.CHAT, Format.CHAT, "seed", Verdict.YES),
        (Format.CHAT, Format.MESSAGES, "seed", Verdict.DROPPED),
        (Format.CHAT, Format.MESSAGES, "temperature above 1", Verdict.PARTLY),
        (Format.CHAT, Format.MESSAGES, "developer message", Verdict.EMULATED),
        (Format.CONVERSE, Format.MESSAGES, "seed", Verdict.UNSAYABLE),
        (Format.EMBEDDINGS, Format.COHERE_EMBED, "token ids", Verdict.REFUSED),
    ],
)
def test_verdicts_of_requests(client: Format, upstream: Format, feature: str, wanted: Verdict) -> None:
    assert requests.verdict(client, upstream, feature) is wanted


@pytest.mark.parametrize(
    ("upstream", "client", "feature", "wanted"),
    [
        (Format.CHAT, Format.MESSAGES, "several answers", Verdict.DROPPED),
        (Format.MESSAGES, Format.CHAT, "several answers", Verdict.UNSAYABLE),
        (Format.MESSAGES, Format.CHAT, "usage: from the cache", Verdict.YES),
        (Format.CHAT, Format.CONVERSE, "refusal", Verdict.EMULATED),
        (Format.OLLAMA_CHAT, Format.MESSAGES, "parallel calls", Verdict.YES),
        (Format.MESSAGES, Format.RESPONSES, "thinking", Verdict.YES),
        (Format.GENERATE_CONTENT, Format.RESPONSES, "image", Verdict.YES),
        (Format.GENERATE_CONTENT, Format.CONVERSE, "image", Verdict.YES),
        (Format.CHAT, Format.MESSAGES, "image", Verdict.DROPPED),
        (Format.MESSAGES, Format.CHAT, "image", Verdict.UNSAYABLE),
        (Format.MESSAGES, Format.RESPONSES, "finish: which stop sequence", Verdict.DROPPED),
    ],
)
def test_verdicts_of_answers(upstream: Format, client: Format, feature: str, wanted: Verdict) -> None:
    assert answers.verdict(upstream, client, feature) is wanted


@pytest.mark.parametrize("client", SIGNS)
def test_no_plain_answer_has_a_sign_of_more(client: Format) -> None:
    assert client not in PROVIDERS
    assert SIGNS[client].keys() <= answers.ANSWERS.keys()
    plain = answers.write(client, answers.PLAIN_REPLY, Losses())
    assert [name for name, signs in SIGNS[client].items() if any(sign.seen_in(plain) for sign in signs)] == []


@pytest.mark.parametrize("seal", turns.SEALS)
@pytest.mark.parametrize("client", [each for each in SIDES if each in turns.NEXT])
def test_seals_come_back_to_who_made_them(client: Format, seal: str) -> None:
    verdicts = {turns.verdict(upstream, client, seal) for upstream in TARGETS}
    assert verdicts == {Verdict.YES, Verdict.UNSAYABLE}


@pytest.mark.parametrize(
    ("got", "wanted", "same"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": None}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1, 2], [1], False),
        ([None], [False], False),
        ({"b": [{"c": "x", "d": "y"}]}, {"b": [{"c": "x"}]}, True),
    ],
)
def test_covers(got: object, wanted: object, same: bool) -> None:
    assert covers(got, wanted) is same
