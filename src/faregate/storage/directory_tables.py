"""The tables of people and programs: users, roles, sessions, tokens.

Of tokens, codes and passwords only hashes are here. What belongs to a user or a service account
goes with it.
"""

from typing import Any

import sqlalchemy as sa

from faregate.storage.tables import metadata


def _table(name: str, *columns: Any) -> sa.Table:
    return sa.Table(name, metadata, *columns)


def _text(name: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, **{"nullable": False, **more})


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _of_user(**more: Any) -> sa.Column[Any]:
    target = sa.ForeignKey("users.user_id", ondelete="CASCADE")
    return sa.Column("user_id", sa.Text, target, **{"nullable": False, **more})


users = _table(
    "users",
    _text("user_id", primary_key=True),
    _text("email"),
    # What addresses are compared by: `identity.addresses.email_key`.
    _text("email_key"),
    _text("name"),
    # active, invited, locked or disabled
    _text("state"),
    # Argon2id, with its parameters; null: no login by password.
    _text("password_hash", nullable=True),
    sa.Column("must_change_password", sa.Boolean, nullable=False),
    # The second factor's secret, sealed; it counts once it was confirmed.
    _text("factor_secret", nullable=True),
    sa.Column("factor_confirmed", sa.Boolean, nullable=False),
    # The step of the code that was accepted last.
    sa.Column("factor_step", sa.BigInteger),
    _time("created_ns"),
    _time("login_ns", nullable=True),
    sa.Column("version", sa.Integer, nullable=False),
)
sa.Index("ix_users_email_key", users.c.email_key, unique=True)

identities = _table(
    "external_identities",
    _text("issuer", primary_key=True),
    _text("subject", primary_key=True),
    _of_user(),
    _time("created_ns"),
)
sa.Index("ix_external_identities_user_id", identities.c.user_id)

recovery_codes = _table(
    "recovery_codes",
    _of_user(primary_key=True),
    sa.Column("hash", sa.LargeBinary(32), primary_key=True, nullable=False),
    _time("used_ns", nullable=True),
)

user_roles = _table(
    "user_roles",
    _of_user(primary_key=True),
    _text("role", primary_key=True),
    # given, or sso: by the groups of a login elsewhere
    _text("source", primary_key=True),
    _time("created_ns"),
)
sa.Index("ix_user_roles_role", user_roles.c.role)

memberships = _table(
    "memberships",
    _text("team", primary_key=True),
    _of_user(primary_key=True),
    _text("role", primary_key=True),
    _text("source", primary_key=True),
    _time("created_ns"),
)
sa.Index("ix_memberships_user_id", memberships.c.user_id)

roles = _table(
    "roles",
    _text("name", primary_key=True),
    _text("summary"),
    # A JSON list of names.
    _text("permissions"),
    sa.Column("of_team", sa.Boolean, nullable=False),
    _time("created_ns"),
    sa.Column("version", sa.Integer, nullable=False),
)

sessions = _table(
    "sessions",
    _text("session_id", primary_key=True),
    _of_user(),
    sa.Column("hash", sa.LargeBinary(32), nullable=False),
    # password, or the name of a way to log in elsewhere
    _text("method"),
    _text("address", nullable=True),
    _text("user_agent", nullable=True),
    _time("created_ns"),
    _time("used_ns"),
    _time("ended_ns", nullable=True),
)
sa.Index("ix_sessions_hash", sessions.c.hash, unique=True)
sa.Index("ix_sessions_user_id", sessions.c.user_id)

service_accounts = _table(
    "service_accounts",
    _text("account_id", primary_key=True),
    # null: the organisation's
    _text("team", nullable=True),
    _text("name"),
    _text("summary"),
    _text("role"),
    # active or disabled
    _text("state"),
    _time("created_ns"),
    sa.Column("version", sa.Integer, nullable=False),
)
sa.Index(
    "ix_service_accounts_name",
    service_accounts.c.name,
    unique=True,
    sqlite_where=service_accounts.c.team.is_(None),
)
sa.Index(
    "ix_service_accounts_team",
    service_accounts.c.team,
    service_accounts.c.name,
    unique=True,
    sqlite_where=service_accounts.c.team.is_not(None),
)

access_tokens = _table(
    "access_tokens",
    _text("token_id", primary_key=True),
    # Of one of these two.
    _of_user(nullable=True),
    sa.Column(
        "account_id", sa.Text, sa.ForeignKey("service_accounts.account_id", ondelete="CASCADE")
    ),
    _text("name"),
    _text("prefix"),
    sa.Column("hash", sa.LargeBinary(32), nullable=False),
    # A JSON list of permissions; null: all that its owner has.
    _text("scopes", nullable=True),
    _time("created_ns"),
    _time("expires_ns", nullable=True),
    _time("used_ns", nullable=True),
    _text("used_address", nullable=True),
    # When it was first shown after it had expired.
    _time("refused_ns", nullable=True),
    sa.CheckConstraint("(user_id IS NULL) != (account_id IS NULL)", name="ck_access_tokens_owner"),
)
sa.Index("ix_access_tokens_hash", access_tokens.c.hash, unique=True)
sa.Index("ix_access_tokens_user_id", access_tokens.c.user_id)
sa.Index("ix_access_tokens_account_id", access_tokens.c.account_id)

invitations = _table(
    "invitations",
    _text("invitation_id", primary_key=True),
    sa.Column("hash", sa.LargeBinary(32), nullable=False),
    _text("email"),
    _text("email_key"),
    # null: into the organisation
    _text("team", nullable=True),
    _text("role"),
    # Who invites, and must be allowed to when it is accepted.
    _text("inviter_kind"),
    _text("inviter_name"),
    _text("inviter_id", nullable=True),
    _time("created_ns"),
    _time("expires_ns"),
)
sa.Index("ix_invitations_hash", invitations.c.hash, unique=True)
sa.Index("ix_invitations_email_key", invitations.c.email_key)
sa.Index("ix_invitations_team", invitations.c.team)

password_resets = _table(
    "password_resets",
    _of_user(primary_key=True),
    sa.Column("hash", sa.LargeBinary(32), nullable=False),
    _time("created_ns"),
    _time("expires_ns"),
)
sa.Index("ix_password_resets_hash", password_resets.c.hash, unique=True)

guesses = _table(
    "guesses",
    # account or address
    _text("kind", primary_key=True),
    # SHA-256 of the address, as people type passwords into the wrong field.
    sa.Column("subject", sa.LargeBinary(32), primary_key=True, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    _time("last_ns"),
)
sa.Index("ix_guesses_last_ns", guesses.c.last_ns)
