"""Signatures, byte for byte as botocore makes them."""

from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from fastgate.domain.credential import AwsKeys
from fastgate.providers.bedrock.sigv4 import signed_headers
from fastgate.wire.pieces import Pieces

_TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789/+=", min_size=1, max_size=40)
_SEGMENTS = st.text("abcXYZ019-_~:@!$&'()*+,;=", min_size=1, max_size=12).map(lambda s: f"s{s}")
_ESCAPED = st.sampled_from(("%3A", "%2F", "%20", "%C3%A4", ""))
_PATHS = st.lists(st.builds(str.__add__, _SEGMENTS, _ESCAPED), max_size=4).map(lambda s: "/" + "/".join(s))
_WORDS = st.text("abcXYZ019-_.~%", min_size=1, max_size=8)
_QUERIES = st.lists(st.one_of(_WORDS, st.builds("{}={}".format, _WORDS, _WORDS)), max_size=4).map("&".join)
_VALUES = st.text("abc XYZ;,=\"'\t", min_size=1, max_size=20).filter(lambda value: value.strip())
_NAMES = st.sampled_from(("content-type", "x-amzn-bedrock-trace", "x-amz-target", "accept", "a", "zz"))
_TIMES = st.integers(0, 4_000_000_000)


class _Case:
    def __init__(self, draw: st.DrawFn) -> None:
        self.keys = AwsKeys(draw(_TOKENS), draw(_TOKENS), draw(st.none() | _TOKENS))
        self.region = draw(st.sampled_from(("us-east-1", "eu-central-1", "us-gov-west-1")))
        self.service = draw(st.sampled_from(("bedrock", "sts")))
        self.method = draw(st.sampled_from(("GET", "POST")))
        self.host = draw(st.sampled_from(("bedrock-runtime.us-east-1.amazonaws.com", "127.0.0.1:8080")))
        query = draw(_QUERIES)
        self.target = draw(_PATHS) + (f"?{query}" if query else "")
        self.headers = draw(st.dictionaries(_NAMES, _VALUES, max_size=4))
        self.body = draw(st.binary(max_size=300))
        self.now_s = draw(_TIMES)

    def __repr__(self) -> str:
        return str(
            {name: value for name, value in vars(self).items() if name != "keys"} | {"keys": [*self.keys]}
        )


_cases = st.composite(_Case)()


def _by_botocore(case: _Case) -> dict[str, str]:
    request = AWSRequest(
        case.method, f"https://{case.host}{case.target}", headers=case.headers, data=case.body
    )
    moment = datetime.fromtimestamp(case.now_s, UTC)
    with patch("botocore.auth.get_current_datetime", return_value=moment):
        SigV4Auth(Credentials(*case.keys), case.service, case.region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def _by_us(case: _Case, body: bytes | Pieces) -> dict[str, str]:
    headers = [(name.encode(), value.encode()) for name, value in case.headers.items()]
    added = signed_headers(
        case.keys,
        region=case.region,
        service=case.service,
        method=case.method.encode(),
        target=case.target.encode(),
        headers=[(b"host", case.host.encode()), *headers],
        body=body,
        now_s=case.now_s,
    )
    return case.headers | {name.decode(): value.decode() for name, value in added}


@settings(max_examples=1_500)
@given(_cases)
def test_as_botocore(case: _Case) -> None:
    assert _by_us(case, case.body) == _by_botocore(case)


@given(_cases)
def test_a_body_in_pieces(case: _Case) -> None:
    half = len(case.body) // 2
    pieces = Pieces(case.body[:half], memoryview(case.body)[half:])
    assert _by_us(case, pieces) == _by_botocore(case)


@pytest.mark.parametrize(
    "target", ["/model/us.anthropic.claude-v1%3A0/converse", "/model/arn%3Aa%2Fb/invoke"]
)
def test_the_paths_of_models_are_encoded_twice(target: str) -> None:
    case = object.__new__(_Case)
    case.__dict__.update(
        keys=AwsKeys("AKID", "secret", None),
        region="us-east-1",
        service="bedrock",
        method="POST",
        host="bedrock-runtime.us-east-1.amazonaws.com",
        target=target,
        headers={"content-type": "application/json"},
        body=b"{}",
        now_s=1_795_500_000,
    )
    assert _by_us(case, b"{}") == _by_botocore(case)
