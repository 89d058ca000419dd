"""Actors read as their names."""

from faregate.identity.actors import Actor, as_actor


def test_a_text_is_whoever_runs_a_command() -> None:
    assert as_actor("ada") == Actor("command", "ada")
    ada = Actor("user", "ada@example.com", id="usr_1", address="127.0.0.1")
    assert as_actor(ada) is ada
    assert str(ada) == "ada@example.com"
