"""The access key id that a client of AWS signs with, in which it may carry its virtual key."""

import re
from typing import Final

MAX_KEY_BYTES: Final = 256

# `Credential=ID/DATE/REGION/SERVICE/aws4_request`, among other fields (SigV4, "Authorization header").
_CREDENTIAL: Final = re.compile(
    rb"(?:^| |,)Credential=([^/,\s]{1,%d})/\d{8}/[^/,\s]{1,64}/[^/,\s]{1,64}/aws4_request(?:,|$)"
    % MAX_KEY_BYTES
)


def virtual_key_in(authorization: bytes) -> bytes | None:
    """The id in an `Authorization` header of SigV4; None where it is another scheme or malformed.

    The signature is not checked: the id alone is the secret, as in a bearer token.
    """
    scheme, _, fields = authorization.partition(b" ")
    found = _CREDENTIAL.search(fields) if scheme == b"AWS4-HMAC-SHA256" else None
    return found[1] if found else None
