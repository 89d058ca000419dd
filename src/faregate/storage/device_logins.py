"""Logins of commands without a browser, approved from elsewhere.

A command asks for two codes: a long one that it keeps, and a short one that a person types where
they are logged in already. Once approved, the command's next question is answered with a personal
token of that person, once.

Source: RFC 8628 (OAuth 2.0 Device Authorization Grant), of which the words of replies are taken.
"""

import hashlib
import secrets
from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa

from faregate.core.clock import Clock
from faregate.core.errors import ConflictError, ForbiddenError, MissingError, WaitError
from faregate.identity.permissions import Principal
from faregate.storage.access_tokens import AccessTokens
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.secrets import SecretBox
from faregate.storage.tables import metadata

VALID_S: Final = 900  # for a person to type the code
INTERVAL_S: Final = 5  # between two questions of a command (RFC 8628, 3.2)
SLOWER_S: Final = 5  # is added when a command asks too soon (3.5)
PENDING_MAX: Final = 1_000
PENDING_OF_ADDRESS_MAX: Final = 20
TOKEN_VALID_S: Final = 90 * 86_400

# Without vowels, so that no words come about, and without letters that look alike (6.1).
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
_CODE_LETTERS: Final = 8
_NS: Final = 1_000_000_000

State = Literal["pending", "approved", "denied"]

