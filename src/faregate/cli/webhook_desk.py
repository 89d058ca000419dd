"""What `faregate webhooks` works on: an installation here or elsewhere.

Both give the facts of the management API. `team` None is the organisation.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from faregate.cli.remote_profiles import chosen
from faregate.cli.session import actor, opened

if TYPE_CHECKING:
    from faregate.cli.remote_connection import Connection
    from faregate.storage.installation import Installation
    from faregate.storage.secrets import SecretBox

Facts = dict[str, Any]
State = Literal["pending", "delivered", "failed", "dropped"]


class Desk(Protocol):
    """Webhooks of one installation; methods raise `FaregateError`."""

    def all(self, team: str | None) -> list[Facts]:
        """Webhooks of a team; without one, of all that one may see."""

    def show(self, team: str | None, name: str) -> Facts:
        """One webhook."""

    def create(
        self, team: str | None, name: str, url: str, events: tuple[str, ...], *, enabled: bool
    ) -> Facts:
        """A new webhook, with its secret."""

    def update(self, team: str | None, name: str, changes: Facts) -> Facts:
        """Change `url`, `events` or `enabled`."""

    def delete(self, team: str | None, name: str) -> None:
        """Remove a webhook."""

    def rotate(self, team: str | None, name: str, overlap_s: int) -> Facts:
        """The webhook with a new secret."""

    def ping(self, team: str | None, name: str) -> Facts:
        """The delivery of a try."""

    def deliveries(
        self, team: str | None, name: str, state: State | None, count: int
    ) -> list[Facts]:
        """The newest deliveries."""

    def delivery(self, team: str | None, name: str, number: int) -> Facts:
        """One delivery with its payload and its tries."""

    def redeliver(self, team: str | None, name: str, number: int) -> Facts:
        """The delivery, on its way again."""


@contextmanager
def opened_desk() -> Iterator[Desk]:
    """The webhooks of the installation that the command is for."""
    target = chosen()
    if target is not None:
        from faregate.cli.remote_connection import connected

        with connected(target) as connection:
            yield RemoteDesk(connection)
        return
    from faregate.storage.home import Home
    from faregate.storage.secrets import SecretBox

    home = Home.from_environment()
    home.require()
    with opened() as installation:
        box = SecretBox(home.master_key())
        yield LocalDesk(installation, box)  # type: ignore[arg-type, unused-ignore]


class LocalDesk:
    """The stores of this machine."""

    def __init__(self, installation: "Installation", box: "SecretBox") -> None:
        from faregate.storage.webhook_deliveries import Deliveries
        from faregate.storage.webhooks import Webhooks

        self._revisions = installation.revisions
        self._webhooks = Webhooks(installation.database, box)
        self._deliveries = Deliveries(installation.database)

    def all(self, team: str | None) -> list[Facts]:
        """Webhooks of a team; without one, all."""
        from faregate.storage.webhook_facts import shown_webhook

        teams = None if team is None else frozenset({team})
        return [shown_webhook(one) for one in self._webhooks.list(teams)]

    def show(self, team: str | None, name: str) -> Facts:
        """One webhook."""
        from faregate.storage.webhook_facts import shown_webhook

        return shown_webhook(self._webhooks.find(team, name))

    def create(
        self, team: str | None, name: str, url: str, events: tuple[str, ...], *, enabled: bool
    ) -> Facts:
        """A new webhook, with its secret."""
        from faregate.storage.webhook_facts import shown_webhook

        made, secret = self._webhooks.create(
            self._known(team),
            name,
            url,
            events,
            actor(),
            private_addresses=self._private_addresses(),
            enabled=enabled,
        )
        return {**shown_webhook(made), "secret": secret}

    def update(self, team: str | None, name: str, changes: Facts) -> Facts:
        """Change `url`, `events` or `enabled`."""
        from faregate.storage.webhook_facts import shown_webhook

        return shown_webhook(
            self._webhooks.update(
                team, name, actor(), private_addresses=self._private_addresses(), **changes
            )
        )

    def delete(self, team: str | None, name: str) -> None:
        """Remove a webhook."""
        self._webhooks.delete(team, name, actor())

    def rotate(self, team: str | None, name: str, overlap_s: int) -> Facts:
        """The webhook with a new secret."""
        from faregate.storage.webhook_facts import shown_webhook

        changed, secret = self._webhooks.rotate(team, name, actor(), overlap_s)
        return {**shown_webhook(changed), "secret": secret}

    def ping(self, team: str | None, name: str) -> Facts:
        """The delivery of a try."""
        from faregate.storage.webhook_facts import shown_delivery

        return shown_delivery(self._deliveries.ping(team, name, actor()))

    def deliveries(
        self, team: str | None, name: str, state: State | None, count: int
    ) -> list[Facts]:
        """The newest deliveries."""
        from faregate.storage.webhook_facts import shown_delivery

        found = self._deliveries.newest(team, name, state=state, limit=count)
        return [shown_delivery(one) for one in found]

    def delivery(self, team: str | None, name: str, number: int) -> Facts:
        """One delivery with its payload and its tries."""
        from faregate.storage.webhook_facts import shown_attempt, shown_delivery

        found, tries = self._deliveries.show(team, name, number)
        return {
            **shown_delivery(found),
            "payload": msgspec.json.decode(found.body),
            "tries": [shown_attempt(one) for one in tries],
        }

    def redeliver(self, team: str | None, name: str, number: int) -> Facts:
        """The delivery, on its way again."""
        from faregate.storage.webhook_facts import shown_delivery

        return shown_delivery(self._deliveries.redeliver(team, name, number, actor()))

    def _private_addresses(self) -> bool:
        return self._revisions.written()[1].settings.webhooks.private_addresses

    def _known(self, team: str | None) -> str | None:
        from faregate.configuration.problems import unknown
        from faregate.core.errors import MissingError

        names = [one.name for one in self._revisions.written()[1].teams]
        if team is not None and team not in names:
            raise MissingError(
                unknown("team", team, names), fix="'faregate teams list' shows the teams"
            )
        return team


class RemoteDesk:
    """The management API of an installation elsewhere."""

    def __init__(self, connection: "Connection") -> None:
        from faregate.client import operations

        self._connection = connection
        self._api = operations

    def all(self, team: str | None) -> list[Facts]:
        """Webhooks of a team; without one, of all that one may see."""
        return list(map(_plain, self._connection.all(self._api.list_webhooks(team=team))))

    def show(self, team: str | None, name: str) -> Facts:
        """One webhook."""
        return _plain(self._connection.send(self._api.get_webhook(name, team=team)))

    def create(
        self, team: str | None, name: str, url: str, events: tuple[str, ...], *, enabled: bool
    ) -> Facts:
        """A new webhook, with its secret."""
        body = self._api.WebhookCreation(name=name, url=url, events=list(events), enabled=enabled)
        return _plain(self._connection.send(self._api.create_webhook(body, team=team)))

    def update(self, team: str | None, name: str, changes: Facts) -> Facts:
        """Change `url`, `events` or `enabled`."""
        seen = self._connection.fetch(self._api.get_webhook(name, team=team))
        request = self._api.update_webhook(name, changes, version=seen.version or "*", team=team)
        return _plain(self._connection.send(request))

    def delete(self, team: str | None, name: str) -> None:
        """Remove a webhook."""
        self._connection.send(self._api.delete_webhook(name, version="*", team=team))

    def rotate(self, team: str | None, name: str, overlap_s: int) -> Facts:
        """The webhook with a new secret."""
        body = self._api.WebhookRotation(overlap_s=overlap_s)
        return _plain(self._connection.send(self._api.rotate_webhook(name, body, team=team)))

    def ping(self, team: str | None, name: str) -> Facts:
        """The delivery of a try."""
        return _plain(self._connection.send(self._api.ping_webhook(name, team=team)))

    def deliveries(
        self, team: str | None, name: str, state: State | None, count: int
    ) -> list[Facts]:
        """The newest deliveries."""
        request = self._api.list_webhook_deliveries(
            name,
            team=team,
            state=state,
            limit=min(count, 500),
        )
        return list(map(_plain, self._connection.newest(request, count)))

    def delivery(self, team: str | None, name: str, number: int) -> Facts:
        """One delivery with its payload and its tries."""
        request = self._api.get_webhook_delivery(name, str(number), team=team)
        return _plain(self._connection.send(request))

    def redeliver(self, team: str | None, name: str, number: int) -> Facts:
        """The delivery, on its way again."""
        request = self._api.redeliver_webhook_delivery(name, str(number), team=team)
        return _plain(self._connection.send(request))


def _plain(reply: msgspec.Struct) -> Facts:
    """All fields of a reply, those too that are as usual."""
    return {name: msgspec.to_builtins(getattr(reply, name)) for name in reply.__struct_fields__}
