"""Revisions of the configuration, and callers' keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "revisions",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("document_json", sa.Text),
        sa.PrimaryKeyConstraint("number", name="pk_revisions"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_revisions_document",
        "revisions",
        ["number"],
        sqlite_where=sa.text("document_json IS NOT NULL"),
    )
    op.create_table(
        "keys",
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("models", sa.Text),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("expires_ns", sa.BigInteger),
        sa.Column("revoked_ns", sa.BigInteger),
        sa.Column("changed", sa.Integer, sa.ForeignKey("revisions.number"), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_keys"),
        sa.CheckConstraint("source IN ('file', 'command')", name="ck_keys_source"),
    )
    op.create_index("ix_keys_hash", "keys", ["hash"], unique=True)
    op.create_index("ix_keys_changed", "keys", ["changed"])
    op.create_index(
        "ix_keys_active_name",
        "keys",
        ["name"],
        unique=True,
        sqlite_where=sa.text("revoked_ns IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("keys")
    op.drop_table("revisions")
