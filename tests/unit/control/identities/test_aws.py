"""Keys of AWS, from the endpoints that botocore asks on the wire."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.cloud import Answer, Asked, Cloud, as_json

from fastgate.control.identities.errors import MintingFailed
from fastgate.control.identities.mint import mint
from fastgate.domain.credential import AwsIdentity, AwsKeyRefs, AwsKeys, SecretRef

EXPIRES = "2036-01-02T03:04:05Z"
EXPIRES_NS = int(datetime(2036, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()) * 10**9
ROLE = "arn:aws:iam::123456789012:role/gateway"
OWN = AwsKeyRefs(access_key_id=SecretRef("AKIAOWN"), secret_access_key=SecretRef("env.OWN_SECRET"))
SECRET = "own-secret-0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that has nothing to do with AWS."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("OWN_SECRET", SECRET)


def sts(action: str) -> Answer:
    return Answer(
        f"""<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>
        <Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s1</SecretAccessKey>
        <SessionToken>t1</SessionToken><Expiration>{EXPIRES}</Expiration></Credentials>
        <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/gateway/x</Arn>
        <AssumedRoleId>A:x</AssumedRoleId></AssumedRoleUser>
        </{action}Result></{action}Response>""".encode(),
        headers={"Content-Type": "text/xml"},
    )


@pytest.fixture
def token_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with Cloud({"/": lambda asked: sts(asked.form["Action"])}) as cloud:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", cloud.url)
        yield cloud


def test_a_role_is_assumed_with_keys(token_service: Cloud) -> None:
    minted = mint(AwsIdentity(keys=OWN, role_arn=ROLE, external_id="the-id", region="eu-west-1"))
    assert minted == (AwsKeys("ASIA1", "s1", "t1"), EXPIRES_NS)
    (asked,) = token_service.asked
    assert asked.form | {"Version": ""} == {
        "Action": "AssumeRole",
        "Version": "",
        "RoleArn": ROLE,
        "ExternalId": "the-id",
        "RoleSessionName": "fastgate",
    }
    assert "Credential=AKIAOWN/" in asked.headers["authorization"]
    assert "/eu-west-1/sts/aws4_request" in asked.headers["authorization"]


def test_a_role_that_is_refused_is_told_without_the_secret(token_service: Cloud) -> None:
    message = f"User is not authorized with {SECRET}"
    token_service.scripts["/"] = lambda _: Answer(
        f"<ErrorResponse><Error><Code>AccessDenied</Code><Message>{message}</Message></Error>"
        "</ErrorResponse>".encode(),
        403,
        {"Content-Type": "text/xml"},
    )
    with pytest.raises(MintingFailed) as caught:
        mint(AwsIdentity(keys=OWN, role_arn=ROLE, region="eu-west-1"))
    assert "AccessDenied" in str(caught.value)
    assert SECRET not in str(caught.value)


CONTAINER = {"AccessKeyId": "ASIA2", "SecretAccessKey": "s2", "Token": "t2", "Expiration": EXPIRES}


@pytest.mark.parametrize("identity", [AwsIdentity(source="container"), AwsIdentity()])
def test_a_containers_role(monkeypatch: pytest.MonkeyPatch, identity: AwsIdentity) -> None:
    with Cloud({"/creds": lambda _: as_json(CONTAINER)}) as cloud:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{cloud.url}/creds")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "pod-token")
        assert mint(identity) == (AwsKeys("ASIA2", "s2", "t2"), EXPIRES_NS)
    assert cloud.asked[0].headers["authorization"] == "pod-token"


def test_an_instances_role_by_imds_version_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")

    def guarded(asked: Asked) -> Answer:
        if asked.headers.get("x-aws-ec2-metadata-token") != "session":
            return Answer(b"", 401)
        if asked.path.endswith("/"):
            return Answer(b"the-role")
        return as_json({"Code": "Success", **CONTAINER})

    path = "/latest/meta-data/iam/security-credentials/"
    scripts = {
        "/latest/api/token": lambda asked: Answer(b"session", 200 if asked.method == "PUT" else 405),
        path: guarded,
        f"{path}the-role": guarded,
    }
    with Cloud(scripts) as cloud:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", cloud.url)
        assert mint(AwsIdentity(source="instance")) == (AwsKeys("ASIA2", "s2", "t2"), EXPIRES_NS)


def test_a_profile_with_keys_does_not_expire(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id=d\naws_secret_access_key=d\n"
        "[mine]\naws_access_key_id=AKIAP\naws_secret_access_key=sp\n"
    )
    assert mint(AwsIdentity(profile="mine")) == (AwsKeys("AKIAP", "sp"), 0)


def test_a_profile_that_assumes_a_role(token_service: Cloud, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[base]\naws_access_key_id=AKIAB\naws_secret_access_key=sb\n")
    (tmp_path / "config").write_text(
        f"[profile mine]\nrole_arn = {ROLE}\nsource_profile = base\nregion = us-east-2\n"
    )
    assert mint(AwsIdentity(profile="mine", source="profile")) == (AwsKeys("ASIA1", "s1", "t1"), EXPIRES_NS)
    assert "Credential=AKIAB/" in token_service.asked[0].headers["authorization"]


def test_web_identity(token_service: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("the-jwt")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert mint(AwsIdentity(source="web_identity")) == (AwsKeys("ASIA1", "s1", "t1"), EXPIRES_NS)
    asked = token_service.asked[0].form
    assert (asked["Action"], asked["WebIdentityToken"]) == ("AssumeRoleWithWebIdentity", "the-jwt")


def test_only_the_source_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    assert mint(AwsIdentity(source="env")).secret == AwsKeys("AKIA", "s")
    with pytest.raises(MintingFailed, match="there are no keys of AWS at the source `profile`"):
        mint(AwsIdentity(source="profile"))


def test_no_keys_at_all() -> None:
    with pytest.raises(MintingFailed, match="there are no keys of AWS where AWS's SDKs look"):
        mint(AwsIdentity())
