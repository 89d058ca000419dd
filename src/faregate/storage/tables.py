"""The tables of faregate.db; migrations make them."""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"}
)

# Every change is a row. A row without a document left the document as it was: a key changed.
revisions = sa.Table(
    "revisions",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("document_json", sa.Text),
    sqlite_autoincrement=True,
)
# The newest document is found at once, however many keys changed since.
sa.Index(
    "ix_revisions_document",
    revisions.c.number,
    sqlite_where=revisions.c.document_json.is_not(None),
)

keys = sa.Table(
    "keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("prefix", sa.Text, nullable=False),
    sa.Column("hash", sa.LargeBinary(32), nullable=False),
    # A JSON list of names; null means all models.
    sa.Column("models", sa.Text),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.Column("expires_ns", sa.BigInteger),
    sa.Column("revoked_ns", sa.BigInteger),
    # The revision of its last change.
    sa.Column("changed", sa.Integer, sa.ForeignKey("revisions.number"), nullable=False),
    sa.Column(
        "source",
        sa.Text,
        sa.CheckConstraint("source IN ('file', 'command')", name="ck_keys_source"),
        nullable=False,
    ),
    # Name of the application that it belongs to; null means none.
    sa.Column("application", sa.Text),
    # The application's team; null means none.
    sa.Column("team", sa.Text),
)
sa.Index("ix_keys_hash", keys.c.hash, unique=True)
sa.Index("ix_keys_changed", keys.c.changed)
sa.Index("ix_keys_active_name", keys.c.name, unique=True, sqlite_where=keys.c.revoked_ns.is_(None))
# Pages of keys, by name and by age: of all, of a team, of an application, of those in a rare state.
for _place in ("name", "created_ns"):
    _ends = (keys.c[_place], keys.c.key_id)
    sa.Index(f"ix_keys_by_{_place}", *_ends)
    sa.Index(f"ix_keys_team_by_{_place}", keys.c.team, *_ends)
    sa.Index(f"ix_keys_application_by_{_place}", keys.c.application, *_ends)
    sa.Index(f"ix_keys_revoked_by_{_place}", *_ends, sqlite_where=keys.c.revoked_ns.is_not(None))
    sa.Index(
        f"ix_keys_ending_by_{_place}",
        *_ends,
        keys.c.expires_ns,
        sqlite_where=keys.c.revoked_ns.is_(None) & keys.c.expires_ns.is_not(None),
    )
