"""What a model can do, by its name."""

import re
from typing import Final

Generation = tuple[int, int]

THINKING: Final = (2, 5)
"""Since when models think, and may be told how many tokens."""
GEMINI_3: Final = (3, 0)
"""Since when it is said by levels; media may stand in function responses, schemas beside functions; and
thought signatures are demanded."""
FIXED_SAMPLING: Final = (3, 5)
"""Since when penalties are an error."""

_NEWEST: Final = (99, 0)
_NUMBERED: Final = re.compile(r"gemini-(?:[a-z]+-)*?(\d{1,2})(?:\.(\d{1,2}))?(?![0-9])")


def generation(model: str) -> Generation:
    """Major and minor version of a Gemini; a name without a number (`gemini-flash-latest`, a tuned model's)
    is taken for the newest."""
    found = _NUMBERED.search(model.lower())
    return _NEWEST if found is None else (int(found[1]), int(found[2] or 0))


def thinking_budgets(model: str) -> tuple[int, int]:
    """The smallest and the largest number of tokens that a model of 2.5 takes; 0 switches off where it is
    the smallest. Source: "Thinking budgets" of the Gemini API's documentation."""
    if "pro" in model:
        return 128, 32_768
    return 0, 24_576
