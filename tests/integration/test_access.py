"""Who may call what: virtual keys, permissions, paths, methods, origins, and the pages that need no key."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.gateway_process import SECRET, provider_config
from tests.support.gateway_rig import GatewayRig, plain_config
from tests.support.raw_client import CHAT, chat_body, raw_client, request

from fastgate.keys import secret as key_secret

OURS = key_secret.generate()
EXPIRED = "expired-secret-0123456789abcdefgh"
DISABLED = "disabled-secret-0123456789abcdefg"
NARROW = "narrow-secret-0123456789abcdefghi"
LIMITED = "limited-secret-0123456789abcdefgh"
ORIGIN = "https://app.example"

BODY = chat_body()


def configure(provider_url: str) -> dict[str, Any]:
    config = plain_config(provider_url)
    config["server"]["cors"] = {"allow_origins": [ORIGIN], "max_age_s": 77}
    config["providers"]["other"] = provider_config(provider_url, "other-model")
    config["virtual_keys"] += [
        {"id": "vk_ours", "secret": OURS},
        {"id": "vk_expired", "secret": EXPIRED, "expires_at": "2020-01-01T00:00:00Z"},
        {"id": "vk_disabled", "secret": DISABLED, "enabled": False},
        {"id": "vk_narrow", "secret": NARROW, "allowed_providers": ["other"]},
        {
            "id": "vk_limited",
            "secret": LIMITED,
            "allowed_models": ["gpt-*"],
            "denied_models": ["GPT-4O-mini"],
        },
    ]
    return config


@pytest.fixture(scope="module")
def _rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    with GatewayRig(tmp_path_factory.mktemp("gateway"), configure) as rig:
        yield rig


@pytest.fixture
def rig(_rig: GatewayRig) -> Iterator[GatewayRig]:
    yield _rig
    _rig.check()


# --- virtual keys -----------------------------------------------------------------------------------


def mistyped(secret: str) -> str:
    """With two neighbours of its random part swapped, as a typing hand does."""
    at = next(i for i in range(10, len(secret) - 8) if secret[i] != secret[i + 1])
    return secret[:at] + secret[at + 1] + secret[at] + secret[at + 2 :]


@pytest.mark.parametrize(
    ("secret", "code"),
    [
        (None, "missing_virtual_key"),
        ("", "missing_virtual_key"),
        ("nobodys-secret-0123456789abcdefgh", "invalid_virtual_key"),
        (key_secret.generate(), "invalid_virtual_key"),
        (mistyped(OURS), "invalid_virtual_key"),
        (OURS[:-1], "invalid_virtual_key"),
        (OURS.lower(), "invalid_virtual_key"),
        (SECRET + "x", "invalid_virtual_key"),
        (EXPIRED, "virtual_key_expired"),
        (DISABLED, "virtual_key_disabled"),
    ],
    ids=range(10),  # a secret in a test's name would be one in a log
)
async def test_keys_that_open_nothing(rig: GatewayRig, secret: str | None, code: str) -> None:
    before = await rig.gateway.ascrape()
    response = await rig.refused(request(BODY, secret=secret), 401, code)
    assert response.error()["type"] == "authentication_error"
    await rig.counted(before, "fastgate_auth_failures_total", code=code)
    if secret:
        assert secret.encode() not in response.body
        assert not any(secret in line for line in rig.gateway.child.stderr.seen)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/gpt-4o", "/v1/responses/resp_1"])
async def test_every_endpoint_asks_for_a_key(rig: GatewayRig, path: str) -> None:
    endpoint = "responses" if "responses" in path else "models"
    data = request(method="GET", path=path, secret=None)
    await rig.refused(data, 401, "missing_virtual_key", endpoint=endpoint)


@pytest.mark.parametrize(
    "name", ["x-api-key", "api-key", "x-goog-api-key", "x-fg-virtual-key", "x-bf-vk", "X-API-Key"]
)
async def test_headers_that_carry_a_key(rig: GatewayRig, name: str) -> None:
    _, upstream = await rig.answered(request(BODY, (name, OURS), secret=None))
    assert OURS.encode() not in upstream.raw


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_schemes_of_authorization(rig: GatewayRig, scheme: str) -> None:
    await rig.answered(request(BODY, ("Authorization", f"{scheme} {OURS}"), secret=None))


@pytest.mark.parametrize("value", [OURS, f"Basic {OURS}", "Bearer", f"Token {OURS}"], ids=range(4))
async def test_an_authorization_that_is_no_bearer_token(rig: GatewayRig, value: str) -> None:
    data = request(BODY, ("Authorization", value), secret=None)
    await rig.refused(data, 401, "missing_virtual_key")


@pytest.mark.parametrize("name", ["x-fg-virtual-key", "x-bf-vk"])
async def test_our_own_headers_win(rig: GatewayRig, name: str) -> None:
    """Beside them, an SDK may send what it likes as its own key."""
    await rig.answered(request(BODY, (name, OURS), secret="whatever-the-sdk-insists-on"))
    await rig.refused(request(BODY, (name, "wrong-secret-0123456789")), 401, "invalid_virtual_key")


# --- permissions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "model", "status", "code"),
    [
        (NARROW, "gpt-4o", 403, "provider_not_allowed"),
        (NARROW, "local/gpt-4o", 403, "provider_not_allowed"),
        (LIMITED, "other-model", 403, "model_not_allowed"),
        (LIMITED, "other/other-model", 403, "model_not_allowed"),
        (SECRET, "no-such-model", 404, "model_not_found"),
        (SECRET, "nobody/gpt-4o", 404, "model_not_found"),
    ],
    ids=range(6),
)
async def test_models_that_a_key_may_not_use(
    rig: GatewayRig, secret: str, model: str, status: int, code: str
) -> None:
    data = request(chat_body(model=model), secret=secret)
    response = await rig.refused(data, status, code, param="model")
    kind = "permission_error" if status == 403 else "invalid_request_error"
    assert response.error()["type"] == kind


async def test_what_a_narrow_key_may_use(rig: GatewayRig) -> None:
    await rig.answered(request(chat_body(model="other-model"), secret=NARROW))
    await rig.answered(request(chat_body(model="gpt-4o"), secret=LIMITED))


async def test_fallbacks_of_the_body_are_no_way_around_permissions(rig: GatewayRig) -> None:
    body = chat_body(model="other-model", fallbacks=["gpt-4o", {"provider": "local", "model": "gpt-4o"}])
    _, upstream = await rig.answered(request(body, secret=NARROW))
    assert upstream.model == "other-model"
    await rig.refused(
        request(chat_body(fallbacks=["local/gpt-4o"]), secret=NARROW),
        403,
        "provider_not_allowed",
        param="model",
    )


async def test_the_list_of_models_is_the_keys_own(rig: GatewayRig) -> None:
    for secret, models in (
        (SECRET, {"gpt-4o", "other-model"}),
        (NARROW, {"other-model"}),
        (LIMITED, {"gpt-4o"}),
    ):
        response = await rig.exchange(request(method="GET", path="/v1/models", secret=secret))
        assert {model["id"] for model in response.json()["data"]} == models
    data = request(method="GET", path="/v1/models/gpt-4o", secret=NARROW)
    await rig.refused(data, 404, "model_not_found", param="model", endpoint="models")


# --- paths and methods ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/v1/unknown",
        "/v2/chat/completions",
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "/V1/chat/completions",
        "/v1/chat/completions/../../../etc/passwd",
        "/openai/deployments/gpt-4o/unknown",
        "/v1/responses/resp_1/unknown",
        "/metrics/",
        "/favicon.ico",
        "*",
    ],
)
async def test_unknown_paths(rig: GatewayRig, path: str) -> None:
    await rig.refused(request(BODY, path=path), 404, "unknown_path", endpoint="other")


async def test_an_id_of_a_response_that_cannot_be_one(rig: GatewayRig) -> None:
    data = request(method="GET", path="/v1/responses/a.b%3Fc")
    await rig.refused(data, 404, "unknown_path", endpoint="other")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", CHAT, "POST"),
        ("DELETE", "/chat/completions", "POST"),
        ("OPTIONS", "/openai/v1/embeddings", "POST"),
        ("TRACE", CHAT, "POST"),
        ("QUERY", CHAT, "POST"),
        ("GET", "/openai/deployments/gpt-4o/chat/completions", "POST"),
        ("POST", "/v1/models", "GET"),
        ("DELETE", "/v1/models/gpt-4o", "GET"),
        ("PUT", "/v1/responses/resp_1", "GET, DELETE"),
        ("GET", "/v1/responses/resp_1/cancel", "POST"),
        ("POST", "/", "GET, HEAD"),
        ("POST", "/metrics", "GET, HEAD"),
        ("DELETE", "/health/live", "GET, HEAD"),
    ],
)
async def test_wrong_methods(rig: GatewayRig, method: str, path: str, allow: str) -> None:
    data = request(method=method, path=path)
    response = await rig.refused(data, 405, "method_not_allowed", endpoint="other")
    assert response.header("allow") == allow


@pytest.mark.parametrize("path", [CHAT, "/chat/completions", "/openai/v1/chat/completions", f"{CHAT}?a=b#c"])
async def test_paths_of_one_endpoint(rig: GatewayRig, path: str) -> None:
    _, upstream = await rig.answered(request(BODY, path=path))
    assert upstream.target == CHAT


# --- pages that need no key -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [("/health/live", {"status": "alive"}), ("/health/ready", {"status": "ready"})],
)
async def test_health(rig: GatewayRig, path: str, body: dict[str, str]) -> None:
    response = await rig.exchange(request(method="GET", path=path, secret=None))
    assert (response.status, response.json()) == (200, body)


@pytest.mark.parametrize("path", ["/", "/health/live", "/health/ready", "/metrics"])
async def test_head_is_get_without_its_body(rig: GatewayRig, path: str) -> None:
    async with raw_client(rig.url) as client:
        await client.send(request(method="HEAD", path=path, secret=None))
        head = await client.response(to_head=True)
        await client.send(request(method="GET", path=path, secret=None))
        response = await client.response()
    assert (head.status, response.status) == (200, 200)
    assert head.header("content-type") == response.header("content-type")
    assert int(head.header("content-length") or 0) > 0
    if path == "/":
        assert head.header("content-length") == response.header("content-length")
        assert response.json()["name"] == "fastgate"


@pytest.mark.parametrize(
    ("accept", "content_type", "ending"),
    [
        ("*/*", "text/plain", "\n"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text", "# EOF\n"),
    ],
)
async def test_metrics(rig: GatewayRig, accept: str, content_type: str, ending: str) -> None:
    await rig.answered(request(BODY))
    response = await rig.exchange(
        request(b"", ("Accept", accept), method="GET", path="/metrics", secret=None)
    )
    assert response.status == 200
    assert (response.header("content-type") or "").startswith(content_type)
    assert b"fastgate_requests_total{" in response.body
    assert response.body.decode().endswith(ending)


# --- cross-origin access ------------------------------------------------------------------------------


def preflight(origin: str) -> bytes:
    return request(
        b"",
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization, x-stainless-os"),
        method="OPTIONS",
        secret=None,
    )


async def test_a_preflight(rig: GatewayRig) -> None:
    response = await rig.exchange(preflight(ORIGIN))
    assert response.status == 204
    assert response.header("access-control-allow-origin") == ORIGIN
    assert response.header("vary") == "origin"
    assert "POST" in (response.header("access-control-allow-methods") or "")
    assert response.header("access-control-allow-headers") == "authorization, x-stainless-os"
    assert response.header("access-control-max-age") == "77"
    assert response.header("content-length") is None, "RFC 9110 8.6"


async def test_an_answer_to_an_allowed_origin(rig: GatewayRig) -> None:
    """An error too: the page must be able to read why."""
    for secret, status in ((SECRET, 200), (None, 401)):
        response = await rig.exchange(request(BODY, ("Origin", ORIGIN), secret=secret))
        assert response.status == status
        assert response.header("access-control-allow-origin") == ORIGIN
        assert "x-fastgate-request-id" in (response.header("access-control-expose-headers") or "")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", f"{ORIGIN}.evil.example", "null", "http://app.example"]
)
async def test_other_origins(rig: GatewayRig, origin: str) -> None:
    await rig.refused(preflight(origin), 405, "method_not_allowed", endpoint="other")
    response, _ = await rig.answered(request(BODY, ("Origin", origin)))
    assert [name for name, _ in response.headers if name.startswith("access-control-")] == []
