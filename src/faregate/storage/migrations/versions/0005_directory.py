"""Users, roles, memberships, sessions and tokens."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INDEXES: dict[str, tuple[tuple[tuple[str, ...], bool, str | None], ...]] = {
    "users": ((("email_key",), True, None),),
    "external_identities": ((("user_id",), False, None),),
    "user_roles": ((("role",), False, None),),
    "memberships": ((("user_id",), False, None),),
    "sessions": ((("hash",), True, None), (("user_id",), False, None)),
    "service_accounts": (
        (("name",), True, "team IS NULL"),
        (("team", "name"), True, "team IS NOT NULL"),
    ),
    "access_tokens": (
        (("hash",), True, None),
        (("user_id",), False, None),
        (("account_id",), False, None),
    ),
    "invitations": (
        (("hash",), True, None),
        (("email_key",), False, None),
        (("team",), False, None),
    ),
    "password_resets": ((("hash",), True, None),),
    "guesses": ((("last_ns",), False, None),),
}
_USER = ("user_id", "users.user_id")
_ACCOUNT = ("account_id", "service_accounts.account_id")


def _text(*names: str, nullable: bool = False) -> list[Any]:
    return [sa.Column(name, sa.Text, nullable=nullable) for name in names]


def _time(*names: str, nullable: bool = False) -> list[Any]:
    return [sa.Column(name, sa.BigInteger, nullable=nullable) for name in names]


def _flag(*names: str) -> list[Any]:
    return [sa.Column(name, sa.Boolean, nullable=False) for name in names]


def _number(*names: str) -> list[Any]:
    return [sa.Column(name, sa.Integer, nullable=False) for name in names]


def _hash(name: str = "hash") -> list[Any]:
    return [sa.Column(name, sa.LargeBinary(32), nullable=False)]


def _table(
    name: str, columns: list[Any], key: tuple[str, ...], *owners: tuple[str, str], check: str = ""
) -> None:
    constraints: list[Any] = [sa.PrimaryKeyConstraint(*key, name=f"pk_{name}")]
    constraints += [
        sa.ForeignKeyConstraint([own], [other], ondelete="CASCADE") for own, other in owners
    ]
    if check:
        constraints.append(sa.CheckConstraint(check, name=f"ck_{name}_owner"))
    op.create_table(name, *columns, *constraints)


def upgrade() -> None:
    _people()
    _logins()
    for name, indexes in _INDEXES.items():
        for columns, unique, where in indexes:
            op.create_index(
                f"ix_{name}_{columns[0]}",
                name,
                list(columns),
                unique=unique,
                sqlite_where=None if where is None else sa.text(where),
            )


def _people() -> None:
    columns = _text("user_id", "email", "email_key", "name", "state")
    columns += _text("password_hash", nullable=True) + _flag("must_change_password")
    columns += _text("factor_secret", nullable=True) + _flag("factor_confirmed")
    columns += _time("factor_step", nullable=True) + _time("created_ns")
    columns += _time("login_ns", nullable=True) + _number("version")
    _table("users", columns, ("user_id",))
    columns = _text("issuer", "subject", "user_id") + _time("created_ns")
    _table("external_identities", columns, ("issuer", "subject"), _USER)
    columns = _text("user_id") + _hash() + _time("used_ns", nullable=True)
    _table("recovery_codes", columns, ("user_id", "hash"), _USER)
    columns = _text("user_id", "role", "source") + _time("created_ns")
    _table("user_roles", columns, ("user_id", "role", "source"), _USER)
    columns = _text("team", "user_id", "role", "source") + _time("created_ns")
    _table("memberships", columns, ("team", "user_id", "role", "source"), _USER)
    columns = _text("name", "summary", "permissions") + _flag("of_team")
    columns += _time("created_ns") + _number("version")
    _table("roles", columns, ("name",))
    columns = _text("account_id") + _text("team", nullable=True)
    columns += _text("name", "summary", "role", "state") + _time("created_ns") + _number("version")
    _table("service_accounts", columns, ("account_id",))


def _logins() -> None:
    columns = _text("session_id", "user_id") + _hash() + _text("method")
    columns += _text("address", "user_agent", nullable=True) + _time("created_ns", "used_ns")
    columns += _time("ended_ns", nullable=True)
    _table("sessions", columns, ("session_id",), _USER)
    columns = _text("token_id") + _text("user_id", "account_id", nullable=True)
    columns += _text("name", "prefix") + _hash() + _text("scopes", nullable=True)
    columns += _time("created_ns") + _time("expires_ns", "used_ns", nullable=True)
    columns += _text("used_address", nullable=True) + _time("refused_ns", nullable=True)
    owner = "(user_id IS NULL) != (account_id IS NULL)"
    _table("access_tokens", columns, ("token_id",), _USER, _ACCOUNT, check=owner)
    columns = _text("invitation_id") + _hash() + _text("email", "email_key")
    columns += _text("team", nullable=True) + _text("role", "inviter_kind", "inviter_name")
    columns += _text("inviter_id", nullable=True) + _time("created_ns", "expires_ns")
    _table("invitations", columns, ("invitation_id",))
    columns = _text("user_id") + _hash() + _time("created_ns", "expires_ns")
    _table("password_resets", columns, ("user_id",), _USER)
    columns = _text("kind") + _hash("subject") + _number("failures") + _time("last_ns")
    _table("guesses", columns, ("kind", "subject"))


def downgrade() -> None:
    for name in (
        *("guesses", "password_resets", "invitations", "access_tokens", "sessions"),
        *("service_accounts", "roles", "memberships", "user_roles", "recovery_codes"),
        *("external_identities", "users"),
    ):
        op.drop_table(name)
