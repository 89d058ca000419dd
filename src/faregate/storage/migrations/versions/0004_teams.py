"""The team that a key belongs to, and indexes for pages of keys."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_PLACES = ("name", "created_ns")
# The applications of the document in force say whose their keys are.
_SET_TEAMS = """
UPDATE keys SET team = (
    SELECT team FROM configuration_items AS one
    WHERE one.kind = 'applications' AND one.name = keys.application
) WHERE application IS NOT NULL
"""


def upgrade() -> None:
    op.add_column("keys", sa.Column("team", sa.Text))
    op.execute(_SET_TEAMS)
    for place in _PLACES:
        ends = [place, "key_id"]
        op.create_index(f"ix_keys_by_{place}", "keys", ends)
        op.create_index(f"ix_keys_team_by_{place}", "keys", ["team", *ends])
        op.create_index(f"ix_keys_application_by_{place}", "keys", ["application", *ends])
        op.create_index(
            f"ix_keys_revoked_by_{place}",
            "keys",
            ends,
            sqlite_where=sa.text("revoked_ns IS NOT NULL"),
        )
        op.create_index(
            f"ix_keys_ending_by_{place}",
            "keys",
            [*ends, "expires_ns"],
            sqlite_where=sa.text("revoked_ns IS NULL AND expires_ns IS NOT NULL"),
        )


def downgrade() -> None:
    for place in _PLACES:
        for name in ("by", "team_by", "application_by", "revoked_by", "ending_by"):
            op.drop_index(f"ix_keys_{name}_{place}", "keys")
    op.drop_column("keys", "team")
