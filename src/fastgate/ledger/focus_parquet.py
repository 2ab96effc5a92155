"""Writes FOCUS rows as Parquet, in batches. Needs pyarrow, which is installed only where it is asked for."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from fastgate.ledger.focus import COLUMNS, Type, Value

_BATCH: Final = 10_000
_ARROW: Final = {
    Type.TEXT: pa.string(),
    Type.JSON: pa.string(),
    Type.TIME: pa.timestamp("ms", tz="UTC"),
    Type.MONEY: pa.decimal128(38, 9),
    Type.COUNT: pa.int64(),
}
SCHEMA: Final = pa.schema([(name, _ARROW[type_]) for name, type_ in COLUMNS.items()])


def write_parquet(rows: Iterable[Mapping[str, Value]], path: Path) -> int:
    """How many rows there were."""
    remaining = iter(rows)
    count = 0
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        while batch := list(islice(remaining, _BATCH)):
            writer.write_table(pa.Table.from_pylist(batch, schema=SCHEMA))
            count += len(batch)
    return count
