"""Access tokens of Microsoft Entra, from the endpoints that azure-identity asks on the wire."""

import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.support.cloud import Asked, Cloud, as_json

from fastgate import clock
from fastgate.control.identities.errors import MintingFailed
from fastgate.control.identities.mint import mint
from fastgate.domain.credential import AzureIdentity, Minted, SecretRef

SCOPE = "https://cognitiveservices.azure.com/.default"
RESOURCE = "https://cognitiveservices.azure.com"
HOUR_NS = 3_600 * 10**9
SECRET = "app-secret~0123456789abcdef0123456789abcdef"
APPLICATION = AzureIdentity(
    tenant_id="tenant", client_id="app", client_secret=SecretRef("env.APP_SECRET"), scope=SCOPE
)


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("APP_SECRET", SECRET)


def check_lives_an_hour(minted: Minted, secret: str) -> None:
    assert minted.secret == secret
    left_ns = minted.expires_ns - clock.time_ns()
    assert 0.9 * HOUR_NS < left_ns <= HOUR_NS


@pytest.fixture
def entra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with Cloud({}, tls=tls) as cloud:
        root = f"{cloud.url}/tenant"
        cloud.scripts["/tenant/v2.0/.well-known/openid-configuration"] = lambda _: as_json(
            {
                "issuer": f"{root}/v2.0",
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            }
        )
        cloud.scripts["/tenant/oauth2/v2.0/token"] = lambda _: as_json(
            {"token_type": "Bearer", "expires_in": 3600, "access_token": "entra-token"}
        )
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", cloud.url)
        yield cloud


def grant(cloud: Cloud) -> dict[str, str]:
    return next(asked.form for asked in cloud.asked if asked.path.endswith("/token"))


def test_an_applications_secret(entra: Cloud) -> None:
    check_lives_an_hour(mint(APPLICATION), "entra-token")
    asked = grant(entra)
    assert (asked["grant_type"], asked["client_id"]) == ("client_credentials", "app")
    assert (asked["client_secret"], asked["scope"]) == (SECRET, SCOPE)


def test_an_application_of_the_environment(entra: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TENANT_ID", "tenant"), ("CLIENT_ID", "app2"), ("CLIENT_SECRET", "s")):
        monkeypatch.setenv(f"AZURE_{name}", value)
    check_lives_an_hour(mint(AzureIdentity(scope=SCOPE)), "entra-token")
    assert (grant(entra)["client_id"], grant(entra)["client_secret"]) == ("app2", "s")


def test_workload_identity(entra: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jwt").write_text("the-pods-jwt")
    for name, value in (
        ("TENANT_ID", "tenant"),
        ("CLIENT_ID", "app3"),
        ("FEDERATED_TOKEN_FILE", str(tmp_path / "jwt")),
    ):
        monkeypatch.setenv(f"AZURE_{name}", value)
    check_lives_an_hour(mint(AzureIdentity(scope=SCOPE)), "entra-token")
    assert grant(entra)["client_assertion"] == "the-pods-jwt"


def test_a_refusal_is_told_without_the_secret(entra: Cloud) -> None:
    error = {"error": "invalid_client", "error_description": f"AADSTS7000215: Invalid client secret {SECRET}"}
    entra.scripts["/tenant/oauth2/v2.0/token"] = lambda _: as_json(error, 401)
    with pytest.raises(MintingFailed, match="AADSTS7000215") as caught:
        mint(APPLICATION)
    assert SECRET not in str(caught.value)


def test_an_application_without_a_tenant() -> None:
    with pytest.raises(MintingFailed, match="has a tenant"):
        mint(AzureIdentity(client_id="app", client_secret=SecretRef("env.APP_SECRET"), scope=SCOPE))


def managed(name: str) -> Any:
    def answer(asked: Asked) -> Any:
        assert asked.query["resource"] == [RESOURCE]
        expires = str(int(time.time()) + 3600)
        body = {"access_token": name, "expires_on": expires, "expires_in": "3600", "resource": RESOURCE}
        return as_json({**body, "token_type": "Bearer"})

    return answer


@pytest.mark.parametrize(
    "identity", [AzureIdentity(scope=SCOPE), AzureIdentity(managed_identity=True, scope=SCOPE)]
)
def test_the_managed_identity_of_an_app_service(
    monkeypatch: pytest.MonkeyPatch, identity: AzureIdentity
) -> None:
    with Cloud({"/msi/token": managed("app-service-token")}) as cloud:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{cloud.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "the-header")
        check_lives_an_hour(mint(identity), "app-service-token")
    assert cloud.asked[0].headers["x-identity-header"] == "the-header"


def test_the_managed_identity_of_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with Cloud({"/metadata/identity/oauth2/token": managed("machine-token")}) as cloud:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", cloud.url)
        minted = mint(AzureIdentity(managed_identity=True, client_id="user-assigned", scope=SCOPE))
    check_lives_an_hour(minted, "machine-token")
    asked = cloud.asked[-1]
    assert asked.headers["metadata"] == "true"
    assert asked.query["client_id"] == ["user-assigned"]
