"""The ledger: entries in hashed batches, positions of the writers, prices, roll-ups, archives."""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _flag(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.SmallInteger, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, _NUMBER, autoincrement=False, nullable=False)


def _counts() -> list[sa.Column[int]]:
    return [
        _integer("input_tokens"),
        _integer("output_tokens"),
        _integer("cached_input_tokens"),
        _integer("cache_write_tokens"),
        _integer("cache_write_1h_tokens"),
        _integer("reasoning_tokens"),
        _integer("input_audio_tokens"),
        _integer("output_audio_tokens"),
        _integer("cached_audio_tokens"),
        _integer("input_image_tokens"),
        _integer("output_image_tokens"),
        _integer("cached_image_tokens"),
        _integer("audio_ms"),
        _integer("input_audio_ms"),
        _integer("images"),
        _integer("pages"),
        _integer("web_searches"),
    ]


def upgrade() -> None:
    op.create_table(
        "entries",
        _number("number"),
        _integer("batch"),
        _text("writer"),
        _integer("sequence"),
        _text("id"),
        _text("request_id"),
        _integer("attempt"),
        _text("virtual_key"),
        _text("customer"),
        _text("teams"),
        _text("tags"),
        _text("metadata"),
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
        _integer("admitted_ns"),
        _integer("settled_ns"),
        _text("outcome"),
        _integer("status"),
        *_counts(),
        _text("other"),
        _text("service_tier"),
        _text("price"),
        _flag("estimated"),
        _flag("unpriced"),
        _integer("cost"),
        _text("charged"),
        _integer("duration_ms"),
        _integer("ttft_ms"),
        sa.PrimaryKeyConstraint("number", name="pk_entries"),
        sa.UniqueConstraint("id", name="uq_entries_id"),
        sa.UniqueConstraint("writer", "sequence", name="uq_entries_writer_sequence"),
    )
    op.create_index("ix_entries_admitted", "entries", ["admitted_ns", "number"])
    op.create_table(
        "batches",
        _number("number"),
        _text("previous_hash"),
        _text("hash"),
        _integer("first_entry"),
        _integer("last_entry"),
        _integer("written_ns"),
        sa.PrimaryKeyConstraint("number", name="pk_batches"),
    )
    op.create_table(
        "writers",
        _text("writer"),
        _integer("sequence"),
        _integer("segment"),
        _integer("offset"),
        _flag("closed"),
        _integer("archived"),
        sa.PrimaryKeyConstraint("writer", name="pk_writers"),
    )
    op.create_table(
        "prices",
        _text("id"),
        _text("definition"),
        _integer("first_seen_ns"),
        sa.PrimaryKeyConstraint("id", name="pk_prices"),
    )
    op.create_table(
        "rollup_groups",
        _number("id"),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        _text("customer"),
        _text("teams"),
        _text("virtual_key"),
        _text("provider"),
        _text("deployment"),
        _text("model"),
        _text("public_model"),
        _text("price"),
        _text("tags"),
        _text("metadata"),
        sa.PrimaryKeyConstraint("id", name="pk_rollup_groups"),
        sa.UniqueConstraint("digest", name="uq_rollup_groups_digest"),
    )
    for name in ("rollups_hourly", "rollups_daily"):
        op.create_table(
            name,
            _integer("bucket_ns"),
            _integer("group_id"),
            _integer("entries"),
            _integer("estimated"),
            _integer("unpriced"),
            _integer("cost"),
            _integer("estimated_cost"),
            *_counts(),
            sa.PrimaryKeyConstraint("bucket_ns", "group_id", name=f"pk_{name}"),
            sqlite_with_rowid=False,
        )
    op.create_table(
        "archives",
        _number("number"),
        _text("file"),
        _text("sha256"),
        _integer("first_batch"),
        _integer("last_batch"),
        _integer("first_entry"),
        _integer("last_entry"),
        _text("previous_hash"),
        _text("hash"),
        _integer("until_ns"),
        _integer("written_ns"),
        sa.PrimaryKeyConstraint("number", name="pk_archives"),
    )
