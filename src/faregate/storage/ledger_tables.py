"""The tables of the ledger; migrations make them on both databases.

Amounts are whole numbers: nano-dollars, or the unit of the purse. An account of a wallet is named
as its purse ("wallet:NAME"), and its balance is the sum of what is left of its grants; all other
accounts are counter accounts, and all accounts together are zero. Whoever lowers a balance or
moves `drawn` locks the row of the purse before (`ledger_connection.lock_purses`).
"""

from typing import Final

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"}
)

# SQLite counts up only in a column that is called INTEGER.
_Sequence = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

COUNTER_ACCOUNTS: Final = (
    "adjustment",  # corrections, by hand
    "expired",  # credit that was taken back
    "funding",  # what was paid for
    "promotion",  # presents
    "refund",  # what was paid back
    "revenue",  # charges
    "shortfall",  # what calls used beyond what could be had
    "unbilled",  # charges that no wallet pays
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("balance_nano", sa.BigInteger, nullable=False),
)

# Lots: what is left of each grant. A correction upwards is a lot as well.
grants = sa.Table(
    "grants",
    metadata,
    sa.Column("number", _Sequence, primary_key=True, autoincrement=True),
    sa.Column("wallet", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # paid | promotional
    sa.Column("amount_nano", sa.BigInteger, nullable=False),
    sa.Column("remaining_nano", sa.BigInteger, nullable=False),
    sa.Column("expires_ns", sa.BigInteger),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.CheckConstraint("remaining_nano >= 0", name="ck_grants_remaining"),
    sqlite_autoincrement=True,
)
sa.Index("ix_grants_reference", grants.c.wallet, grants.c.reference, unique=True)
_left = grants.c.remaining_nano > 0
sa.Index("ix_grants_left", grants.c.wallet, sqlite_where=_left, postgresql_where=_left)

# What moved, for ever. `transfer_id` is the call id of a charge. `balance_nano` is what the
# wallet has after it: of one wallet they follow each other in the order of `seq`.
transfers = sa.Table(
    "transfers",
    metadata,
    sa.Column("seq", _Sequence, primary_key=True, autoincrement=True),
    sa.Column("transfer_id", sa.Text, nullable=False),
    # grant | charge | refund | adjustment | expiry | shortfall
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("debit", sa.Text, nullable=False),
    sa.Column("credit", sa.Text, nullable=False),
    sa.Column("amount_nano", sa.BigInteger, nullable=False),
    sa.Column("balance_nano", sa.BigInteger),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    # -- of what people do
    sa.Column("author", sa.Text),
    sa.Column("reason", sa.Text),
    # -- of charges
    sa.Column("called_ns", sa.BigInteger),  # when the call began
    sa.Column("key_id", sa.Text),
    sa.Column("key_name", sa.Text),
    sa.Column("application", sa.Text),
    sa.Column("team", sa.Text),
    sa.Column("customer", sa.Text),
    sa.Column("run", sa.Text),
    sa.Column("model", sa.Text),
    sa.Column("provider", sa.Text),
    sa.Column("cost_nano", sa.BigInteger),
    sa.Column("shortfall_nano", sa.BigInteger),
    sa.Column("basis", sa.Text),
    sa.Column("input_tokens", sa.BigInteger),
    sa.Column("output_tokens", sa.BigInteger),
    sa.Column("purses", sa.Text),  # JSON: [[purse, ...], [amount, ...]]
    sa.CheckConstraint("amount_nano >= 0", name="ck_transfers_amount"),
    sqlite_autoincrement=True,
)
sa.Index("ix_transfers_id", transfers.c.transfer_id, unique=True)
# A wallet's statement: what went out, and what came in. Charges come in at revenue alone.
sa.Index("ix_transfers_debit", transfers.c.debit, transfers.c.created_ns)
_incoming = transfers.c.kind.not_in(["charge", "shortfall"])
sa.Index(
    "ix_transfers_credit",
    transfers.c.credit,
    transfers.c.created_ns,
    sqlite_where=_incoming,
    postgresql_where=_incoming,
)

# `spent` of a wallet stays 0, for its balance goes down; of a rolling purse it is in the buckets.
purses = sa.Table(
    "purses",
    metadata,
    sa.Column("purse_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("unit", sa.Integer, nullable=False),
    sa.Column("cap", sa.BigInteger, nullable=False),
    sa.Column("carried", sa.BigInteger, nullable=False),
    sa.Column("spent", sa.BigInteger, nullable=False),
    sa.Column("drawn", sa.BigInteger, nullable=False),
    sa.Column("starts_ns", sa.BigInteger),
    sa.Column("ends_ns", sa.BigInteger),
    sa.Column("rolling_ns", sa.BigInteger),
    sa.Column("alert_at", sa.Text, nullable=False),  # JSON: [50, 80]
    sa.CheckConstraint("drawn >= 0", name="ck_purses_drawn"),
)
_ends = purses.c.ends_ns.is_not(None)
sa.Index("ix_purses_ends", purses.c.ends_ns, sqlite_where=_ends, postgresql_where=_ends)

purse_buckets = sa.Table(
    "purse_buckets",
    metadata,
    sa.Column("purse_id", sa.Text, primary_key=True),
    sa.Column("starts_ns", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("spent", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# `amount` is drawn and not posted; `settled` what the worker told, `posted` what of it arrived.
draws = sa.Table(
    "draws",
    metadata,
    sa.Column("worker", sa.Text, primary_key=True),
    sa.Column("purse_id", sa.Text, primary_key=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("settled", sa.BigInteger, nullable=False),
    sa.Column("posted", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount >= 0", name="ck_draws_amount"),
    sqlite_with_rowid=False,
)
sa.Index("ix_draws_purse", draws.c.purse_id)

# What calls cost at a provider's account in a window of the calendar ("month"), in UTC.
provider_spend = sa.Table(
    "provider_spend",
    metadata,
    sa.Column("period", sa.Text, primary_key=True),
    sa.Column("starts_ns", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("spent_nano", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("worker", sa.Text, primary_key=True),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("seen_ns", sa.BigInteger, nullable=False),
    sa.Column("vanished_ns", sa.BigInteger),
    sa.Column("operation", sa.BigInteger, nullable=False),  # its last write, as it counts them
)

# One row a purse; the row without a purse counts the asks, and whoever asks locks it.
asked_back = sa.Table(
    "asked_back",
    metadata,
    sa.Column("purse_id", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("worker", sa.Text, nullable=False),
)
sa.Index("ix_asked_back_seq", asked_back.c.seq)

# `once` is unique, so that what is told once a period is not told again.
events = sa.Table(
    "events",
    metadata,
    sa.Column("seq", _Sequence, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    sa.Column("purse_id", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("percent", sa.Integer),
    sa.Column("amount", sa.BigInteger),
    sa.Column("once", sa.Text),
    sqlite_autoincrement=True,
)
sa.Index("ix_events_once", events.c.once, unique=True)
sa.Index("ix_events_at", events.c.at_ns)
