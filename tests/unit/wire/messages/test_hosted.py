"""Bodies for the clouds that host Claude, against what Anthropic's clients for them send."""

from typing import Any

import msgspec
import pytest
from tests.support.messages_requests import raw

from fastgate.wire.messages.hosted import Host, beta_names, hosted


def edited(
    host: Host, version: str | None = None, betas: tuple[str, ...] = (), **members: Any
) -> dict[str, Any]:
    hosted(members, host, version, betas)
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(members))
    return plain


def test_for_bedrock() -> None:
    body = edited(Host.BEDROCK, "2023-06-01", ("b-1", "b-2"), model="m", stream=True, max_tokens=5)
    assert body == {
        "max_tokens": 5,
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["b-1", "b-2"],
    }


def test_for_vertex() -> None:
    """The betas stay a header, and so does what asks for a stream."""
    body = edited(Host.VERTEX, None, ("b-1",), model="m", stream=True, max_tokens=5)
    assert body == {"max_tokens": 5, "stream": True, "anthropic_version": "vertex-2023-10-16"}


@pytest.mark.parametrize(
    ("in_body", "in_header", "sent"),
    [
        (None, None, "bedrock-2023-05-31"),
        (None, "2023-06-01", "bedrock-2023-05-31"),
        (None, "2026-10-21", "2026-10-21"),
        (raw("vertex-2023-10-16"), None, "bedrock-2023-05-31"),
        (raw("2026-10-21"), "2023-06-01", "2026-10-21"),
        ("bedrock-2023-05-31", "2026-10-21", "bedrock-2023-05-31"),
    ],
)
def test_versions(in_body: Any, in_header: str | None, sent: str) -> None:
    members = {} if in_body is None else {"anthropic_version": in_body}
    assert edited(Host.BEDROCK, in_header, **members)["anthropic_version"] == sent


def test_betas_of_body_and_header_together() -> None:
    body = edited(Host.BEDROCK, None, ("b-2", "b-3"), anthropic_beta=raw(["b-1", "b-2"]))
    assert body["anthropic_beta"] == ["b-1", "b-2", "b-3"]
    assert "anthropic_beta" not in edited(Host.BEDROCK)


def test_names_in_a_header() -> None:
    assert beta_names(b" b-1,b-2 ,, b-3") == ["b-1", "b-2", "b-3"]
