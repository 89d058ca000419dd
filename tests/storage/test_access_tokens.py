"""Tokens allow what their owners may do, narrowed; they are shown once."""

from pathlib import Path

import pytest
from tests.storage.directories import ADDRESS, MACHINE, People

from faregate.core.errors import ConfigurationError, ConflictError, ForbiddenError, MissingError
from faregate.identity.tokens import kind_of_token
from faregate.storage import access_tokens as module


@pytest.fixture
def people(tmp_path: Path) -> People:
    made = People(tmp_path)
    made.add("ann@example.com", "owner")
    return made


def test_a_personal_token(people: People) -> None:
    bob = people.add("bob@example.com", "auditor")
    tokens = people.directory.tokens
    made = tokens.create_personal(people.principal(bob), bob, "laptop", ["keys.read"])
    assert kind_of_token(made.secret) == "personal"
    assert made.secret.startswith(made.record.prefix)
    found = people.directory.principals.of_token(made.secret)
    assert found is not None
    assert (found.user_id, found.token_id) == (bob, made.record.token_id)
    assert found.principal.actor.token == made.record.token_id
    assert found.principal.may("keys.read")
    assert not found.principal.may("audit.read")
    assert [one.name for one in tokens.of_user(bob)] == ["laptop"]
    assert made.secret.encode() not in people.content()
    assert made.secret not in repr(made)
    tokens.revoke_personal(people.principal(bob), bob, "laptop")
    assert people.directory.principals.of_token(made.secret, ADDRESS) is None
    assert people.acts()[-3:] == ["tokens.first_use", "tokens.revoke", "tokens.unknown"]


def test_it_follows_its_owner(people: People) -> None:
    bob = people.add("bob@example.com", "auditor")
    made = people.directory.tokens.create_personal(people.principal(bob), bob, "laptop")
    people.directory.users.set_roles(MACHINE, bob, ())
    found = people.directory.principals.of_token(made.secret)
    assert found is not None
    assert not found.principal.may("keys.read")


def test_a_token_makes_no_wider_one(people: People) -> None:
    bob = people.add("bob@example.com", "auditor")
    by = people.principal(bob, frozenset({"keys.read"}))
    tokens = people.directory.tokens
    for scopes in (None, ["audit.read"], ["keys.read", "audit.read"]):
        with pytest.raises(ForbiddenError, match="more than itself"):
            tokens.create_personal(by, bob, "wider", scopes)
    assert tokens.create_personal(by, bob, "same", ["keys.read"])
    with pytest.raises(ForbiddenError, match="the person alone"):
        tokens.create_personal(people.principal(bob), "ann@example.com", "hers")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scopes": ["keys.write"]}, "scopes: bob@example.com doesn't hold 'keys.write'"),
        ({"scopes": ["key.read"]}, "scopes: there is no permission"),
        ({"scopes": []}, "allows nothing"),
        ({"expires_ns": 1}, "expired from the start"),
        ({"name": ""}, "name: "),
    ],
)
def test_what_can_not_be(people: People, values: dict[str, object], message: str) -> None:
    bob = people.add("bob@example.com", "auditor")
    arguments: dict[str, object] = {"name": "n"} | values
    with pytest.raises(ConfigurationError, match=message):
        people.directory.tokens.create_personal(
            people.principal(bob),
            bob,
            **arguments,  # type: ignore[arg-type]
        )
    assert people.directory.tokens.of_user(bob) == []


def test_names_and_numbers(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OWNED_MAX", 2)
    ann = people.directory.users.get("ann@example.com").user_id
    tokens = people.directory.tokens
    tokens.create_personal(MACHINE, ann, "one")
    with pytest.raises(ConflictError, match="'one' already"):
        tokens.create_personal(MACHINE, ann, "one")
    tokens.create_personal(MACHINE, ann, "two")
    with pytest.raises(ConflictError, match="2 tokens already"):
        tokens.create_personal(MACHINE, ann, "three")
    with pytest.raises(MissingError):
        tokens.revoke_personal(MACHINE, ann, "three")


def test_tokens_of_service_accounts(people: People) -> None:
    directory = people.directory
    account = directory.service_accounts.create(MACHINE, "sales", "ci", "team-developer")
    by = people.principal(people.add("tom@example.com", sales="team-owner"))
    made = directory.tokens.create_for_account(by, "sales", "ci", "deploy", ["keys.write"])
    assert kind_of_token(made.secret) == "service"
    found = directory.principals.of_token(made.secret)
    assert found is not None
    assert found.principal.actor.name == "sales/ci"
    assert found.principal.may("keys.write", "sales")
    assert not found.principal.may("keys.write", "care")
    assert not found.principal.may("keys.read", "sales")
    assert [one.name for one in directory.tokens.of_account("sales", "ci")] == ["deploy"]
    for team in ("care", None):
        with pytest.raises(MissingError):
            directory.tokens.of_account(team, account.account_id)
        with pytest.raises(MissingError):
            directory.tokens.revoke_of_account(MACHINE, team, account.account_id, "deploy")
    directory.tokens.revoke_of_account(by, "sales", "ci", made.record.token_id)
    assert directory.principals.of_token(made.secret) is None


def test_nobody_rises_by_an_accounts_token(people: People) -> None:
    directory = people.directory
    directory.service_accounts.create(MACHINE, None, "books", "finance")
    by = people.principal(people.add("adam@example.com", "administrator"))
    with pytest.raises(ForbiddenError, match=r"credit\.write"):
        directory.tokens.create_for_account(by, None, "books", "mine")
    narrow = directory.tokens.create_for_account(by, None, "books", "mine", ["calls.read"])
    assert narrow.record.scopes == {"calls.read"}
