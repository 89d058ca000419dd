"""The tables of faregate.db; migrations make them."""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"}
)

# Every change is a row; some leave the document as it was: a key changed.
revisions = sa.Table(
    "revisions",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    # The name of who did it; the other columns tell who that is.
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("message", sa.Text),
    sa.Column("actor_kind", sa.Text, nullable=False, server_default="command"),
    sa.Column("actor_id", sa.Text),
    sa.Column("token", sa.Text),
    sa.Column("address", sa.Text),
    sa.Column("changed_document", sa.Boolean, nullable=False, server_default=sa.false()),
    sqlite_autoincrement=True,
)
# The newest document is found at once, however many keys changed since.
sa.Index(
    "ix_revisions_document",
    revisions.c.number,
    sqlite_where=revisions.c.changed_document.is_(True),
)

# The document in force, item by item: a provider, a team, the settings.
items = sa.Table(
    "configuration_items",
    metadata,
    # A field of the document; the settings have no name.
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("team", sa.Text),
    # Items of a kind are in the order of these; there are gaps between them.
    sa.Column("position", sa.BigInteger, nullable=False),
    # As a person wrote it, with references; keys as hashes.
    sa.Column("written_json", sa.Text, nullable=False),
    # With sealed values instead of references; null where there are none.
    sa.Column("sealed_json", sa.Text),
    # The revision of its last change.
    sa.Column("changed", sa.Integer, sa.ForeignKey("revisions.number"), nullable=False),
)
sa.Index("ix_configuration_items_team", items.c.team, items.c.kind)

# What each revision changed; rows are added, and never changed. An item that wasn't there before,
# or isn't after, has null in all columns of that side.
item_changes = sa.Table(
    "configuration_changes",
    metadata,
    sa.Column("revision", sa.Integer, sa.ForeignKey("revisions.number"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("position_before", sa.BigInteger),
    sa.Column("written_before", sa.Text),
    sa.Column("sealed_before", sa.Text),
    sa.Column("position_after", sa.BigInteger),
    sa.Column("written_after", sa.Text),
    sa.Column("sealed_after", sa.Text),
)
sa.Index(
    "ix_configuration_changes_kind",
    item_changes.c.kind,
    item_changes.c.name,
    item_changes.c.revision,
)

# Changes that are prepared to be put in force together.
drafts = sa.Table(
    "drafts",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("message", sa.Text),
)
draft_items = sa.Table(
    "draft_items",
    metadata,
    sa.Column("draft", sa.Text, sa.ForeignKey("drafts.name"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("team", sa.Text),
    # The revision that had changed the item last when this was proposed; 0: it wasn't there.
    sa.Column("base_version", sa.Integer, nullable=False),
    # Null where the item is to be removed.
    sa.Column("written_json", sa.Text),
    sa.Column("sealed_json", sa.Text),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
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
