"""What was spent at providers' accounts, by windows of the calendar.

Charges that were posted before count in the windows of today, so that a budget begins with what
was spent.
"""

import datetime as dt
from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SECOND_NS = 1_000_000_000
_HOUR_NS = 3_600 * _SECOND_NS

_POSTED = sa.text(
    "SELECT provider, called_ns / :hour_ns, SUM(cost_nano) FROM transfers "
    "WHERE kind = 'charge' AND provider <> '' AND cost_nano > 0 AND called_ns >= :first_ns "
    "GROUP BY 1, 2"
)


def upgrade() -> None:
    """Make the table, and add up what was posted."""
    table = op.create_table(
        "provider_spend",
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("starts_ns", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("spent_nano", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("period", "starts_ns", "provider", name="pk_provider_spend"),
        sqlite_with_rowid=False,
    )
    starts = _starts(dt.datetime.now(dt.UTC))
    spent = Counter[tuple[str, str]]()
    posted = {"hour_ns": _HOUR_NS, "first_ns": min(starts.values())}
    for provider, hour, nano in op.get_bind().execute(_POSTED, posted):
        for period, starts_ns in starts.items():
            if hour * _HOUR_NS >= starts_ns:
                spent[period, provider] += int(nano)
    rows = [
        {"period": period, "starts_ns": starts[period], "provider": provider, "spent_nano": nano}
        for (period, provider), nano in spent.items()
    ]
    if rows:
        op.bulk_insert(table, rows)


def downgrade() -> None:
    """Drop it."""
    op.drop_table("provider_spend")


def _starts(now: dt.datetime) -> dict[str, int]:
    """When the windows of this moment began."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    moments = {
        "hour": hour,
        "day": day,
        "week": day - dt.timedelta(days=day.weekday()),
        "month": day.replace(day=1),
        "year": day.replace(month=1, day=1),
    }
    return {period: int(at.timestamp()) * _SECOND_NS for period, at in moments.items()}
