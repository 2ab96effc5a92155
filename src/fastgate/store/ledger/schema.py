"""The tables of the ledger. Money is in nano-USD, times in nanoseconds since the Unix epoch, all integers.

A change here needs a migration beside it (`migrations/versions`). No column is ever NULL, and truth is 0
or 1, so that a row is the same tuple of text and integers from either database. JSON is compact, its objects
sorted by name.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

METADATA: Final = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)

# SQLite takes only a column of just this type for the row's own number.
_Number: Final = BigInteger().with_variant(Integer(), "sqlite")

USAGE_COUNTS: Final = (
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "cached_audio_tokens",
    "input_image_tokens",
    "output_image_tokens",
    "cached_image_tokens",
    "audio_ms",
    "input_audio_ms",
    "images",
    "pages",
    "web_searches",
)
"""The counts of `Usage`, one column each."""


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _integer(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _flag(name: str) -> Column[int]:
    return Column(name, SmallInteger, nullable=False)


ENTRIES: Final = Table(
    "entries",
    METADATA,
    Column("number", _Number, primary_key=True, autoincrement=False),  # from 1, no gaps: the chain's order
    _integer("batch"),
    _text("writer"),
    _integer("sequence"),
    _text("id"),
    # What is known before the call
    _text("request_id"),
    _integer("attempt"),
    _text("virtual_key"),
    _text("customer"),
    _text("teams"),  # JSON array
    _text("tags"),  # JSON object
    _text("metadata"),  # JSON object
    _text("endpoint"),
    _flag("stream"),
    _text("requested_model"),
    _text("provider"),
    _text("deployment"),
    _text("credential"),
    _text("model"),
    _text("public_model"),
    _text("hold_price"),
    _integer("held"),
    _integer("estimated_input_tokens"),
    # What became of it
    _integer("admitted_ns"),
    _integer("settled_ns"),
    _text("outcome"),
    _integer("status"),
    *(_integer(name) for name in USAGE_COUNTS),
    _text("other"),  # JSON object
    _text("service_tier"),
    _text("price"),
    _flag("estimated"),
    _flag("unpriced"),
    _integer("cost"),
    _text("charged"),  # JSON array
    _integer("duration_ms"),
    _integer("ttft_ms"),
    UniqueConstraint("id"),
    UniqueConstraint("writer", "sequence"),
    Index("ix_entries_admitted", "admitted_ns", "number"),
)

BATCHES: Final = Table(
    "batches",
    METADATA,
    Column("number", _Number, primary_key=True, autoincrement=False),  # from 1, no gaps
    _text("previous_hash"),
    _text("hash"),
    _integer("first_entry"),
    _integer("last_entry"),
    _integer("written_ns"),
)

# Entries of `writer` up to `archived` are in archives, those after it up to `sequence` in `entries`.
WRITERS: Final = Table(
    "writers",
    METADATA,
    Column("writer", Text, primary_key=True),
    _integer("sequence"),
    _integer("segment"),
    _integer("offset"),
    _flag("closed"),
    _integer("archived"),
)

PRICES: Final = Table(
    "prices",
    METADATA,
    Column("id", Text, primary_key=True),
    _text("definition"),  # JSON of a domain.price.Price
    _integer("first_seen_ns"),
)

GROUP_FIELDS: Final = (
    "customer",
    "teams",
    "virtual_key",
    "provider",
    "deployment",
    "model",
    "public_model",
    "price",
    "tags",
    "metadata",
)
"""Columns of `entries` that roll-ups tell apart."""

GROUPS: Final = Table(
    "rollup_groups",
    METADATA,
    Column("id", _Number, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False, unique=True),  # of all the rest, which may be long
    *(_text(name) for name in GROUP_FIELDS),
)

SUMS: Final = ("entries", "estimated", "unpriced", "cost", "estimated_cost", *USAGE_COUNTS)
"""What a roll-up adds up."""


def _rollups(name: str) -> Table:
    return Table(
        name,
        METADATA,
        Column("bucket_ns", BigInteger, primary_key=True, autoincrement=False),
        Column("group_id", BigInteger, primary_key=True, autoincrement=False),
        *(_integer(sum_name) for sum_name in SUMS),
        sqlite_with_rowid=False,
    )


# By the moment of admission. `bucket_ns` is the start of the hour or day, in UTC.
HOURLY: Final = _rollups("rollups_hourly")
DAILY: Final = _rollups("rollups_daily")

# What was moved out of `entries`, oldest first: the chain goes on from `hash`.
ARCHIVES: Final = Table(
    "archives",
    METADATA,
    Column("number", _Number, primary_key=True, autoincrement=False),
    _text("file"),
    _text("sha256"),
    _integer("first_batch"),
    _integer("last_batch"),
    _integer("first_entry"),
    _integer("last_entry"),
    _text("previous_hash"),
    _text("hash"),
    _integer("until_ns"),  # end of the last hour that an entry in it was admitted in
    _integer("written_ns"),
)
