"""Webhooks: where events are sent, and who changed that.

A webhook is the organisation's (`team` None) or a team's. Its secret is sealed at rest and given
out once, when it is made or changed.
"""

import secrets
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import sqlalchemy as sa

from faregate.configuration.names import Name
from faregate.core.bounds import WEBHOOKS_MAX
from faregate.core.clock import Clock, SystemClock
from faregate.core.errors import ConfigurationError, ConflictError, MissingError, StaleError
from faregate.identity.actors import Author
from faregate.identity.webhook_addresses import check_url
from faregate.identity.webhooks import (
    EVENT_TYPES,
    PATTERNS_MAX,
    is_pattern,
    make_secret,
)
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.secrets import SecretBox
from faregate.storage.webhook_tables import deliveries, webhooks

OVERLAP_S_MAX: Final = 7 * 86_400
_NS: Final = 1_000_000_000


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Where events go.

    Times are nanoseconds since 1970; `team` None is the organisation.

    `old_secret_until_ns` is set while deliveries are signed with the secret before, too.
    """

    webhook_id: str
    team: str | None
    name: str
    url: str
    events: tuple[str, ...]
    enabled: bool
    disabled_because: str | None
    created_ns: int
    failing_since_ns: int | None
    old_secret_until_ns: int | None
    version: int


class Webhooks:
    """The webhooks in `database`; secrets are sealed with `box`."""

    def __init__(self, database: Database, box: SecretBox, clock: Clock | None = None) -> None:
        self._database = database
        self._box = box
        self._clock = clock or SystemClock()

    def find(self, team: str | None, name: str) -> Webhook:
        """One webhook. Raises `MissingError`."""
        with self._database.reading() as connection:
            return find_webhook(connection, team, name)

    def list(self, teams: frozenset[str] | None = None) -> list[Webhook]:
        """Those of these teams, by name; None means all, and the organisation's."""
        statement = sa.select(webhooks).order_by(webhooks.c.team, webhooks.c.name)
        if teams is not None:
            statement = statement.where(webhooks.c.team.in_(teams), webhooks.c.team != "")
        with self._database.reading() as connection:
            return [_webhook(row) for row in connection.execute(statement).mappings()]

    def create(
        self,
        team: str | None,
        name: str,
        url: str,
        events: tuple[str, ...],
        author: Author,
        *,
        private_addresses: bool = False,
        enabled: bool = True,
    ) -> tuple[Webhook, str]:
        """Add a webhook; gives it and its secret, which is never given again.

        Raises `ConfigurationError`, and `ConflictError` where the name is taken.
        """
        _check_name(name)
        check_url(url, private_addresses=private_addresses)
        _check_events(events)
        secret = make_secret()
        now_ns = self._clock.wall_ns()
        made = Webhook(
            webhook_id=f"wh_{secrets.token_hex(12)}",
            team=team,
            name=name,
            url=url,
            events=events,
            enabled=enabled,
            disabled_because=None,
            created_ns=now_ns,
            failing_since_ns=None,
            old_secret_until_ns=None,
            version=1,
        )
        with self._database.writing() as connection:
            _check_room(connection, made)
            connection.execute(
                webhooks.insert().values(
                    **_columns(made), secret=self._seal(made.webhook_id, secret)
                )
            )
            _audit(connection, now_ns, author, "create", None, made)
        return made, secret

    def update(
        self,
        team: str | None,
        name: str,
        author: Author,
        *,
        url: str | None = None,
        events: tuple[str, ...] | None = None,
        enabled: bool | None = None,
        private_addresses: bool = False,
        expected_version: int | None = None,
    ) -> Webhook:
        """Change what isn't None; once it is enabled, what waits is sent.

        Raises `MissingError`, `ConfigurationError`, and `StaleError` where the webhook has
        another version than the one that was expected.
        """
        if url is not None:
            check_url(url, private_addresses=private_addresses)
        if events is not None:
            _check_events(events)
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            old = _expected(connection, team, name, expected_version)
            new = msgspec.structs.replace(
                old,
                url=old.url if url is None else url,
                events=old.events if events is None else events,
                enabled=old.enabled if enabled is None else enabled,
            )
            if new == old:
                return old
            if new.enabled != old.enabled:
                new = msgspec.structs.replace(new, disabled_because=None, failing_since_ns=None)
                (release if new.enabled else park)(connection, old.webhook_id, now_ns)
            new = msgspec.structs.replace(new, version=old.version + 1)
            _write(connection, new)
            _audit(connection, now_ns, author, "update", old, new)
        return new

    def delete(
        self, team: str | None, name: str, author: Author, expected_version: int | None = None
    ) -> None:
        """Remove a webhook, and what was and is to be delivered to it."""
        with self._database.writing() as connection:
            old = _expected(connection, team, name, expected_version)
            connection.execute(webhooks.delete().where(webhooks.c.webhook_id == old.webhook_id))
            _audit(connection, self._clock.wall_ns(), author, "delete", old, None)

    def rotate(
        self,
        team: str | None,
        name: str,
        author: Author,
        overlap_s: int = 86_400,
        expected_version: int | None = None,
    ) -> tuple[Webhook, str]:
        """Give it a new secret; both sign for `overlap_s` seconds."""
        if not 0 <= overlap_s <= OVERLAP_S_MAX:
            raise ConfigurationError(
                f"overlap_s: it is not from 0 to {OVERLAP_S_MAX} seconds", fix="write 86400"
            )
        now_ns = self._clock.wall_ns()
        secret = make_secret()
        with self._database.writing() as connection:
            old = _expected(connection, team, name, expected_version)
            place = webhooks.c.webhook_id == old.webhook_id
            before = connection.execute(sa.select(webhooks.c.secret).where(place)).scalar_one()
            new = msgspec.structs.replace(
                old,
                old_secret_until_ns=now_ns + overlap_s * _NS if overlap_s else None,
                version=old.version + 1,
            )
            _write(
                connection,
                new,
                secret=self._seal(old.webhook_id, secret),
                old_secret=before if overlap_s else None,
            )
            _audit(connection, now_ns, author, "rotate", old, new)
        return new, secret

    def _seal(self, webhook_id: str, secret: str) -> str:
        return self._box.seal(secret, secret_place(webhook_id))


