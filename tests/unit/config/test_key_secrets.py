"""Secrets of virtual keys: each error at its line, and none of them shown."""

import hashlib

import pytest
from tests.support.configs import messages, settings_of

from fastgate.config.diagnostics import Severity
from fastgate.keys.secret import generate

STRONG = "a-foreign-secret-of-some-length-42"


def of_one_key(secret: str, severity: Severity = Severity.ERROR) -> list[str]:
    return messages('virtual_keys:\n- {id: vk, secret: "${KEY}"}', severity, KEY=secret)


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ("", "the secret at ${KEY} is empty"),
        ("two words of a long secret 1234", "a secret with spaces cannot travel as a bearer token"),
        ("schönes-geheimnis-1234567890", "holds characters that cannot stand in an HTTP header"),
        ("geheim\udcff", "the environment variable KEY is not UTF-8 text"),
        pytest.param(generate() + "x", "starts with sk-fg- but its checksum is wrong", id="wrong checksum"),
    ],
)
def test_a_secret_that_cannot_be_used(secret: str, reason: str) -> None:
    (error,) = of_one_key(secret)
    assert error.startswith("2: virtual_keys[0].secret: ")
    assert reason in error
    assert not secret or secret not in error


def test_a_weak_secret_is_a_warning() -> None:
    (warning,) = of_one_key("hunter2", Severity.WARNING)
    assert warning.startswith("2: virtual_keys[0].secret: the secret is short or repetitive")
    assert "fastgate keys issue vk" in warning
    assert "hunter2" not in warning
    assert of_one_key(STRONG, Severity.WARNING) == of_one_key(generate(), Severity.WARNING) == []


def test_one_secret_for_two_keys() -> None:
    hashed = hashlib.sha256(STRONG.encode()).hexdigest()
    found = messages(
        f"virtual_keys:\n- {{id: a, secret: {STRONG}}}\n- {{id: b, secret_hash: {hashed}}}\n"
        '- {id: c, secret: none}\n- {id: d, secret: "${NOPE}"}\nsever: 1'
    )
    assert found == [
        "3: virtual_keys[1].secret_hash: b has the same secret as a; each key needs its own",
        "4: virtual_keys[2].secret: a key without a secret is written without `secret`",
        "5: virtual_keys[3].secret: the environment variable NOPE is not set",
        "6: sever: unknown setting; did you mean server?",
    ]


def test_no_secret_at_all_is_fine() -> None:
    assert len(settings_of("virtual_keys: [{id: a}, {id: b}]").virtual_keys) == 2
