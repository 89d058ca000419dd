"""The configuration and the keys of an installation elsewhere, as commands know them here."""

import threading
from collections.abc import Iterator

import msgspec
import pytest
from tests.client.served_api import Served, served_api, token_of_owner

from faregate.cli.ports import Editing
from faregate.cli.remote import RemoteInstallation, opened_remote, values_for
from faregate.cli.remote_profiles import Profile, Target
from faregate.configuration.commerce import Team
from faregate.configuration.document import Document, Provider
from faregate.core.errors import FaregateError, MissingError, StaleError, UnidentifiedError


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_api(tmp_path_factory.mktemp("api") / "home") as started:
        yield started


@pytest.fixture
def installation(served: Served) -> Iterator[RemoteInstallation]:
    with opened_remote(Target(None, Profile(served.url, served.token))) as opened:
        yield opened


def with_team(name: str) -> Editing:
    def change(document: Document) -> Document:
        return msgspec.structs.replace(document, teams=(*document.teams, Team(name=name)))

    return change


def test_edits_that_meet_are_all_there(served: Served, installation: RemoteInstallation) -> None:
    names = [f"team-{number}" for number in range(6)]

    def add(name: str) -> None:
        with opened_remote(Target(None, Profile(served.url, served.token))) as opened:
            opened.revisions.edit(with_team(name), "ann", f"added {name}")

    threads = [threading.Thread(target=add, args=(name,)) for name in names[:3]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    number, document = installation.revisions.written()
    assert {one.name for one in document.teams} == set(names[:3])
    assert number == 3
    history = installation.revisions.history(2)
    assert [one.number for one in history] == [3, 2]
    assert [one.number for one in installation.revisions.history(5, before=3)] == [2, 1]
    assert str(installation.revisions.compare(0, 1)[0]).startswith("+ teams[")
    assert len(installation.revisions.document_at(1).teams) == 1
    with pytest.raises(StaleError):
        installation.revisions.apply(Document(), "ann", "too late", expected_revision=1)
    with pytest.raises(MissingError):
        installation.revisions.document_at(99)


def test_variables_are_this_machines(
    served: Served, installation: RemoteInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = Document(
        providers=(Provider(name="p", base_url="http://h/v1", api_key="${env:P_KEY}"),)
    )
    assert values_for(document, {"P_KEY": "sk", "OTHER": "secret"}) == {"P_KEY": "sk"}
    with pytest.raises(FaregateError, match="P_KEY"):
        installation.revisions.preview(document, {})
    monkeypatch.setenv("P_KEY", "sk-of-the-server")
    installation.revisions.apply(document, "ann", "applied", environment={"P_KEY": "sk-mine"})
    clear = served.management.installation.revisions.current().clear
    assert clear.providers[0].api_key == "sk-mine"
    sealed = installation.revisions.seal("sk-other", "providers[p].api_key")
    assert sealed.startswith("${sealed:")


def test_keys_are_found_without_being_sent(installation: RemoteInstallation) -> None:
    made = installation.keys.create("one", "ann")
    assert made.secret not in repr(made)
    assert made.record.hash == b""
    record, changed = installation.keys.revoke(made.secret, "ann")
    assert (record.name, changed) == ("one", True)
    other = installation.keys.create("two", "ann")
    assert installation.keys.revoke(other.record.prefix, "ann")[1]
    with pytest.raises(MissingError):
        installation.keys.revoke("fg_nothing", "ann")
    with pytest.raises(FaregateError, match="only on the machine"):
        installation.keys.create("three", "ann", secret="fg_mine")
    assert [one.record.name for one in installation.keys.list()] == ["one", "two"]


def test_what_is_not_here(installation: RemoteInstallation) -> None:
    for name in ("home", "database"):
        with pytest.raises(FaregateError, match="only on the machine"):
            getattr(installation, name)


def test_who_has_no_token(served: Served) -> None:
    target = Target("prod", Profile(served.url, "fgp_wrong"))
    with opened_remote(target) as opened, pytest.raises(UnidentifiedError, match="the token"):
        opened.revisions.written()
    good = Target("prod", Profile(served.url, token_of_owner(served)))
    with opened_remote(good) as opened:
        opened.revisions.edit(with_team("by-ann"), "whoever", "added")
        assert opened.revisions.history(1)[0].actor == "ann@example.com"
