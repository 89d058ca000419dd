"""Deliveries to webhooks, for people: what was sent, how it went."""

import secrets
from typing import Any

import msgspec
import sqlalchemy as sa

from faregate.core.clock import Clock, SystemClock
from faregate.core.errors import MissingError
from faregate.identity.actors import Author
from faregate.identity.webhooks import PING, WebhookMessage
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.webhook_tables import attempts, deliveries
from faregate.storage.webhooks import find_webhook, whole_name


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """An event on its way to a webhook, or at its end.

    `state` is pending, delivered, failed or dropped.

    `next_ns` is when it is tried again; None while its webhook is disabled, and at the end.
    """

    number: int
    message_id: str
    type: str
    body: str
    created_ns: int
    state: str
    attempts: int
    next_ns: int | None


class Attempt(msgspec.Struct, frozen=True):
    """One try: the answer's status and its first part, or why there was none."""

    number: int
    at_ns: int
    duration_us: int
    status: int | None
    error: str | None
    reply: str | None


class Deliveries:
    """What is sent to the webhooks in `database`.

    All methods name the tenant, None for the organisation, and raise `MissingError`.
    """

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    def newest(
        self,
        team: str | None,
        name: str,
        *,
        state: str | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> list[Delivery]:
        """What was and is to be delivered, the newest first, below `before`."""
        statement = sa.select(deliveries).order_by(deliveries.c.number.desc()).limit(limit)
        if state is not None:
            statement = statement.where(deliveries.c.state == state)
        if before is not None:
            statement = statement.where(deliveries.c.number < before)
        with self._database.reading() as connection:
            found = find_webhook(connection, team, name)
            statement = statement.where(deliveries.c.webhook_id == found.webhook_id)
            return [_delivery(row) for row in connection.execute(statement).mappings()]

    def show(self, team: str | None, name: str, number: int) -> tuple[Delivery, list[Attempt]]:
        """One of them with its tries, the oldest first. Raises `MissingError`."""
        statement = (
            sa.select(*(column for column in attempts.c if column.name != "delivery"))
            .where(attempts.c.delivery == number)
            .order_by(attempts.c.number)
        )
        with self._database.reading() as connection:
            delivery = _find_delivery(connection, team, name, number)
            return delivery, [Attempt(*row) for row in connection.execute(statement)]

    def redeliver(self, team: str | None, name: str, number: int, author: Author) -> Delivery:
        """Send one again now, whatever became of it.

        Its message id stays the same.
        """
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            found = _find_delivery(connection, team, name, number)
            connection.execute(
                deliveries.update()
                .where(deliveries.c.number == number)
                .values(state="pending", attempts=0, next_ns=now_ns)
            )
            thing = f"webhooks/{whole_name(team, name)}"
            detail = f"delivery {number}, {found.message_id}"
            write_entry(
                connection, now_ns, author, "webhooks.redeliver", thing, team=team, detail=detail
            )
        return msgspec.structs.replace(found, state="pending", attempts=0, next_ns=now_ns)

    def ping(self, team: str | None, name: str, author: Author) -> Delivery:
        """Send a try, once, also where the webhook is disabled."""
        now_ns = self._clock.wall_ns()
        message = WebhookMessage(
            f"ping_{secrets.token_hex(12)}", PING, now_ns, {"webhook": name, "team": team}
        )
        with self._database.writing() as connection:
            found = find_webhook(connection, team, name)
            made = Delivery(
                number=0,
                message_id=message.message_id,
                type=PING,
                body=message.body(for_team=team is not None),
                created_ns=now_ns,
                state="pending",
                attempts=0,
                next_ns=now_ns,
            )
            values = msgspec.structs.asdict(made) | {"webhook_id": found.webhook_id}
            del values["number"]
            result = connection.execute(deliveries.insert().values(**values))
            thing = f"webhooks/{whole_name(team, name)}"
            write_entry(connection, now_ns, author, "webhooks.ping", thing, team=team)
        key: Any = result.inserted_primary_key
        return msgspec.structs.replace(made, number=int(key[0]))


def _find_delivery(connection: sa.Connection, team: str | None, name: str, number: int) -> Delivery:
    found = find_webhook(connection, team, name)
    row = (
        connection.execute(
            sa.select(deliveries).where(
                deliveries.c.number == number, deliveries.c.webhook_id == found.webhook_id
            )
        )
        .mappings()
        .first()
    )
    if row is None:
        raise MissingError(
            f"there is no delivery {number} to the webhook {name!r}",
            fix="list its deliveries; they are kept for webhooks.keep_days",
        )
    return _delivery(row)


def _delivery(row: sa.RowMapping) -> Delivery:
    return Delivery(**{name: row[name] for name in Delivery.__struct_fields__})
