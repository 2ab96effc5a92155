"""`fastgate bench` against a provider whose answers are scripted."""

import re
from collections.abc import Iterator

import msgspec
import pytest
from tests.support.fake_provider import FakeProvider
from tests.support.replies import (
    Reply,
    chat_reply,
    chat_stream,
    status_reply,
    stream_clean_end,
    stream_error_later,
    stream_reset,
)
from tests.unit.cli.conftest import Run

KEY = "sk-a-key-that-nobody-may-see"


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


def test_a_table_of_so_many_answers(provider: FakeProvider, run: Run) -> None:
    provider.script(chat_reply(), path="/v1/chat/completions", secret=KEY)
    done = run(
        *("bench", provider.url, "--model", "gpt-4o", "--key-env", "MY_KEY", "--requests", "20"),
        *("--connections", "4"),
        environ={"MY_KEY": KEY},
    )
    assert done.returncode == 0, done.stderr
    assert len(provider.requests) == 21, "one to try, and what was asked for"
    assert len(provider.connections) == 4
    assert provider.requests[0].json()["model"] == "gpt-4o"
    assert "MILLISECONDS" in done.stdout
    assert re.search(r"^answer +[0-9.]+ +[0-9.]+ +- +- +[0-9.]+ +[0-9.]+ *$", done.stdout, re.MULTILINE)
    assert done.stderr.startswith("20 answers in ")
    assert KEY not in done.stdout + done.stderr


def test_a_stream_has_three_times(provider: FakeProvider, run: Run) -> None:
    provider.script(chat_stream(("One", " two", " three"), gap_s=0.02))
    done = run("bench", provider.url, "--model", "m", "--stream", "--requests", "10", "--json")
    assert done.returncode == 0, done.stderr
    told = msgspec.json.decode(done.stdout)
    assert provider.requests[0].json()["stream"] is True
    assert (told["answered"], told["chunks"], told["failures"]) == (10, 30, {})
    # The role chunk comes first and has no content.
    assert told["first_content_ms"]["p50"] >= 35
    assert 15 <= told["between_chunks_ms"]["p50"] <= told["between_chunks_ms"]["max"]
    assert told["whole_answer_ms"]["p50"] >= told["first_content_ms"]["p50"] + 35


@pytest.mark.parametrize(
    ("bad", "stream", "kind"),
    [
        (status_reply(429), False, "status_429"),
        (stream_clean_end(("Hello",)), True, "stream_cut"),
        (stream_reset(("Hello",)), True, "reset_mid_body"),
        (stream_error_later(), True, "stream_error"),
    ],
)
def test_what_fails_is_counted_by_its_kind(
    provider: FakeProvider, run: Run, bad: Reply, stream: bool, kind: str
) -> None:
    good = chat_stream() if stream else chat_reply()
    provider.script(good, bad, good, bad, good)
    flags = ("--stream",) if stream else ()
    done = run(
        "bench", provider.url, "--model", "m", "--requests", "9", "--connections", "1", "--json", *flags
    )
    assert done.returncode == 1
    told = msgspec.json.decode(done.stdout)
    assert told["failures"] == {kind: 2}
    assert told["answered"] == 7


def test_a_time_in_place_of_a_number(provider: FakeProvider, run: Run) -> None:
    provider.script(chat_reply())
    done = run("bench", provider.url, "--model", "m", "--duration", "1s", "--json")
    assert done.returncode == 0, done.stderr
    told = msgspec.json.decode(done.stdout)
    assert 1.0 <= told["seconds"] < 5
    assert told["answered"] == len(provider.requests) - 1


def test_a_first_call_that_is_refused_ends_it(provider: FakeProvider, run: Run) -> None:
    provider.script(status_reply(401))
    done = run("bench", provider.url, "--model", "m")
    assert done.returncode == 1
    assert len(provider.requests) == 1
    assert f"{provider.url.removesuffix('/v1')} answers 401 (is --key-env set" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("bench", "example.com", "--model", "m"), "must start with http:// or https://"),
        (("bench", "http://127.0.0.1:9", "--model", "m", "--key-env", "NOWHERE"), "no such variable"),
        (("bench", "http://127.0.0.1:9", "--model", "m", "--duration", "0"), "ended already"),
        (("bench", "http://127.0.0.1:9"), "--model"),
    ],
)
def test_wrong_usage_is_one_line(run: Run, arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_nobody_there_is_one_line(run: Run) -> None:
    done = run("bench", "http://127.0.0.1:1/v1", "--model", "m")
    assert done.returncode == 1
    assert done.stderr == "fastgate: http://127.0.0.1:1: cannot connect: Connection refused\n"
