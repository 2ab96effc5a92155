"""Message threads: conversations that Anthropic's own API holds, so that a turn brings only its new messages.

Any other model would be asked without all that went before. So a request of a thread is refused elsewhere,
with the error by which that API refuses what it cannot thread: its SDKs send whole conversations then.

Source: anthropic-python 2.13, `lib/threads`; its clients for Bedrock and Vertex AI know no threads.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fastgate.errors import GatewayError

MEMBER: Final = "thread"
DETAILS: Final = {"error_code": "thread_unsupported_request", "unsupported": []}
"""`details` of such an error."""


def refuse_thread(members: Mapping[str, Any]) -> None:
    """Of the top-level members of a request. GatewayError `unsupported_field`."""
    if members.get(MEMBER, msgspec.Raw(b"null")) != msgspec.Raw(b"null"):
        raise GatewayError(
            "unsupported_field",
            "This model's provider holds no message threads; send the whole conversation.",
            param=MEMBER,
        )
