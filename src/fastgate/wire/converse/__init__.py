"""Amazon Bedrock's Converse and ConverseStream.

Source: the service model of `bedrock-runtime` in botocore, and Amazon's pages on the Converse API.
"""

from fastgate.wire.converse.client import ConverseClient
from fastgate.wire.converse.provider import ConverseProvider

CLIENT = ConverseClient()
PROVIDER = ConverseProvider()

__all__ = ["CLIENT", "PROVIDER"]
