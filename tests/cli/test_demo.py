"""The demo's key and model are made once, found again, and made anew when they are lost."""

import pytest
from tests.cli.console import vendor_variables

from faregate.cli.demo import apply_model, demo_key
from faregate.cli.service import read_document
from faregate.configuration.document import Model, Provider
from faregate.storage.home import Home
from faregate.storage.installation import open_installation
from faregate.storage.preparation import prepare_home
from faregate.supervisor import demo


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in vendor_variables():
        monkeypatch.delenv(name, raising=False)
    home = Home(tmp_path / "home")
    prepare_home(home)
    return home


def revision(home) -> int:
    with open_installation(home) as installation:
        return installation.revisions.current().number


def active_keys(home) -> list[str]:
    with open_installation(home) as installation:
        entries = installation.keys.list()
    return [entry.record.prefix for entry in entries if entry.record.revoked_ns is None]


def test_the_model_is_configured_once(home) -> None:
    apply_model(home, read_document(home), 4000)
    first = revision(home)
    apply_model(home, read_document(home), 4000)
    assert revision(home) == first
    apply_model(home, read_document(home), 4001)
    assert demo.model_port(read_document(home)) == 4001


def test_what_was_configured_before_stays(home, monkeypatch) -> None:
    monkeypatch.setenv("MINE", "a-secret")
    mine = Provider(name="mine", base_url="https://example.org/v1", api_key="${env:MINE}")
    model = Model(name="big", provider="mine")
    with open_installation(home) as installation:
        installation.revisions.edit(
            lambda old: type(old)(providers=(mine,), models=(model,)), "test", "mine"
        )
    monkeypatch.delenv("MINE")
    apply_model(home, read_document(home), 4000)
    document = read_document(home)
    assert [provider.name for provider in document.providers] == ["mine", "local"]
    assert document.providers[0].api_key == "a-secret"


def test_the_key_is_kept_while_it_works(home) -> None:
    key = demo_key(home)
    demo.write_environment_file(home.demo_env, "http://127.0.0.1:1", key)
    assert demo_key(home) == key
    assert len(active_keys(home)) == 1


def test_a_lost_or_revoked_key_is_replaced_and_one_remains(home) -> None:
    first = demo_key(home)
    second = demo_key(home)  # its file was never written
    assert second != first
    demo.write_environment_file(home.demo_env, "http://127.0.0.1:1", second)
    with open_installation(home) as installation:
        installation.keys.revoke(demo.KEY_NAME, "test")
    third = demo_key(home)
    assert third not in {first, second}
    assert active_keys(home) == [third[:9]]


def test_keys_in_the_environment_are_served_and_renewed(home, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden-1")
    (found,) = apply_model(home, read_document(home), 4000)
    assert str(found).startswith("Found OPENAI_API_KEY: gpt-4o-mini, ")
    document = read_document(home)
    assert [provider.name for provider in document.providers] == ["local", "openai"]
    assert document.providers[1].api_key == "sk-hidden-1"
    first = revision(home)
    assert apply_model(home, document, 4000) == [found]
    assert revision(home) == first
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden-2")
    apply_model(home, document, 4000)
    assert read_document(home).providers[1].api_key == "sk-hidden-2"
    written = [path for path in home.root.rglob("*") if path.is_file()]
    assert [path for path in written if b"-hidden" in path.read_bytes()] == []
    monkeypatch.delenv("OPENAI_API_KEY")
    assert apply_model(home, read_document(home), 4000) == []
    assert read_document(home).providers[1].api_key == "sk-hidden-2"


def test_the_demo_s_own_key_is_no_vendor_s(home, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", demo_key(home))
    assert apply_model(home, read_document(home), 4000) == []
    assert [provider.name for provider in read_document(home).providers] == ["local"]
