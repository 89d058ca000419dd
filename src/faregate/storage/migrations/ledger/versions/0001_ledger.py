"""Accounts, grants, transfers, purses and what workers draw of them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite counts up only in a column that is called INTEGER.
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


_COUNTER_ACCOUNTS = (
    "adjustment",
    "expired",
    "funding",
    "promotion",
    "refund",
    "revenue",
    "shortfall",
    "unbilled",
)


def upgrade() -> None:
    """Make them."""
    _create_accounts()
    _create_transfers()
    _create_purses()
    _create_workers()
    op.bulk_insert(
        sa.table("accounts", sa.column("account"), sa.column("balance_nano")),
        [{"account": account, "balance_nano": 0} for account in _COUNTER_ACCOUNTS],
    )
    op.bulk_insert(
        sa.table("asked_back", sa.column("purse_id"), sa.column("seq"), sa.column("worker")),
        [{"purse_id": "", "seq": 0, "worker": ""}],
    )


def downgrade() -> None:
    """Drop them."""
    for table in (
        "events",
        "asked_back",
        "workers",
        "draws",
        "purse_buckets",
        "purses",
        "transfers",
        "grants",
        "accounts",
    ):
        op.drop_table(table)


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("balance_nano", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_accounts"),
    )
    op.create_table(
        "grants",
        sa.Column("number", _SEQUENCE, nullable=False),
        sa.Column("wallet", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("amount_nano", sa.BigInteger, nullable=False),
        sa.Column("remaining_nano", sa.BigInteger, nullable=False),
        sa.Column("expires_ns", sa.BigInteger),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_grants"),
        sa.CheckConstraint("remaining_nano >= 0", name="ck_grants_remaining"),
        sqlite_autoincrement=True,
    )
    where = sa.text("remaining_nano > 0")
    op.create_index(
        "ix_grants_left", "grants", ["wallet"], sqlite_where=where, postgresql_where=where
    )
    op.create_index("ix_grants_reference", "grants", ["wallet", "reference"], unique=True)


def _create_transfers() -> None:
    op.create_table(
        "transfers",
        sa.Column("seq", _SEQUENCE, nullable=False),
        sa.Column("transfer_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("debit", sa.Text, nullable=False),
        sa.Column("credit", sa.Text, nullable=False),
        sa.Column("amount_nano", sa.BigInteger, nullable=False),
        sa.Column("balance_nano", sa.BigInteger),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("author", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("called_ns", sa.BigInteger),
        sa.Column("key_id", sa.Text),
        sa.Column("key_name", sa.Text),
        sa.Column("application", sa.Text),
        sa.Column("team", sa.Text),
        sa.Column("customer", sa.Text),
        sa.Column("run", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("provider", sa.Text),
        sa.Column("cost_nano", sa.BigInteger),
        sa.Column("shortfall_nano", sa.BigInteger),
        sa.Column("basis", sa.Text),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.Column("purses", sa.Text),
        sa.PrimaryKeyConstraint("seq", name="pk_transfers"),
        sa.CheckConstraint("amount_nano >= 0", name="ck_transfers_amount"),
        sqlite_autoincrement=True,
    )
    where = sa.text("(kind NOT IN ('charge', 'shortfall'))")
    op.create_index(
        "ix_transfers_credit",
        "transfers",
        ["credit", "created_ns"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_index("ix_transfers_debit", "transfers", ["debit", "created_ns"])
    op.create_index("ix_transfers_id", "transfers", ["transfer_id"], unique=True)


def _create_purses() -> None:
    op.create_table(
        "purses",
        sa.Column("purse_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("unit", sa.Integer, nullable=False),
        sa.Column("cap", sa.BigInteger, nullable=False),
        sa.Column("carried", sa.BigInteger, nullable=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("drawn", sa.BigInteger, nullable=False),
        sa.Column("starts_ns", sa.BigInteger),
        sa.Column("ends_ns", sa.BigInteger),
        sa.Column("rolling_ns", sa.BigInteger),
        sa.Column("alert_at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("purse_id", name="pk_purses"),
        sa.CheckConstraint("drawn >= 0", name="ck_purses_drawn"),
    )
    where = sa.text("ends_ns IS NOT NULL")
    op.create_index(
        "ix_purses_ends", "purses", ["ends_ns"], sqlite_where=where, postgresql_where=where
    )
    op.create_table(
        "purse_buckets",
        sa.Column("purse_id", sa.Text, nullable=False),
        sa.Column("starts_ns", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("purse_id", "starts_ns", name="pk_purse_buckets"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "draws",
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("purse_id", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("settled", sa.BigInteger, nullable=False),
        sa.Column("posted", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("worker", "purse_id", name="pk_draws"),
        sa.CheckConstraint("amount >= 0", name="ck_draws_amount"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_draws_purse", "draws", ["purse_id"])


def _create_workers() -> None:
    op.create_table(
        "workers",
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("seen_ns", sa.BigInteger, nullable=False),
        sa.Column("vanished_ns", sa.BigInteger),
        sa.Column("operation", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("worker", name="pk_workers"),
    )
    op.create_table(
        "asked_back",
        sa.Column("purse_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("purse_id", name="pk_asked_back"),
    )
    op.create_index("ix_asked_back_seq", "asked_back", ["seq"])
    op.create_table(
        "events",
        sa.Column("seq", _SEQUENCE, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("purse_id", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("percent", sa.Integer),
        sa.Column("amount", sa.BigInteger),
        sa.Column("once", sa.Text),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_at", "events", ["at_ns"])
    op.create_index("ix_events_once", "events", ["once"], unique=True)
