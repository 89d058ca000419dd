"""Revisions as changes of single items.

What was kept as whole documents becomes items in force and the changes that led there. Documents
are handled as plain JSON, so that this step does not depend on what a document is later.
"""

from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

from faregate.core.errors import StorageError
from faregate.storage.revisions_positions import anew, place_in_order

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SINGLES = {
    "version": 1,
}
_COMPLETED = ("output_tokens_max", "hidden_reasoning", "tokenizer")
_Label = tuple[str, str]
_Kept = tuple[int, str, str | None]  # position, written, sealed


def upgrade() -> None:
    """Make the new tables, and convert what is there."""
    _make_tables()
    for column in (
        sa.Column("message", sa.Text),
        sa.Column("actor_kind", sa.Text, nullable=False, server_default="command"),
        sa.Column("actor_id", sa.Text),
        sa.Column("token", sa.Text),
        sa.Column("address", sa.Text),
        sa.Column("changed_document", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("revisions", column)
    op.execute("UPDATE revisions SET changed_document = document_json IS NOT NULL")
    _convert(op.get_bind())
    op.drop_index("ix_revisions_document", "revisions")
    # Not by a copy of the table: keys refer to it.
    op.execute("ALTER TABLE revisions DROP COLUMN document_json")
    op.create_index(
        "ix_revisions_document",
        "revisions",
        ["number"],
        sqlite_where=sa.text("changed_document IS 1"),
    )


def downgrade() -> None:
    """Refuse: raises `StorageError`."""
    raise StorageError(
        "revisions can't be turned back into whole documents",
        fix="restore a backup from before the upgrade",
    )


def _make_tables() -> None:
    number = "revisions.number"
    op.create_table(
        "configuration_items",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("team", sa.Text),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("written_json", sa.Text, nullable=False),
        sa.Column("sealed_json", sa.Text),
        sa.Column("changed", sa.Integer, sa.ForeignKey(number), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_configuration_items"),
    )
    op.create_index("ix_configuration_items_team", "configuration_items", ["team", "kind"])
    op.create_table(
        "configuration_changes",
        sa.Column("revision", sa.Integer, sa.ForeignKey(number), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        *(
            sa.Column(f"{field}_{side}", kind)
            for side in ("before", "after")
            for field, kind in (
                ("position", sa.BigInteger), ("written", sa.Text), ("sealed", sa.Text)
            )
        ),
        sa.PrimaryKeyConstraint("revision", "kind", "name", name="pk_configuration_changes"),
    )  # fmt: skip
    op.create_index(
        "ix_configuration_changes_kind", "configuration_changes", ["kind", "name", "revision"]
    )
    op.create_table(
        "drafts",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("message", sa.Text),
        sa.PrimaryKeyConstraint("name", name="pk_drafts"),
    )
    op.create_table(
        "draft_items",
        sa.Column("draft", sa.Text, sa.ForeignKey("drafts.name"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("team", sa.Text),
        sa.Column("base_version", sa.Integer, nullable=False),
        sa.Column("written_json", sa.Text),
        sa.Column("sealed_json", sa.Text),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("draft", "kind", "name", name="pk_draft_items"),
    )


def _convert(connection: sa.Connection) -> None:
    numbers = connection.execute(
        sa.text("SELECT number FROM revisions WHERE document_json IS NOT NULL ORDER BY number")
    ).scalars()
    kept: dict[_Label, _Kept] = {}
    versions: dict[_Label, int] = {}
    for number in numbers.all():
        text = connection.execute(
            sa.text("SELECT document_json FROM revisions WHERE number = :number"),
            {"number": number},
        ).scalar_one()
        new = _items(_decoded(number, text), kept)
        changes = []
        for label in [*new, *(label for label in kept if label not in new)]:
            before, after = kept.get(label), new.get(label)
            if before == after:
                continue
            changes.append(_change(number, label, before, after))
            if after is None:
                del versions[label]
            elif before is None or before[1:] != after[1:]:
                versions[label] = number
        if changes:
            connection.execute(_INSERT_CHANGE, changes)
        kept = new
    rows = [
        {
            "kind": kind,
            "name": name,
            "team": _team(kind, name, written),
            "position": position,
            "written": written,
            "sealed": sealed,
            "changed": versions[kind, name],
        }
        for (kind, name), (position, written, sealed) in kept.items()
    ]
    if rows:
        connection.execute(_INSERT_ITEM, rows)


_INSERT_CHANGE = sa.text(
    "INSERT INTO configuration_changes (revision, kind, name, position_before, written_before, "
    "sealed_before, position_after, written_after, sealed_after) VALUES (:revision, :kind, :name, "
    ":position_before, :written_before, :sealed_before, :position_after, :written_after, "
    ":sealed_after)"
)
_INSERT_ITEM = sa.text(
    "INSERT INTO configuration_items (kind, name, team, position, written_json, sealed_json, "
    "changed) VALUES (:kind, :name, :team, :position, :written, :sealed, :changed)"
)


def _change(
    number: int, label: _Label, before: _Kept | None, after: _Kept | None
) -> dict[str, Any]:
    row: dict[str, Any] = {"revision": number, "kind": label[0], "name": label[1]}
    for side, kept in (("before", before), ("after", after)):
        position, written, sealed = kept or (None, None, None)
        row |= {f"position_{side}": position, f"written_{side}": written, f"sealed_{side}": sealed}
    return row


def _decoded(number: int, text: str) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise StorageError(
            f"revision {number} of the configuration can't be read: {error}",
            fix="restore a backup of faregate.db",
        ) from error
    return stored


def _items(stored: dict[str, Any], before: dict[_Label, _Kept]) -> dict[_Label, _Kept]:
    """The items of a document; what was by default from the beginning is none."""
    new: dict[_Label, _Kept] = {}
    written, sealed = stored["written"], _uncompleted(stored["written"], stored["sealed"])
    for kind, value in written.items():
        if not isinstance(value, list):
            if kind not in _SINGLES or value != _SINGLES[kind]:
                new[kind, ""] = (0, *_texts(value, sealed.get(kind, value)))
            continue
        hidden = value if kind == "keys" else sealed.get(kind, value)
        labels = [(kind, _name(item)) for item in value]
        old = [before[label][0] if label in before else None for label in labels]
        for label, item, own, position in zip(
            labels, value, hidden, place_in_order(old) or anew(len(old)), strict=True
        ):
            new[label] = (position, *_texts(item, own))
    return new


def _texts(written: Any, sealed: Any) -> tuple[str, str | None]:
    text, hidden = (msgspec.json.encode(one).decode() for one in (written, sealed))
    return text, None if "${" not in text and hidden == text else hidden


def _uncompleted(written: dict[str, Any], sealed: dict[str, Any]) -> dict[str, Any]:
    """`sealed` without what the catalogue said: a gate puts that in when it reads."""
    models = [
        {**own, **{field: item[field] for field in _COMPLETED if field in item}}
        for item, own in zip(written.get("models", []), sealed.get("models", []), strict=True)
    ]
    prices = sealed.get("prices", [])[: len(written.get("prices", []))]
    pins = written.get("catalogue", [])
    return {**sealed, "models": models, "prices": prices, "catalogue": pins}


def _name(item: dict[str, Any]) -> str:
    """What an item goes by; a price by its model and when it begins."""
    name: str = item["name"] if "name" in item else item["model"]
    begins = item.get("from_time")
    return f"{name} from {begins}" if begins and "name" not in item else name


def _team(kind: str, name: str, written: str) -> str | None:
    team: str | None = msgspec.json.decode(written, type=_Owned).team
    return name.partition("/")[0] if team is None and kind == "keys" and "/" in name else team


class _Owned(msgspec.Struct):
    team: str | None = None
