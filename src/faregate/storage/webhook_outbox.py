"""What is on its way to webhooks: taken once, tried until it arrives.

How far the events of a source were taken is stored in the transaction that puts them on their
way, so a process that is killed neither loses an event nor puts one there twice. A try that was
made but not noted is made again: receivers tell by the message's id.
"""

import contextlib
from collections.abc import Collection, Sequence
from typing import Final

import msgspec
import sqlalchemy as sa

from faregate.configuration.settings import WebhookSettings
from faregate.core.bounds import WEBHOOK_PENDING_MAX
from faregate.core.clock import Clock, SystemClock
from faregate.core.errors import StorageError
from faregate.identity.actors import Actor
from faregate.identity.webhooks import PING, WebhookMessage, matches, retry_delay_s
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.secrets import SecretBox
from faregate.storage.webhook_tables import attempts, cursors, deliveries, webhooks
from faregate.storage.webhooks import park, secret_place

_SYSTEM: Final = Actor("system", "webhooks")
_NS: Final = 1_000_000_000
_DAY_S: Final = 86_400
_GONE: Final = 410  # the receiver wants no more
_PRUNED_AT_ONCE: Final = 1_000


class Due(msgspec.Struct, frozen=True):
    """A delivery whose time has come; `secrets` sign it, the newest first."""

    number: int
    webhook_id: str
    url: str
    message_id: str
    type: str
    body: str
    attempts: int
    secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Due({self.number})"