def secret_place(webhook_id: str) -> str:
    """Where a webhook's secret belongs, as it is sealed with it."""
    return f"webhooks[{webhook_id}].secret"


def forget_teams(
    connection: sa.Connection, now_ns: int, author: Author, teams: Iterable[str]
) -> None:
    """Remove all webhooks of teams that are removed.

    For the transaction that removes them: a later team of the same name inherits none.
    """
    for team in sorted(teams):
        place = webhooks.c.team == team
        for row in connection.execute(sa.select(webhooks).where(place)).mappings().all():
            _audit(connection, now_ns, author, "delete", _webhook(row), None)
        connection.execute(webhooks.delete().where(place))


def park(connection: sa.Connection, webhook_id: str, _now_ns: int = 0) -> None:
    """Let what is on its way to a webhook wait."""
    connection.execute(
        deliveries.update()
        .where(deliveries.c.webhook_id == webhook_id, deliveries.c.next_ns.is_not(None))
        .values(next_ns=None)
    )


def release(connection: sa.Connection, webhook_id: str, now_ns: int) -> None:
    """Send what waits for a webhook, from the first try on."""
    connection.execute(
        deliveries.update()
        .where(deliveries.c.webhook_id == webhook_id, deliveries.c.state == "pending")
        .values(next_ns=now_ns, attempts=0)
    )


