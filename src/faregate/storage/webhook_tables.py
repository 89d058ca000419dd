"""The tables of webhooks: where events go, and how it went."""

import sqlalchemy as sa

from faregate.storage.tables import metadata

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("webhook_id", sa.Text, primary_key=True),
    # Empty for the organisation.
    sa.Column("team", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    # A JSON list of types, each with or without * at its end.
    sa.Column("events", sa.Text, nullable=False),
    sa.Column("secret", sa.Text, nullable=False),  # sealed
    sa.Column("old_secret", sa.Text),  # sealed; signs as well until
    sa.Column("old_secret_until_ns", sa.BigInteger),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("disabled_because", sa.Text),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    # The first failure since the last success.
    sa.Column("failing_since_ns", sa.BigInteger),
    sa.Column("version", sa.Integer, nullable=False),
)
sa.Index("ix_webhooks_team", webhooks.c.team, webhooks.c.name, unique=True)

deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
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
    # pending, delivered, failed, dropped
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_ns", sa.BigInteger),
    sqlite_autoincrement=True,
)
sa.Index(
    "ix_webhook_deliveries_once", deliveries.c.webhook_id, deliveries.c.message_id, unique=True
)
sa.Index("ix_webhook_deliveries_created_ns", deliveries.c.created_ns)
# Of what is on its way; without a time it waits until its webhook is enabled.
sa.Index(
    "ix_webhook_deliveries_due",
    deliveries.c.next_ns,
    deliveries.c.number,
    sqlite_where=deliveries.c.next_ns.is_not(None),
)
sa.Index("ix_webhook_deliveries_webhook_id", deliveries.c.webhook_id, deliveries.c.number)

attempts = sa.Table(
    "webhook_attempts",
    metadata,
    sa.Column(
        "delivery",
        sa.Integer,
        sa.ForeignKey("webhook_deliveries.number", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    sa.Column("duration_us", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("error", sa.Text),
    sa.Column("reply", sa.Text),
)

# How far events of each source were taken: the ledger's, the audit log's.
cursors = sa.Table(
    "webhook_cursors",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)
