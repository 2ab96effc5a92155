"""The virtual key that a client of AWS signs with."""

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fastgate.wire.converse.access_key import MAX_KEY_BYTES, virtual_key_in

_END = "/20261124/us-east-1/bedrock/aws4_request"


@pytest.mark.parametrize("key", ["AKIDEXAMPLE", "sk-fg-Abc_09-xyz", "x" * MAX_KEY_BYTES])
def test_as_botocore_signs(key: str) -> None:
    request = AWSRequest("POST", "https://gateway.example/model/m/converse", data=b"{}")
    SigV4Auth(Credentials(key, "any", "token"), "bedrock", "eu-central-1").add_auth(request)
    assert virtual_key_in(request.headers["Authorization"].encode()) == key.encode()


@pytest.mark.parametrize("before", ["", "SignedHeaders=host, Signature=0, ", "SignedHeaders=host,"])
def test_the_order_of_the_fields_is_free(before: str) -> None:
    header = f"AWS4-HMAC-SHA256 {before}Credential=AKID{_END}"
    assert virtual_key_in(header.encode()) == b"AKID"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer sk-fg-1",
        f"Bearer Credential=AKID{_END}",
        f"AWS4-HMAC-SHA256 Credential={_END}",
        "AWS4-HMAC-SHA256 Credential=AKID",
        "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/bedrock/aws5_request",
        f"AWS4-HMAC-SHA256 NotCredential=AKID{_END}",
        f"AWS4-HMAC-SHA256 Credential={'x' * (MAX_KEY_BYTES + 1)}{_END}",
        f"AWS4-HMAC-SHA256 Credential=A KID{_END}",
    ],
)
def test_what_is_none(header: str) -> None:
    assert virtual_key_in(header.encode()) is None
