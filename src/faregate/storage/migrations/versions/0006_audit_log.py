"""The audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_REFUSAL = "SELECT RAISE(ABORT, 'constraint failed: the audit log is append-only')"
_SEQUENCE = "COALESCE((SELECT sequence FROM audit_marks WHERE kind = '{}'), 0)"
_TRIGGERS = {
    "audit_entries_insert": (
        "BEFORE INSERT ON audit_entries "
        f"WHEN NEW.sequence != {_SEQUENCE.format('head')} + 1 BEGIN {_REFUSAL}; END"
    ),
    "audit_entries_update": f"BEFORE UPDATE ON audit_entries BEGIN {_REFUSAL}; END",
    "audit_entries_delete": (
        "BEFORE DELETE ON audit_entries "
        f"WHEN OLD.sequence > {_SEQUENCE.format('start')} BEGIN {_REFUSAL}; END"
    ),
    "audit_marks_insert": (
        "BEFORE INSERT ON audit_marks WHEN (SELECT COUNT(*) FROM audit_marks AS m "  # noqa: S608
        f"WHERE m.kind = NEW.kind) > 0 BEGIN {_REFUSAL}; END"
    ),
    "audit_marks_update": (
        "BEFORE UPDATE ON audit_marks WHEN NEW.sequence <= OLD.sequence OR NEW.kind != OLD.kind "
        f"BEGIN {_REFUSAL}; END"
    ),
    "audit_marks_delete": f"BEFORE DELETE ON audit_marks BEGIN {_REFUSAL}; END",
}


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("sequence", sa.Integer, nullable=False, autoincrement=False),
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
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit_entries"),
    )
    for columns in (["created_ns"], ["team", "sequence"], ["object", "sequence"]):
        op.create_index(f"ix_audit_entries_{columns[0]}", "audit_entries", columns)
    op.create_table(
        "audit_marks",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("seal", sa.LargeBinary(32)),
        sa.Column("written_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", name="pk_audit_marks"),
    )
    for name, body in _TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {body}")


def downgrade() -> None:
    op.drop_table("audit_marks")
    op.drop_table("audit_entries")
