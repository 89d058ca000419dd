"""Webhooks, deliveries and idempotency keys."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created_ns", "idempotency_keys", ["created_ns"])
    _create_webhooks()
    _create_deliveries()


def _create_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("events", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("old_secret", sa.Text),
        sa.Column("old_secret_until_ns", sa.BigInteger),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("disabled_because", sa.Text),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("failing_since_ns", sa.BigInteger),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("webhook_id", name="pk_webhooks"),
    )
    op.create_index("ix_webhooks_team", "webhooks", ["team", "name"], unique=True)
    op.create_table(
        "webhook_cursors",
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_webhook_cursors"),
    )


def _create_deliveries() -> None:
    table = "webhook_deliveries"
    op.create_table(
        table,
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column(
            "webhook_id",
            sa.Text,
            sa.ForeignKey("webhooks.webhook_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_ns", sa.BigInteger),
        sa.PrimaryKeyConstraint("number", name="pk_webhook_deliveries"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_webhook_deliveries_once", table, ["webhook_id", "message_id"], unique=True)
    op.create_index("ix_webhook_deliveries_created_ns", table, ["created_ns"])
    op.create_index(
        "ix_webhook_deliveries_due",
        table,
        ["next_ns", "number"],
        sqlite_where=sa.text("next_ns IS NOT NULL"),
    )
    op.create_index("ix_webhook_deliveries_webhook_id", table, ["webhook_id", "number"])
    op.create_table(
        "webhook_attempts",
        sa.Column(
            "delivery",
            sa.Integer,
            sa.ForeignKey("webhook_deliveries.number", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("duration_us", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("error", sa.Text),
        sa.Column("reply", sa.Text),
        sa.PrimaryKeyConstraint("delivery", "number", name="pk_webhook_attempts"),
    )


def downgrade() -> None:
    for table in ("webhook_attempts", "webhook_deliveries", "webhook_cursors", "webhooks"):
        op.drop_table(table)
    op.drop_table("idempotency_keys")
