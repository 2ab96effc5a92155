"""Whose model an id names, as far as that changes what may be said to it."""

from enum import Enum, auto


class Family(Enum):
    CLAUDE = auto()
    NOVA = auto()
    GPT_OSS = auto()
    OPENAI = auto()
    MISTRAL = auto()
    COHERE = auto()
    OTHER = auto()
    UNKNOWN = auto()
    """The id names a resource of the account, which may be any model."""


_IN_ID = (
    ("anthropic.", Family.CLAUDE),
    ("amazon.nova", Family.NOVA),
    ("openai.gpt-oss", Family.GPT_OSS),
    ("openai.", Family.OPENAI),
    ("mistral.", Family.MISTRAL),
    ("cohere.", Family.COHERE),
)


def family_of(model: str) -> Family:
    """Of a model id, an inference profile's or an ARN."""
    for part, family in _IN_ID:
        if part in model:
            return family
    if model.startswith("arn:") and ":foundation-model/" not in model:
        return Family.UNKNOWN
    return Family.OTHER
