"""The team that a key belongs to, and indexes for pages of keys."""

from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_PLACES = ("name", "created_ns")
_SET_TEAM = sa.text("UPDATE keys SET team = :team WHERE application = :application")


def upgrade() -> None:
    op.add_column("keys", sa.Column("team", sa.Text))
    connection = op.get_bind()
    rows = [{"application": name, "team": team} for name, team in _applications(connection) if team]
    if rows:
        connection.execute(_SET_TEAM, rows)
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


def _applications(connection: sa.Connection) -> list[tuple[str, str | None]]:
    """The applications of the document in force, and their teams."""
    if sa.inspect(connection).has_table("configuration_items"):
        found = connection.execute(
            sa.text("SELECT name, team FROM configuration_items WHERE kind = 'applications'")
        )
        return [(name, team) for name, team in found]
    text = connection.execute(
        sa.text(
            "SELECT document_json FROM revisions WHERE document_json IS NOT NULL "
            "ORDER BY number DESC LIMIT 1"
        )
    ).scalar()
    stored: dict[str, Any] = {} if text is None else msgspec.json.decode(text)
    items = stored.get("written", {}).get("applications", [])
    return [(one["name"], one.get("team")) for one in items]