def webhook_facts(webhook: Webhook) -> dict[str, Any]:
    """What histories keep of a webhook: paths of addresses may hold secrets."""
    parts = urlsplit(webhook.url)
    path = "/..." if parts.path.strip("/") or parts.query else ""
    return {
        "url": f"{parts.scheme}://{parts.netloc}{path}",
        "events": list(webhook.events),
        "enabled": webhook.enabled,
    }


def whole_name(team: str | None, name: str) -> str:
    """Its name behind its team's."""
    return name if team is None else f"{team}/{name}"


def _audit(
    connection: sa.Connection,
    now_ns: int,
    author: Author,
    verb: str,
    old: Webhook | None,
    new: Webhook | None,
) -> None:
    one = new or old
    assert one is not None
    write_entry(
        connection,
        now_ns,
        author,
        f"webhooks.{verb}",
        f"webhooks/{whole_name(one.team, one.name)}",
        team=one.team,
        before=None if old is None else webhook_facts(old),
        after=None if new is None else webhook_facts(new),
    )


def _check_name(name: str) -> None:
    try:
        msgspec.convert(name, Name)
    except msgspec.ValidationError:
        raise ConfigurationError(
            f"name: {name[:80]!r} can't be a name",
            fix="use 1 to 63 letters, digits, '.', '_' and '-', beginning with a letter or digit",
        ) from None


def _check_events(events: tuple[str, ...]) -> None:
    if not events or len(events) > PATTERNS_MAX:
        raise ConfigurationError(
            f"events: name 1 to {PATTERNS_MAX} types of events", fix="'*' is all of them"
        )
    wrong = next((one for one in events if not is_pattern(one)), None)
    if wrong is not None:
        raise ConfigurationError(
            f"events: {wrong[:80]!r} is no type of events",
            fix=f"name some of {', '.join(EVENT_TYPES)}; * at the end means all that begin so",
        )


def _check_room(connection: sa.Connection, made: Webhook) -> None:
    names = connection.scalars(
        sa.select(webhooks.c.name).where(webhooks.c.team == (made.team or ""))
    ).all()
    if made.name in names:
        raise ConflictError(
            f"there is a webhook {made.name!r} already", fix="choose another name, or change it"
        )
    if len(names) >= WEBHOOKS_MAX:
        raise ConflictError(
            f"there are {WEBHOOKS_MAX} webhooks already, which is the most",
            fix="remove one; a webhook may have many types of events",
        )


def find_webhook(connection: sa.Connection, team: str | None, name: str) -> Webhook:
    """The webhook of this tenant and name. Raises `MissingError`."""
    row = (
        connection.execute(
            sa.select(webhooks).where(webhooks.c.team == (team or ""), webhooks.c.name == name)
        )
        .mappings()
        .first()
    )
    if row is None:
        raise MissingError(
            f"there is no webhook {whole_name(team, name)[:130]!r}",
            fix="list the webhooks to see those there are",
        )
    return _webhook(row)


def _expected(
    connection: sa.Connection, team: str | None, name: str, version: int | None
) -> Webhook:
    found = find_webhook(connection, team, name)
    if version is not None and version != found.version:
        raise StaleError(
            f"the webhook {name!r} was changed meanwhile: it has version {found.version}",
            fix="read it again, and change that",
        )
    return found


def _write(connection: sa.Connection, webhook: Webhook, **sealed: str | None) -> None:
    connection.execute(
        webhooks.update()
        .where(webhooks.c.webhook_id == webhook.webhook_id)
        .values(**_columns(webhook), **sealed)
    )


def _columns(webhook: Webhook) -> dict[str, Any]:
    events = msgspec.json.encode(webhook.events).decode()
    return msgspec.structs.asdict(webhook) | {"team": webhook.team or "", "events": events}


def _webhook(row: sa.RowMapping) -> Webhook:
    fields = {name: row[name] for name in Webhook.__struct_fields__}
    events = msgspec.json.decode(fields["events"], type=tuple[str, ...])
    return Webhook(**(fields | {"team": fields["team"] or None, "events": events}))
