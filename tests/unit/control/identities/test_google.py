"""Access tokens of Google, from the endpoints that google-auth asks on the wire."""

import base64
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tests.support.cloud import Answer, Asked, Cloud, Script, as_json

from fastgate import clock
from fastgate.control.identities.errors import MintingFailed
from fastgate.control.identities.mint import mint
from fastgate.domain.credential import GoogleIdentity, Minted, SecretRef

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
HOUR_NS = 3_600 * 10**9


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)


def token(name: str) -> Any:
    return lambda _: as_json({"access_token": name, "expires_in": 3600, "token_type": "Bearer"})


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud({"/token": token("ya29.one")}) as cloud:
        yield cloud


def service_account(cloud: Cloud) -> dict[str, str]:
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k1",
        "private_key": PEM,
        "client_email": "gateway@p.iam.gserviceaccount.com",
        "token_uri": f"{cloud.url}/token",
    }


def decoded(part: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return claims


def check_lives_an_hour(minted: Minted, secret: str) -> None:
    assert minted.secret == secret
    left_ns = minted.expires_ns - clock.time_ns()
    assert 0.9 * HOUR_NS < left_ns <= HOUR_NS


def check_assertion(asked: Asked) -> None:
    """Signed by the key of the account."""
    assert asked.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    head, payload, signature = asked.form["assertion"].split(".")
    KEY.public_key().verify(
        base64.urlsafe_b64decode(signature + "=="),
        f"{head}.{payload}".encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )
    assert (decoded(head)["alg"], decoded(head)["kid"]) == ("RS256", "k1")
    claims = decoded(payload)
    assert claims["iss"] == "gateway@p.iam.gserviceaccount.com"
    assert claims["aud"] == "https://oauth2.googleapis.com/token"
    assert claims["scope"] == SCOPE
    assert claims["exp"] - claims["iat"] <= 3600


def test_a_service_account_of_a_file(cloud: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(service_account(cloud), indent=2))
    check_lives_an_hour(mint(GoogleIdentity(credentials_file=str(file))), "ya29.one")
    check_assertion(cloud.asked[0])


def test_a_service_account_of_a_variable(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_ACCOUNT", json.dumps(service_account(cloud), indent=2))
    check_lives_an_hour(mint(GoogleIdentity(service_account=SecretRef("${SERVICE_ACCOUNT}"))), "ya29.one")


def test_application_default_credentials(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(service_account(cloud)))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    check_lives_an_hour(mint(GoogleIdentity()), "ya29.one")


@contextmanager
def instead_of(
    host: str, scripts: dict[str, Script], directory: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cloud]:
    """A server that clients take for `host`."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(tls)
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(directory / "ca.pem"))
    with Cloud(scripts, tls=tls, proxy=True) as cloud:
        monkeypatch.setenv("HTTPS_PROXY", cloud.url)
        yield cloud


def test_a_persons_login_with_gcloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "user.json"
    login = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    file.write_text(json.dumps(login))
    with instead_of("oauth2.googleapis.com", {"/token": token("ya29.me")}, tmp_path, monkeypatch) as cloud:
        check_lives_an_hour(mint(GoogleIdentity(credentials_file=str(file))), "ya29.me")
    assert cloud.asked[0].form["refresh_token"] == "r"


def test_workload_identity_federation(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "jwt").write_text("the-workloads-jwt")
    file = tmp_path / "pool.json"
    audience = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q"
    file.write_text(
        json.dumps(
            {
                "type": "external_account",
                "audience": audience,
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": f"{cloud.url}/token",
                "credential_source": {"file": str(tmp_path / "jwt")},
            }
        )
    )
    check_lives_an_hour(mint(GoogleIdentity(credentials_file=str(file))), "ya29.one")
    asked = cloud.asked[0].form
    assert (asked["subject_token"], asked["audience"]) == ("the-workloads-jwt", audience)


def test_a_service_account_that_acts_as_another(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = "other@p.iam.gserviceaccount.com"
    answer = {"accessToken": "ya29.other", "expireTime": "2036-01-02T03:04:05Z"}
    path = f"/v1/projects/-/serviceAccounts/{target}:generateAccessToken"
    scripts: dict[str, Script] = {path: lambda _: as_json(answer)}
    with instead_of("iamcredentials.googleapis.com", scripts, tmp_path, monkeypatch) as iam:
        monkeypatch.setenv("SERVICE_ACCOUNT", json.dumps(service_account(cloud)))
        minted = mint(GoogleIdentity(service_account=SecretRef("${SERVICE_ACCOUNT}"), impersonate=target))
    assert minted == ("ya29.other", 2082855845 * 10**9)
    (asked,) = iam.asked
    assert asked.headers["authorization"] == "Bearer ya29.one"
    assert json.loads(asked.body)["scope"] == [SCOPE]


def test_the_machines_own_account() -> None:
    """In a process of its own: google-auth reads where the metadata server is when it is imported."""
    path = "/computeMetadata/v1/instance/service-accounts/default"
    scripts = {
        "/": lambda _: Answer(b"", headers={"Metadata-Flavor": "Google"}),
        "/computeMetadata/v1/project/project-id": lambda _: as_json("p"),
        f"{path}/": lambda _: as_json({"email": "default@p", "scopes": [SCOPE]}),
        f"{path}/token": token("ya29.machine"),
    }
    program = (
        "import msgspec, sys\nfrom fastgate.control.identities.mint import mint\n"
        "from fastgate.domain.credential import GoogleIdentity\n"
        "sys.stdout.buffer.write(msgspec.json.encode(mint(GoogleIdentity())))"
    )
    with Cloud(scripts) as cloud:
        environ = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "GCE_METADATA_HOST": cloud.host,
            "GCE_METADATA_IP": cloud.host,
        }
        done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, check=True)
    check_lives_an_hour(msgspec.json.decode(done.stdout, type=Minted), "ya29.machine")
    asked = next(each for each in cloud.asked if each.path.endswith("/token"))
    assert asked.headers["metadata-flavor"] == "Google"
    assert asked.query["scopes"] == [SCOPE]


def test_a_refusal_is_told(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.scripts["/token"] = lambda _: as_json(
        {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400
    )
    monkeypatch.setenv("SERVICE_ACCOUNT", json.dumps(service_account(cloud)))
    with pytest.raises(MintingFailed, match="invalid_grant: Invalid JWT Signature"):
        mint(GoogleIdentity(service_account=SecretRef("${SERVICE_ACCOUNT}")))


@pytest.mark.parametrize("content", ["[]", "{", '{"type": "executable"}'])
def test_what_is_no_login(content: str, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(content)
    with pytest.raises(MintingFailed, match=r"^the credentials are "):
        mint(GoogleIdentity(credentials_file=str(file)))
