"""The format of a virtual key's secret."""

import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate.domain.secret_form import PATTERN, Verdict, check
from fastgate.keys.secret import digest, generate

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def test_a_generated_secret_passes_its_own_check_and_the_scanners_pattern() -> None:
    for _ in range(200):
        secret = generate()
        assert check(secret.encode()) is Verdict.OURS
        assert re.fullmatch(PATTERN, secret)


def test_secrets_differ_and_use_the_whole_range() -> None:
    secrets = [generate() for _ in range(500)]
    assert len(set(secrets)) == 500
    assert set("".join(secret[6:] for secret in secrets)) == set(ALPHABET)


def test_the_checksum_is_the_crc32_of_the_random_part_in_base62() -> None:
    secret = generate()
    value = 0
    for char in secret[-6:]:
        value = value * 62 + ALPHABET.index(char)
    assert value == zlib.crc32(secret[6:-6].encode())


@given(position=st.integers(6, 54), char=st.sampled_from(ALPHABET))
def test_any_wrong_character_is_seen(position: int, char: str) -> None:
    secret = generate()
    if secret[position] != char:
        wrong = secret[:position] + char + secret[position + 1 :]
        assert check(wrong.encode()) is Verdict.MISTYPED


@given(st.binary(max_size=80))
def test_anything_else_behind_our_prefix_is_mistyped(rest: bytes) -> None:
    assert check(b"sk-fg-" + rest) is Verdict.MISTYPED


@pytest.mark.parametrize(
    ("secret", "verdict"),
    [
        (b"sk-1234567890abcdefghijklmnop", Verdict.FOREIGN),
        (b"0123456789abcdef0123456789abcdef", Verdict.FOREIGN),
        (b"hunter2", Verdict.FOREIGN_WEAK),
        (b"0123456789abcdefghi", Verdict.FOREIGN_WEAK),
        (b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Verdict.FOREIGN_WEAK),
        (b"", Verdict.FOREIGN_WEAK),
    ],
)
def test_foreign_secrets_are_weak_when_short_or_repetitive(secret: bytes, verdict: Verdict) -> None:
    assert check(secret) is verdict


def test_the_digest_is_sha256() -> None:
    assert digest(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
