import time

from fastgate.routing.suggest import Suggester

NAMES = ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "claude-sonnet-4-6", "llama-3.3-70b-versatile", "smart"]


def test_typing_errors() -> None:
    suggester = Suggester(NAMES)
    for typed, meant in (
        ("gpt4o-mini", "gpt-4o-mini"),
        ("GPT-4o", "gpt-4o"),
        ("claude-sonet-4-6", "claude-sonnet-4-6"),
        ("claude-sonnet-46", "claude-sonnet-4-6"),
        ("smrt", "smart"),
        ("llama-3.3-70b", "llama-3.3-70b-versatile"),
    ):
        assert next(iter(suggester.similar(typed))) == meant


def test_nothing_similar_is_nothing() -> None:
    assert list(Suggester(NAMES).similar("xyzzy")) == []
    assert list(Suggester([]).similar("gpt-4o")) == []
    assert list(Suggester(NAMES).similar("")) == []


def test_a_hostile_name_is_cheap() -> None:
    suggester = Suggester(f"gpt-{number}-model" for number in range(3000))
    started = time.perf_counter()
    list(suggester.similar("gpt-model-" * 25))
    assert time.perf_counter() - started < 0.5
