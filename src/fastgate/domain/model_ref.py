"""How a client or the configuration names a model."""

import msgspec


class ModelRef(msgspec.Struct, frozen=True):
    """`provider` is None where the catalogue decides."""

    model: str
    provider: str | None = None

    def __str__(self) -> str:
        return self.model if self.provider is None else f"{self.provider}/{self.model}"
