"""What the requests of all formats are about, so that they say the same."""

from typing import Any, Final

JSON = dict[str, Any]
Said = dict[str, JSON]
"""Members of a body that say a feature, by its name; they take the place of the plain request's."""

TWO_TEXTS: Final = "two texts"
"""What a cache marker is compared with."""

ASKED: Final = "What is it?"
PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
PICTURE: Final = "https://example.com/it.png"
PDF: Final = "JVBERi0xLjQKJSVFT0YK"
PAPER: Final = "https://example.com/it.pdf"
SOUND: Final = "UklGRiQAAABXQVZF"
FILM: Final = "AAAAGGZ0eXBtcDQy"
PLAIN: Final = "A text of its own."
SCHEMA: Final[JSON] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
ARGUMENTS: Final[JSON] = {"city": "Bern"}
ARGUMENTS_TEXT: Final = '{"city":"Bern"}'

REQUESTS: Final = (
    "system message",
    "developer message",
    "system message later on",
    "several turns",
    "image, base64",
    "image, URL",
    "PDF, base64",
    "PDF, URL",
    "text document",
    "title of a document",
    "audio",
    "video",
    "tools",
    "strict tools",
    "tools that take free text",
    "the provider's own tools",
    "tool call and result",
    "parallel calls and results",
    "failed tool",
    "image in a tool result",
    "tool choice: auto",
    "tool choice: none",
    "tool choice: any",
    "tool choice: one",
    "tool choice: some",
    "one call at a time",
    "JSON of any kind",
    "JSON by a schema",
    "output cap",
    "stop sequences",
    "temperature",
    "temperature above 1",
    "`top_p`",
    "`top_k`",
    "penalties",
    "seed",
    "several answers",
    "logprobs",
    "logit bias",
    "reasoning effort",
    "reasoning budget",
    "reasoning off",
    "verbosity",
    "cache marker",
    "cache marker, 1 hour",
    "cache key",
    "citations of a document",
    "service tier",
    "end user",
    "metadata",
    "safety settings",
    "a field unknown here",
)
"""The features of requests, in the order of the table."""