table = sa.Table(
    "device_logins",
    metadata,
    sa.Column("hash", sa.LargeBinary(32), primary_key=True, nullable=False),
    sa.Column("user_code_hash", sa.LargeBinary(32), nullable=False),
    # What asks, in its own words, and from where.
    sa.Column("client", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.Column("expires_ns", sa.BigInteger, nullable=False),
    sa.Column("polled_ns", sa.BigInteger, nullable=False),
    sa.Column("interval_s", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column(
        "user_id", sa.Text, sa.ForeignKey("users.user_id", ondelete="CASCADE"), nullable=True
    ),
    # The token, until it was fetched.
    sa.Column("sealed", sa.Text),
)
sa.Index("ix_device_logins_user_code_hash", table.c.user_code_hash, unique=True)
sa.Index("ix_device_logins_expires_ns", table.c.expires_ns)


class DeviceCodes(msgspec.Struct, frozen=True):
    """What a command is given; both codes are known here and nowhere else."""

    device_code: str
    user_code: str
    expires_ns: int
    interval_s: int

    def __repr__(self) -> str:
        return "DeviceCodes()"


class DeviceLogin(msgspec.Struct, frozen=True):
    """What a person is shown before they approve."""

    client: str
    address: str
    created_ns: int
    expires_ns: int
    state: State


class Polled(msgspec.Struct, frozen=True):
    """What a command's question is answered with.

    `token` is there once it is approved.
    """

    state: Literal["pending", "slow_down", "denied", "expired", "approved"]
    interval_s: int = INTERVAL_S
    token: str = ""
    name: str = ""
    token_id: str = ""
    expires_ns: int | None = None

    def __repr__(self) -> str:
        return f"Polled({self.state})"


class _Made(msgspec.Struct):
    """What is sealed of a token."""

    token: str
    token_id: str
    name: str
    expires_ns: int | None


class DeviceLogins:
    """The logins under way in `database`.

    Tokens wait in them sealed with `box`.
    """

    def __init__(
        self, database: Database, box: SecretBox, tokens: AccessTokens, clock: Clock
    ) -> None:
        self._database = database
        self._box = box
        self._tokens = tokens
        self._clock = clock

    def begin(self, client: str, address: str) -> DeviceCodes:
        """Codes for a command that wants to log in.

        Raises `WaitError` where too many wait already: nobody needs a login to ask.
        """
        now_ns = self._clock.wall_ns()
        codes = DeviceCodes(
            device_code=secrets.token_urlsafe(32),
            user_code=new_user_code(),
            expires_ns=now_ns + VALID_S * _NS,
            interval_s=INTERVAL_S,
        )
        with self._database.writing() as connection:
            connection.execute(table.delete().where(table.c.expires_ns <= now_ns))
            self._refuse_too_many(connection, address)
            connection.execute(
                table.insert().values(
                    hash=_hash(codes.device_code),
                    user_code_hash=_hash(plain_user_code(codes.user_code)),
                    client=" ".join(client.split())[:100],
                    address=address,
                    created_ns=now_ns,
                    expires_ns=codes.expires_ns,
                    polled_ns=0,
                    interval_s=codes.interval_s,
                    state="pending",
                )
            )
        return codes

    def poll(self, device_code: str) -> Polled:
        """What became of a login.

        Its token is given once, and is gone after that.
        """
        now_ns = self._clock.wall_ns()
        where = table.c.hash == _hash(device_code)
        with self._database.writing() as connection:
            row = connection.execute(sa.select(table).where(where)).first()
            if row is None or row.expires_ns <= now_ns:
                return Polled("expired")
            if row.state == "pending":
                return self._told_pending(connection, row, now_ns)
            connection.execute(table.delete().where(where))
            if row.state == "denied":
                return Polled("denied")
        made = msgspec.json.decode(self._box.open(row.sealed, _place(row.hash)), type=_Made)
        return Polled("approved", row.interval_s, made.token, made.name, made.token_id,
                      made.expires_ns)  # fmt: skip

    def find(self, user_code: str) -> DeviceLogin:
        """The login that a person types the code of. Raises `MissingError`."""
        with self._database.reading() as connection:
            row = self._pending(connection, user_code)
        return DeviceLogin(row.client, row.address, row.created_ns, row.expires_ns, row.state)

    def approve(
        self,
        by: Principal,
        user_code: str,
        scopes: Iterable[str] | None = None,
        valid_s: int = TOKEN_VALID_S,
    ) -> None:
        """Let it in as `by`, a person, with a token of theirs for so long.

        Raises `MissingError` for a code that isn't waiting, `ForbiddenError` for who is no person,
        and what making the token raises.
        """
        actor = by.actor
        if actor.kind != "user" or actor.id is None:
            raise ForbiddenError(
                "a login of a command is approved by a person",
                fix="log in as a user; programs use tokens of service accounts",
            )
        login = self.find(user_code)
        now_ns = self._clock.wall_ns()
        expires_ns = now_ns + valid_s * _NS
        # Its name is told apart by the code, which is nowhere else from now on.
        name = f"{login.client[:60] or 'command'} ({plain_user_code(user_code)[:4]}, {now_ns:x})"
        made = self._tokens.create_personal(by, actor.id, name, scopes, expires_ns)
        kept = _Made(made.secret, made.record.token_id, actor.name, expires_ns)
        text = msgspec.json.encode(kept).decode()
        with self._database.writing() as connection:
            row = self._pending(connection, user_code)
            sealed = self._box.seal(text, _place(row.hash))
            self._settle(connection, row, "approved", user_id=actor.id, sealed=sealed)
            write_entry(
                connection, now_ns, by.actor, "device_logins.approve", "device_logins",
                after={"client": row.client, "address": row.address, "token": kept.token_id},
            )  # fmt: skip

    def deny(self, by: Principal, user_code: str) -> None:
        """Refuse it. Raises `MissingError` for a code that isn't waiting."""
        with self._database.writing() as connection:
            row = self._pending(connection, user_code)
            self._settle(connection, row, "denied")
            write_entry(
                connection, self._clock.wall_ns(), by.actor, "device_logins.deny",
                "device_logins", after={"client": row.client, "address": row.address},
            )  # fmt: skip

    def _refuse_too_many(self, connection: sa.Connection, address: str) -> None:
        waiting = sa.select(sa.func.count()).select_from(table)
        theirs = connection.execute(waiting.where(table.c.address == address)).scalar_one()
        every = connection.execute(waiting).scalar_one()
        if theirs >= PENDING_OF_ADDRESS_MAX or every >= PENDING_MAX:
            raise WaitError(
                "too many logins wait to be approved", wait_s=60, fix="use one that was begun"
            )

    def _told_pending(self, connection: sa.Connection, row: Any, now_ns: int) -> Polled:
        too_soon = now_ns - row.polled_ns < row.interval_s * _NS
        interval_s = row.interval_s + (SLOWER_S if too_soon else 0)
        connection.execute(
            table.update()
            .where(table.c.hash == row.hash)
            .values(polled_ns=now_ns, interval_s=interval_s)
        )
        return Polled("slow_down" if too_soon else "pending", interval_s)

    def _pending(self, connection: sa.Connection, user_code: str) -> Any:
        wanted = _hash(plain_user_code(user_code))
        row = connection.execute(
            sa.select(table).where(
                table.c.user_code_hash == wanted,
                table.c.state == "pending",
                table.c.expires_ns > self._clock.wall_ns(),
            )
        ).first()
        if row is None:
            raise MissingError(
                "no login waits with this code",
                fix="check the code; they hold for 15 minutes and count once: run "
                "'faregate login' again for a new one",
            )
        return row

    def _settle(self, connection: sa.Connection, row: Any, state: State, **more: Any) -> None:
        done = connection.execute(
            table.update()
            .where((table.c.hash == row.hash) & (table.c.state == "pending"))
            .values(state=state, **more)
        )
        if done.rowcount != 1:
            raise ConflictError("the login was decided on meanwhile")


def new_user_code() -> str:
    """Eight letters in two groups: 34 random bits, for a few minutes."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LETTERS))
    return f"{letters[:4]}-{letters[4:]}"


def plain_user_code(text: str) -> str:
    """The code however it was typed: its letters alone, in capitals."""
    return "".join(letter for letter in text.upper() if letter.isalpha())[:64]


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode(errors="surrogatepass")).digest()


def _place(code_hash: bytes) -> str:
    return f"device_logins[{code_hash.hex()}]"
