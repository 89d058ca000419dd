"""A change is one transaction with its audit, and costs what it changes."""

import time
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from tests.storage.revisions_world import (
    DOCUMENT,
    VARIABLES,
    P,
    large,
    opened,
    with_models,
    without_models,
)

from faregate.configuration.commerce import Application, Budget, Limit, Team, Wallet
from faregate.configuration.document import (
    Document,
    Key,
    Model,
    Provider,
    Target,
    VirtualModel,
)
from faregate.configuration.export import export
from faregate.configuration.load import load
from faregate.core.errors import ConfigurationError, MissingError, StaleError
from faregate.identity.actors import Actor
from faregate.storage.audit_log import AuditLog
from faregate.storage.database import Database
from faregate.storage.revisions import Revisions

ADA = Actor("user", "ada@example.com", id="usr_1", address="192.0.2.1")


@pytest.fixture
def revisions(tmp_path: Path) -> Revisions:
    found = opened(tmp_path / "faregate.db")
    found.apply(DOCUMENT, ADA, "first", environment=VARIABLES, message="the beginning")
    return found


def test_each_revision_has_its_entry(revisions: Revisions, tmp_path: Path) -> None:
    revisions.edit(lambda old: with_models(old, "n"), ADA, "added n", message="more")
    revisions.edit(lambda old: without_models(old, "n"), ADA, "removed n")
    revisions.edit(lambda old: with_models(old, "x", "y"), ADA, "added two")
    revisions.apply(DOCUMENT, ADA, "as it was", environment=VARIABLES)
    found = AuditLog(Database(tmp_path / "faregate.db")).find()
    acts = [(one.act, one.object) for one in sorted(found, key=lambda one: one.sequence)]
    assert acts == [
        ("revisions.apply", "revisions/1"),
        ("models.create", "models/n"),
        ("models.delete", "models/n"),
        ("revisions.edit", "revisions/4"),
        ("revisions.apply", "revisions/5"),
    ]
    first = min(found, key=lambda one: one.sequence)
    assert (first.actor.name, first.actor.address) == ("ada@example.com", "192.0.2.1")
    assert first.detail == "first: the beginning"
    assert "+ providers[p].api_key" in str(first.after)
    assert "hidden" not in str(found)


def test_what_is_refused_leaves_no_entry(revisions: Revisions, tmp_path: Path) -> None:
    before = len(list(AuditLog(Database(tmp_path / "faregate.db")).find()))
    with pytest.raises(ConfigurationError):
        revisions.edit(lambda old: msgspec.structs.replace(old, providers=()), ADA, "s")
    revisions.preview_edit(lambda old: with_models(old, "n"))
    assert len(list(AuditLog(Database(tmp_path / "faregate.db")).find())) == before
    assert revisions.written()[0] == 1


def test_versions_of_items(revisions: Revisions) -> None:
    model = ("models", "m")
    assert revisions.item(*model).version == 1

    def rename(upstream: str) -> int:
        def change(old: Document) -> Document:
            one = msgspec.structs.replace(old.models[0], upstream_model=upstream)
            return msgspec.structs.replace(old, models=(one, *old.models[1:]))

        return revisions.edit(change, ADA, "s", expected={model: 1})

    assert rename("u") == 2
    with pytest.raises(StaleError, match=r"models\[m\] was changed meanwhile, by revision 2"):
        rename("v")
    # Another item may be changed by another, and this one keeps its version.
    revisions.edit(lambda old: with_models(old, "n"), ADA, "s", expected={("models", "n"): 0})
    assert revisions.item(*model).version == 2
    with pytest.raises(StaleError, match="is there already, since revision 3"):
        revisions.edit(lambda old: old, ADA, "s", expected={("models", "n"): 0})
    with pytest.raises(StaleError, match="is not there any more"):
        revisions.preview_edit(lambda old: old, expected={("models", "x"): 3})


def test_items(revisions: Revisions) -> None:
    document = msgspec.structs.replace(large(2, 2), providers=(P,))
    revisions.apply(document, ADA, "s", environment=VARIABLES)
    of_team = revisions.items("applications", team="team-1")
    assert [one.name for one in of_team] == ["team-1/app-0", "team-1/app-1"]
    assert revisions.items("applications", team=None) == []
    assert len(revisions.items("applications")) == 4
    found = revisions.item("applications", "team-1/app-0", team="team-1")
    assert found.value == Application(name="team-1/app-0", team="team-1")
    for team in ("team-0", None):
        with pytest.raises(MissingError):
            revisions.item("applications", "team-1/app-0", team=team)
    settings = revisions.item("settings", "")
    assert (settings.version, settings.value) == (0, Document().settings)


OWNED = Document(
    teams=(Team(name="sales", wallet="sales/main"),),
    applications=(Application(name="sales/shop", team="sales"),),
    wallets=(Wallet(name="sales/main", team="sales"),),
    providers=(
        Provider(name="sales/p", team="sales", base_url="http://h/v1", api_key="${env:KEY}"),
    ),
    models=(Model(name="sales/m", team="sales", provider="sales/p"),),
    virtual_models=(
        VirtualModel(name="sales/v", team="sales", targets=(Target(model="sales/m"),)),
    ),
    limits=(Limit(name="sales/l", team="sales", each="key", max=5, per="minute"),),
    budgets=(Budget(name="sales/b", team="sales", each="key", amount=Decimal(5)),),
    keys=(Key(name="sales/k", secret=f"sha256:{1:064x}", application="sales/shop"),),
)


def test_what_teams_own_is_the_same_elsewhere(tmp_path: Path) -> None:
    first, second = (opened(tmp_path / f"{name}.db") for name in "ab")
    first.apply(OWNED, ADA, "all", environment=VARIABLES)
    text = export(first.written()[1])
    second.apply(load(text, environment=VARIABLES), ADA, "again", environment=VARIABLES)
    assert first.written()[1] == second.written()[1] == OWNED
    assert export(second.written()[1]) == text
    for kind in ("applications", "keys", "models", "wallets", "limits", "budgets"):
        assert [one.team for one in second.items(kind, team="sales")] == ["sales"], kind
        assert second.items(kind, team="other") == second.items(kind, team=None) == []


def test_a_change_costs_what_it_changes(tmp_path: Path) -> None:
    revisions = opened(tmp_path / "faregate.db")
    document = large(200, 50)

    def seconds(number: int) -> float:
        new = Application(name=f"team-7/new-{number}", team="team-7")
        begun = time.perf_counter()
        revisions.edit(
            lambda old: msgspec.structs.replace(old, applications=(*old.applications, new)),
            ADA,
            "one more",
        )
        return time.perf_counter() - begun

    begun = time.perf_counter()
    revisions.apply(document, ADA, "all", environment=VARIABLES)
    # Many times what is measured: other work may hold the machine.
    assert time.perf_counter() - begun < 10
    size = (tmp_path / "faregate.db").stat().st_size
    assert min(seconds(number) for number in range(3)) < 0.5
    assert revisions.written()[0] == 4
    grown = (tmp_path / "faregate.db").stat().st_size - size
    assert grown < 200_000  # the whole is some millions
    assert [str(one) for one in revisions.show(4).changes] == [
        "+ applications[team-7/new-2]",
        "+ applications[team-7/new-2].team: team-7",
    ]
