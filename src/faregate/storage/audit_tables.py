"""The tables of the audit log; triggers, made with them, refuse changes."""

import sqlalchemy as sa

from faregate.storage.tables import metadata

entries = sa.Table(
    "audit_entries",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.Column("actor_kind", sa.Text, nullable=False),
    sa.Column("actor_name", sa.Text, nullable=False),
    sa.Column("actor_id", sa.Text),
    sa.Column("token", sa.Text),
    sa.Column("address", sa.Text),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("object", sa.Text, nullable=False),
    sa.Column("team", sa.Text),
    sa.Column("outcome", sa.Text, nullable=False),
    # JSON texts without secrets.
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("detail", sa.Text),
    sa.Column("hash", sa.LargeBinary(32), nullable=False),
)
sa.Index("ix_audit_entries_created_ns", entries.c.created_ns)
sa.Index("ix_audit_entries_team", entries.c.team, entries.c.sequence)
sa.Index("ix_audit_entries_object", entries.c.object, entries.c.sequence)

# Two rows: the last entry that retention took away, and the newest one.
marks = sa.Table(
    "audit_marks",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("hash", sa.LargeBinary(32), nullable=False),
    # Under a key that is derived from the master key; null where none was known.
    sa.Column("seal", sa.LargeBinary(32)),
    sa.Column("written_ns", sa.BigInteger, nullable=False),
)
