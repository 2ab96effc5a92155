"""What goes wrong when a login is exchanged for a secret, and how it is told."""

import re
from typing import Final

_MAX_TOLD: Final = 300
# Longer than any word, UUID or host name, and as long as the shortest secrets that clouds give out.
_LIKE_A_SECRET: Final = re.compile(r"[A-Za-z0-9_+/=.~-]{40,}")


class MintingFailed(Exception):
    """Its text can be logged."""


def told(error: BaseException) -> str:
    """The failure of a vendor's library in one line, without what could be a secret."""
    said = str(error.args[0]) if error.args else ""
    text = " ".join(_LIKE_A_SECRET.sub("…", said).split())
    return f"{type(error).__name__}: {text[:_MAX_TOLD]}" if text else type(error).__name__
