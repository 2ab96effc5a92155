"""What every scripted upstream answers, whoever its vendor is: the same scene said in each one's words.

A request asks for a scene by `SCENE-name` in its messages; of several the last one counts, so a result of a
tool moves a conversation on.
"""

import re
from typing import Final, Literal, NamedTuple

Finish = Literal["stop", "tools", "sequence"]


class Scene(NamedTuple):
    """`texts` are the pieces of a stream; `cities` the arguments of calls of `get_weather`. `finish`:
    `sequence` where a vendor can say that it stopped there, or else `stop`."""

    texts: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    thoughts: tuple[str, ...] = ()
    finish: Finish = "stop"


SCENES: Final[dict[str, Scene]] = {
    "text": Scene(("Good ", "morning, 你好 ", "🦊.")),
    "tool": Scene(cities=("Paris",), finish="tools"),
    "tools": Scene(("Let me look.",), cities=("Paris", "Oslo"), finish="tools"),
    "told": Scene(("Sunny ", "in both.")),
    "image": Scene(("A pixel.",)),
    "structured": Scene(('{"city":"Paris",', '"degrees":21}')),
    "sequence": Scene(("One ", "two "), finish="sequence"),
    "thinking": Scene(("4", "2."), thoughts=("6 times ", "7.")),
    "thought": Scene(("Still 42.",)),
    "dies": Scene(("Good ", "morning ", "to ", "all.")),
}

FAILING: Final = {"limited": 429, "bad": 400}
"""Scenes that are refused, with this status."""

TOOL: Final = "get_weather"
SIGNATURE: Final = "c2lnbmF0dXJlLW9mLXRoZS10aG91Z2h0cw=="
"""Of the thoughts of those who sign them; base64, as Google's must be."""

VECTOR: Final = (0.25, -0.5, 0.125)
"""Of each text that is embedded; exact in 32 bits."""

INPUT_TOKENS: Final = 11
CACHED_TOKENS: Final = 3
"""Among the input tokens."""
OUTPUT_TOKENS: Final = 7
REASONING_TOKENS: Final = 2
"""Among the output tokens, where there are thoughts."""

_NAMED: Final = re.compile(r"SCENE-([a-z]+)")


def scene_in(body: bytes) -> str:
    """Its name; LookupError where the request asks for none."""
    names = _NAMED.findall(body.decode())
    if not names:
        raise LookupError("the request names no scene")
    return str(names[-1])


def call_id(number: int) -> str:
    return f"call_{number}aB3"
