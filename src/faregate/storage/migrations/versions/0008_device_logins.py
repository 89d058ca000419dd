"""Logins of commands on other machines."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device_logins",
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("user_code_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("expires_ns", sa.BigInteger, nullable=False),
        sa.Column("polled_ns", sa.BigInteger, nullable=False),
        sa.Column("interval_s", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column(
            "user_id", sa.Text, sa.ForeignKey("users.user_id", ondelete="CASCADE"), nullable=True
        ),
        sa.Column("sealed", sa.Text),
        sa.PrimaryKeyConstraint("hash", name="pk_device_logins"),
    )
    op.create_index(
        "ix_device_logins_user_code_hash", "device_logins", ["user_code_hash"], unique=True
    )
    op.create_index("ix_device_logins_expires_ns", "device_logins", ["expires_ns"])


def downgrade() -> None:
    op.drop_table("device_logins")
