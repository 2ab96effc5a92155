from typing import Final, Self, TypeAlias, final

COUNTER: Final[int]
GAUGE: Final[int]
HISTOGRAM: Final[int]

MAX_EXEMPLAR_BYTES: Final[int]

Exemplar: TypeAlias = tuple[bytes, int, int]
"""The text, the observed value, the time in milliseconds."""

MetricEntry: TypeAlias = tuple[bytes, int, tuple[int, ...], tuple[int, ...], tuple[Exemplar | None, ...]]
"""Name, kind, values, bounds, exemplars.

Counter and gauge: values is (value,), the rest is empty. Histogram: values is (sum, a count per bucket), the
buckets not cumulated, the last one without an upper bound; exemplars has one place per bucket.
"""

@final
class MetricsFile:
    """The metrics of one process in a mapped file, which outlives it: one writer, any number of readers.

    Entries are only ever appended, and describe themselves. A handle is valid in the object that gave it.
    """

    def __new__(cls, path: str, capacity: int, writable: bool) -> Self:
        """Open the file; a writer makes one of `capacity` bytes if there is none, else goes on in it.

        ValueError: not a metrics file of this version, truncated, or corrupt. OSError.
        """

    def counter(self, name: bytes) -> int:
        """The handle, found or appended.

        OverflowError: the file is full. ValueError: another kind or other bounds under this name, a name
        beyond 65,535 bytes, or a reader's file.
        """

    def gauge(self, name: bytes) -> int:
        """As counter()."""

    def histogram(self, name: bytes, bounds: tuple[int, ...]) -> int:
        """As counter(). The bounds are inclusive and ascend (ValueError); +Inf is implied; 1,024 at most."""

    def add(self, handle: int, n: int) -> None:
        """Change a counter or gauge. ValueError: a negative n on a counter."""

    def set(self, handle: int, value: int) -> None:
        """Set a gauge."""

    def get(self, handle: int) -> int:
        """The value of a counter or gauge."""

    def observe(self, handle: int, value: int, exemplar: bytes = b"", timestamp_ms: int = 0) -> None:
        """Count a value into a histogram; a non-empty exemplar replaces that of its bucket.

        An exemplar beyond MAX_EXEMPLAR_BYTES is not kept.
        """

    def zero_gauges(self) -> None:
        """Set all gauges to 0: a process that starts has nothing in flight."""

    def entries(self) -> list[MetricEntry]:
        """All entries as they are now. ValueError: the file is corrupt."""
