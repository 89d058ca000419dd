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


def downgrade() -> None:
    op.drop_table("idempotency_keys")
