"""Files of archived entries: Parquet, or CSV in gzip. Both read back to the very rows that were written.

A file has the columns of `schema.ENTRIES`, and then the time at which the batch was written, so that the hash
chain can be worked out from it.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from sqlalchemy import Text

from fastgate.store.ledger.errors import LedgerUnusable
from fastgate.store.ledger.rows import COLUMNS, Row
from fastgate.store.ledger.schema import ENTRIES

if TYPE_CHECKING:
    from types import ModuleType

WRITTEN: Final = "batch_written_ns"

_NAMES: Final = (*COLUMNS, WRITTEN)
_IS_TEXT: Final = (*(isinstance(column.type, Text) for column in ENTRIES.columns), False)
_CHUNK: Final = 10_000  # rows that are in memory at once


class ArchiveFormat(StrEnum):
    PARQUET = "parquet"
    CSV = "csv"

    @property
    def suffix(self) -> str:
        return ".parquet" if self is ArchiveFormat.PARQUET else ".csv.gz"


def write_rows(file: IO[bytes], form: ArchiveFormat, rows: Iterator[Row]) -> None:
    """OSError. LedgerUnusable: the package for it is not installed."""
    if form is ArchiveFormat.PARQUET:
        _write_parquet(file, rows)
    else:
        _write_csv(file, rows)


def read_rows(path: Path) -> Iterator[Row]:
    """In the order in which they were written. OSError; ValueError: it is damaged. LedgerUnusable."""
    if path.suffix == ArchiveFormat.PARQUET.suffix:
        yield from _read_parquet(path)
    else:
        yield from _read_csv(path)


def _write_csv(file: IO[bytes], rows: Iterator[Row]) -> None:
    with (
        gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        writer = csv.writer(text)
        writer.writerow(_NAMES)
        writer.writerows(rows)


def _read_csv(path: Path) -> Iterator[Row]:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            reader = csv.reader(text, strict=True)
            if tuple(next(reader, ())) != _NAMES:
                raise ValueError("it has other columns")
            for values in reader:
                yield tuple(
                    value if is_text else int(value) for value, is_text in zip(values, _IS_TEXT, strict=True)
                )
    except (EOFError, gzip.BadGzipFile, zlib.error, csv.Error) as error:
        raise ValueError(str(error)) from None


def _write_parquet(file: IO[bytes], rows: Iterator[Row]) -> None:
    arrow, parquet = _arrow()
    kinds = {True: arrow.string(), False: arrow.int64()}
    schema = arrow.schema([(name, kinds[text]) for name, text in zip(_NAMES, _IS_TEXT, strict=True)])
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while some := list(islice(rows, _CHUNK)):
            columns = zip(*some, strict=True)
            arrays = [arrow.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))


def _read_parquet(path: Path) -> Iterator[Row]:
    _arrow_module, parquet = _arrow()
    with parquet.ParquetFile(path) as file:
        if tuple(file.schema_arrow.names) != _NAMES:
            raise ValueError("it has other columns")
        for some in file.iter_batches(_CHUNK):
            yield from zip(*(column.to_pylist() for column in some.columns), strict=True)


def _arrow() -> "tuple[ModuleType, ModuleType]":
    """Imported here: it is large, optional, and needed once a day."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise LedgerUnusable("Parquet needs pyarrow: install fastgate[parquet], or archive as csv") from None
    return pyarrow, parquet
