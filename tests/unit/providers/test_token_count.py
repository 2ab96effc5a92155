import subprocess
import sys
import time

import pytest
from splintr import Tokenizer

from fastgate.providers.token_count import EXACT_CHARACTERS, count, count_all, encoding_of


@pytest.mark.parametrize(
    ("text", "cl100k", "o200k"),
    # tiktoken's own figures: its README, and OpenAI's cookbook "How to count tokens with tiktoken".
    [
        ("tiktoken is great!", 6, 6),
        ("antidisestablishmentarianism", 6, 6),
        ("2 + 2 = 4", 7, 7),
        ("お誕生日おめでとう", 9, 8),
        ("", 0, 0),
    ],
)
def test_counts_are_tiktokens(text: str, cl100k: int, o200k: int) -> None:
    assert count(text, "gpt-4") == cl100k
    assert count(text.encode(), "gpt-4o") == o200k


def test_a_special_token_in_the_text_is_text() -> None:
    assert count("<|endoftext|>", "gpt-4o") > 1


def test_bytes_that_are_no_utf8_count_too() -> None:
    assert count(b"\xff\xfe hello", "gpt-4o") > 1


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4", "cl100k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("openai/gpt-4-0613", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("gpt-35-turbo-16k", "cl100k_base"),
        ("ft:gpt-3.5-turbo:acme::1", "cl100k_base"),
        ("text-embedding-3-large", "cl100k_base"),
        ("gpt-4o", "o200k_base"),
        ("gpt-4.1-mini", "o200k_base"),
        ("gpt-5", "o200k_base"),
        ("o3", "o200k_base"),
        ("llama-3", "o200k_base"),
        ("", "o200k_base"),
    ],
)
def test_encoding_by_name(model: str, encoding: str) -> None:
    assert encoding_of(model) == encoding


def test_cutting_a_long_text_in_slices_changes_nothing() -> None:
    words = "The quick brown fox, 1234 times; x  y\n\n z isn't " * 1_000  # several slices, all counted
    assert len(words) < EXACT_CHARACTERS
    assert count(words, "gpt-4o") == len(Tokenizer.from_pretrained("o200k_base").encode_ordinary(words))


def test_beyond_the_bound_tokens_go_by_proportion() -> None:
    text = "one two three four " * 8_000
    exactly = 4 * 8_000
    assert len(text) > 2 * EXACT_CHARACTERS
    assert count(text, "gpt-4o") == pytest.approx(exactly, rel=0.01)


def test_the_bound_is_for_all_texts_together() -> None:
    texts = ["one two three four\n"] * 8_000
    assert count_all(texts, "gpt-4o") == pytest.approx(count("".join(texts), "gpt-4o"), rel=0.05)


@pytest.mark.parametrize("piece", ["a", "ab", " ", "\n", "!?", "的一是", "\U0001f600"])
def test_no_text_takes_long(piece: str) -> None:
    count("warm", "gpt-4o")
    text = piece * (1_000_000 // len(piece))
    began = time.process_time()
    assert count(text, "gpt-4o") > 0
    assert time.process_time() - began < 1.0  # quadratic work on 64 Ki characters takes minutes


def test_nothing_is_loaded_before_the_first_count() -> None:
    code = "import sys, fastgate.providers.token_count; sys.exit('splintr' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
