"""The parts of Converse's messages that are looked into, as the service model of Bedrock names them."""

import msgspec


class S3Location(msgspec.Struct):
    uri: str
    bucketOwner: str | None = None


class Bytes(msgspec.Struct):
    """A union: `bytes` in base64, or a place in S3."""

    bytes: str | None = None
    s3Location: S3Location | None = None


class MediaBlock(msgspec.Struct):
    """An image, a video or a sound."""

    format: str
    source: Bytes
    error: msgspec.Raw = msgspec.Raw()


class DocumentSource(msgspec.Struct):
    """A union, of which `content` is a list of texts."""

    bytes: str | None = None
    s3Location: S3Location | None = None
    text: str | None = None
    content: msgspec.Raw = msgspec.Raw()


class CitationsSwitch(msgspec.Struct):
    enabled: bool


class DocumentBlock(msgspec.Struct):
    name: str
    source: DocumentSource
    format: str | None = None
    context: str | None = None
    citations: CitationsSwitch | None = None


class ToolUseBlock(msgspec.Struct):
    toolUseId: str
    name: str
    input: msgspec.Raw
    type: str | None = None


class ToolResultBlock(msgspec.Struct):
    toolUseId: str
    content: list[dict[str, msgspec.Raw]]
    status: str | None = None
    type: str | None = None


class ReasoningText(msgspec.Struct):
    text: str
    signature: str | None = None


class ReasoningBlock(msgspec.Struct):
    """A union; `redactedContent` in base64."""

    reasoningText: ReasoningText | None = None
    redactedContent: str | None = None


class CachePoint(msgspec.Struct):
    type: str
    ttl: str | None = None


class WebLocation(msgspec.Struct):
    url: str | None = None


class Location(msgspec.Struct):
    web: WebLocation | None = None


class SourceText(msgspec.Struct):
    text: str = ""


class CitationShape(msgspec.Struct):
    title: str | None = None
    sourceContent: list[SourceText] | None = None
    location: Location | None = None


class CitationsBlock(msgspec.Struct):
    content: list[SourceText] | None = None
    citations: list[msgspec.Raw] | None = None


class Message(msgspec.Struct):
    role: str
    content: list[dict[str, msgspec.Raw]]
