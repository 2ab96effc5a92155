"""What the writers of a request's parts share."""

from typing import Final

from fastgate.domain.conversation import Conversation
from fastgate.domain.format import Format
from fastgate.wire.converse.family import Family, family_of
from fastgate.wire.interface import Losses
from fastgate.wire.messages.models import Traits, traits
from fastgate.wire.unsaid import written

_CACHING: Final = frozenset({Family.CLAUDE, Family.NOVA, Family.UNKNOWN})


class Writing:
    """Of one request for one model. `own`: the client spoke Converse, so what it wrote is written again.
    `caches`: cache points may be set. `enforces`: answers can be held to a schema. Both as far as the model's
    name tells."""

    def __init__(self, request: Conversation, model: str, losses: Losses) -> None:
        self.request = request
        self.losses = losses
        self.family = family_of(model)
        self.traits: Traits = traits(model)  # of Claude
        self.own = request.format is Format.CONVERSE
        self.caches = self.own or self.family in _CACHING
        self.enforces = self.family is not Family.CLAUDE or self.traits.schemas

    def called(self, field: str) -> str:
        """What the client calls a field of `Conversation`."""
        return written(self.request, field)

    def lose(self, field: str) -> None:
        """A field of `Conversation`."""
        self.losses.drop(self.called(field))
