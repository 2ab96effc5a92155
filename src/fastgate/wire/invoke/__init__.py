"""InvokeModel of Bedrock with a body of the Messages API: version in the body, model and stream in the path.

Sources: the service model of `bedrock-runtime` in botocore, Amazon's page on Claude's Messages API, and
`lib/bedrock` of anthropic-python.
"""

from fastgate.wire.invoke.client import InvokeClient
from fastgate.wire.invoke.provider import InvokeProvider

CLIENT = InvokeClient()
PROVIDER = InvokeProvider()

__all__ = ["CLIENT", "PROVIDER"]
