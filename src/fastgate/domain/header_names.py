"""Names of HTTP headers that mean something to the gateway itself; lower case, as text.

`upstream.head` and `pipeline.authenticate` act on them; a test compares.
"""

import re
from typing import Final

# RFC 9110 7.6.1, with what older peers treat the same way
HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

OWN: Final = HOP_BY_HOP | {"host", "content-length", "accept-encoding", "expect"}
"""What the head of a request to a provider says by itself; nobody else can set it."""

WRITTEN: Final = frozenset({"accept", "content-encoding", "content-type", "user-agent"})
"""What the body and the dialect decide."""

VIRTUAL_KEY: Final = frozenset(
    {"authorization", "x-api-key", "api-key", "x-goog-api-key", "x-fg-virtual-key", "x-bf-vk"}
)
"""Any of these may carry the client's virtual key, which no provider may see."""

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2


def is_token(name: str) -> bool:
    """Whether `name` can be the name of a header."""
    return _TOKEN.fullmatch(name) is not None
