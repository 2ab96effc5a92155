"""What Claude models take, by their names: the API answers 400 to what a model does not know.

Sources: Anthropic's pages on thinking, effort and structured outputs and its migration guides.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from fastgate.domain.conversation import Effort


class Traits(NamedTuple):
    """`adaptive` and `budgets`: takes `thinking` of type adaptive, or enabled with a budget. `efforts` are
    the levels of `output_config.effort`. `always`: thinking cannot be switched off. `samples`: takes
    `temperature`, `top_p` and `top_k`. `schemas`: takes `output_config.format` and strict tools."""

    adaptive: bool
    budgets: bool
    efforts: tuple[Effort, ...]
    always: bool
    samples: bool
    schemas: bool


_USUAL: Final = (Effort.LOW, Effort.MEDIUM, Effort.HIGH)
_ALL_EFFORTS: Final = (*_USUAL, Effort.XHIGH, Effort.MAX)
_ANY: Final = Traits(
    adaptive=True,
    budgets=True,
    efforts=_ALL_EFFORTS,
    always=False,
    samples=True,
    schemas=True,
)
_ALWAYS_THINK: Final = frozenset({"fable", "mythos"})

# Others write it as anthropic.claude-opus-4-6-v1, claude-opus-4-5@20251101 or claude-3.7-sonnet.
_NAME: Final = re.compile(
    r"claude-(?:(?P<old>\d{1,2}(?:[-.]\d{1,2})?)-)?(?P<name>[a-z]+)"
    r"(?:-(?P<new>\d{1,2}(?:[-.]\d{1,2}(?!\d))?)(?!\d))?"
)


@lru_cache(maxsize=256)
def traits(model: str) -> Traits:
    """Of a name that says nothing (an ARN, an alias) all is believed."""
    found = _NAME.search(model.lower())
    if found is None:
        return _ANY
    number = found["new"] or found["old"]
    if number is None and found["name"] not in _ALWAYS_THINK:
        return _ANY
    major, _, minor = (number or "5").replace(".", "-").partition("-")
    version = (int(major), int(minor or 0))
    efforts: tuple[Effort, ...] = ()
    if version >= (4, 7):
        efforts = _ALL_EFFORTS
    elif version >= (4, 6):
        efforts = (*_USUAL, Effort.MAX)
    return Traits(
        adaptive=version >= (4, 6),
        budgets=(3, 7) <= version < (4, 7),
        efforts=efforts,
        always=found["name"] in _ALWAYS_THINK,
        samples=version < (4, 7),
        schemas=version >= (4, 5),
    )