class Tried(msgspec.Struct, frozen=True):
    """How a try went: a status and a part of the answer, or an error."""

    at_ns: int
    duration_us: int
    status: int | None = None
    error: str | None = None
    reply: str | None = None
    retry_after_s: float | None = None

    @property
    def arrived(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300


class WebhookOutbox:
    """What is on its way, in `database`; secrets are opened with `box`."""

    def __init__(self, database: Database, box: SecretBox, clock: Clock | None = None) -> None:
        self._database = database
        self._box = box
        self._clock = clock or SystemClock()

    def cursor(self, source: str) -> int | None:
        """The number of the last event that was taken; None at first."""
        with self._database.reading() as connection:
            return _cursor(connection, source)

    def put(
        self, source: str, expected: int | None, new: int, messages: Sequence[WebhookMessage]
    ) -> int:
        """Put events of `source` on their way; gives the count of deliveries.

        Does nothing where another process has taken them: the cursor isn't `expected`.
        """
        made = 0
        with self._database.writing() as connection:
            if _cursor(connection, source) != expected:
                return 0
            if messages:
                made = self._put(connection, messages)
            if expected is None:
                connection.execute(cursors.insert().values(source=source, number=new))
            else:
                connection.execute(
                    cursors.update().where(cursors.c.source == source).values(number=new)
                )
        return made

    def due(self, busy: Collection[str] = (), limit: int = 100) -> list[Due]:
        """The next delivery of each webhook that isn't in `busy`."""
        now_ns = self._clock.wall_ns()
        number = deliveries.c.number
        first = (
            sa.select(
                number,
                sa.func.row_number()
                .over(partition_by=deliveries.c.webhook_id, order_by=(deliveries.c.next_ns, number))
                .label("place"),
            )
            .where(deliveries.c.next_ns <= now_ns, deliveries.c.webhook_id.not_in(busy))
            .subquery()
        )
        statement = (
            sa.select(deliveries, webhooks)
            .join(first, first.c.number == number)
            .join(webhooks, webhooks.c.webhook_id == deliveries.c.webhook_id)
            .where(first.c.place == 1)
            .order_by(deliveries.c.next_ns)
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        found = []
        for row in rows:
            try:
                found.append(self._due(row, now_ns))
            except StorageError:
                self._disable_sealed(row.webhook_id, now_ns)
        return found

    def next_ns(self) -> int | None:
        """When the next delivery is due, in nanoseconds since 1970."""
        with self._database.reading() as connection:
            found: int | None = connection.execute(
                sa.select(sa.func.min(deliveries.c.next_ns))
            ).scalar()
        return found

    def note(self, due: Due, tried: Tried, settings: WebhookSettings, chance: float) -> bool:
        """Keep how a try went; whether the webhook was disabled by it."""
        with self._database.writing() as connection:
            row = connection.execute(
                sa.select(deliveries.c.attempts, webhooks)
                .join(webhooks, webhooks.c.webhook_id == deliveries.c.webhook_id)
                .where(deliveries.c.number == due.number)
            ).first()
            if row is None:
                return False  # removed while it was sent
            _insert_attempt(connection, due.number, tried)
            tries = row.attempts + 1
            given_up = tries >= (1 if due.type == PING else settings.attempts_max)
            if tried.arrived or given_up:
                state, next_ns = "delivered" if tried.arrived else "failed", None
            else:
                delay_s = retry_delay_s(tries, chance, tried.retry_after_s)
                state, next_ns = "pending", tried.at_ns + int(delay_s * _NS)
            connection.execute(
                deliveries.update()
                .where(deliveries.c.number == due.number)
                .values(state=state, attempts=tries, next_ns=next_ns if row.enabled else None)
            )
            return _judge(connection, row, tried, settings)

    def prune(self, keep_days: int) -> int:
        """Forget deliveries that were made before; gives their count."""
        before_ns = self._clock.wall_ns() - keep_days * _DAY_S * _NS
        old = (
            sa.select(deliveries.c.number)
            .where(deliveries.c.created_ns < before_ns)
            .limit(_PRUNED_AT_ONCE)
        )
        with self._database.writing() as connection:
            return connection.execute(
                deliveries.delete().where(deliveries.c.number.in_(old))
            ).rowcount

    def _put(self, connection: sa.Connection, messages: Sequence[WebhookMessage]) -> int:
        now_ns = self._clock.wall_ns()
        made = []
        for row in connection.execute(sa.select(webhooks).where(webhooks.c.enabled)).all():
            patterns = msgspec.json.decode(row.events, type=tuple[str, ...])
            meant = [
                one
                for one in messages
                if one.created_ns >= row.created_ns
                and row.team in ("", one.team)
                and matches(patterns, one.type)
            ]
            if not meant:
                continue
            room = WEBHOOK_PENDING_MAX - _pending(connection, row.webhook_id)
            for place, one in enumerate(meant):
                fits = place < room
                made.append(
                    {
                        "webhook_id": row.webhook_id,
                        "message_id": one.message_id,
                        "type": one.type,
                        "body": one.body(for_team=row.team != ""),
                        "created_ns": now_ns,
                        "state": "pending" if fits else "dropped",
                        "attempts": 0,
                        "next_ns": now_ns if fits else None,
                    }
                )
        if made:
            connection.execute(deliveries.insert().prefix_with("OR IGNORE"), made)
        return len(made)

    def _due(self, row: "sa.Row[tuple[object, ...]]", now_ns: int) -> Due:
        place = secret_place(row.webhook_id)
        opened = [self._box.open(row.secret, place)]
        if row.old_secret is not None and now_ns < (row.old_secret_until_ns or 0):
            with contextlib.suppress(StorageError):
                opened.append(self._box.open(row.old_secret, place))
        return Due(
            number=row.number,
            webhook_id=row.webhook_id,
            url=row.url,
            message_id=row.message_id,
            type=row.type,
            body=row.body,
            attempts=row.attempts,
            secrets=tuple(opened),
        )

    def _disable_sealed(self, webhook_id: str, now_ns: int) -> None:
        """Send nothing whose secret was sealed with another master key."""
        because = "its secret can't be opened with this master key: rotate it"
        with self._database.writing() as connection:
            place = webhooks.c.webhook_id == webhook_id
            row = connection.execute(sa.select(webhooks).where(place)).first()
            if row is not None:
                _disable(connection, row, because, now_ns)


def _cursor(connection: sa.Connection, source: str) -> int | None:
    found: int | None = connection.execute(
        sa.select(cursors.c.number).where(cursors.c.source == source)
    ).scalar()
    return found


def _pending(connection: sa.Connection, webhook_id: str) -> int:
    return connection.execute(
        sa.select(sa.func.count())
        .select_from(deliveries)
        .where(deliveries.c.webhook_id == webhook_id, deliveries.c.state == "pending")
    ).scalar_one()


def _insert_attempt(connection: sa.Connection, delivery: int, tried: Tried) -> None:
    before = connection.execute(
        sa.select(sa.func.max(attempts.c.number)).where(attempts.c.delivery == delivery)
    ).scalar()
    connection.execute(
        attempts.insert().values(
            delivery=delivery,
            number=(before or 0) + 1,
            at_ns=tried.at_ns,
            duration_us=tried.duration_us,
            status=tried.status,
            error=tried.error,
            reply=tried.reply,
        )
    )


def _judge(
    connection: sa.Connection,
    webhook: "sa.Row[tuple[object, ...]]",
    tried: Tried,
    settings: WebhookSettings,
) -> bool:
    """Note whether the webhook fails, and disable it after days of that."""
    place = webhooks.c.webhook_id == webhook.webhook_id
    if tried.arrived:
        if webhook.failing_since_ns is not None:
            connection.execute(webhooks.update().where(place).values(failing_since_ns=None))
        return False
    since_ns = webhook.failing_since_ns or tried.at_ns
    days = (tried.at_ns - since_ns) / (_DAY_S * _NS)
    because = None
    if tried.status == _GONE:
        because = "its receiver answered 410: it wants no more"
    elif days >= settings.disable_after_days:
        because = f"nothing arrived for {days:.1f} days"
    if because is None or not webhook.enabled:
        if webhook.failing_since_ns is None:
            connection.execute(webhooks.update().where(place).values(failing_since_ns=since_ns))
        return False
    if webhook.failing_since_ns is None:
        connection.execute(webhooks.update().where(place).values(failing_since_ns=since_ns))
    _disable(connection, webhook, because, tried.at_ns)
    return True


def _disable(
    connection: sa.Connection, webhook: "sa.Row[tuple[object, ...]]", because: str, now_ns: int
) -> None:
    connection.execute(
        webhooks.update()
        .where(webhooks.c.webhook_id == webhook.webhook_id)
        .values(enabled=False, disabled_because=because, version=webhooks.c.version + 1)
    )
    park(connection, webhook.webhook_id)
    name = f"{webhook.team}/{webhook.name}" if webhook.team else webhook.name
    write_entry(
        connection,
        now_ns,
        _SYSTEM,
        "webhooks.disable",
        f"webhooks/{name}",
        team=webhook.team or None,
        detail=because,
    )
