"""Amazon Bedrock.

Sources: the service model of `bedrock-runtime` in botocore, and AWS's description of Signature Version 4.
"""

from fastgate.providers.bedrock.dialect import BedrockDialect

__all__ = ["BedrockDialect"]
