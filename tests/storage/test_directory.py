"""The directory of an open installation takes the ends of logins from its settings."""

from pathlib import Path

import msgspec
import pytest
from tests.storage.directories import CHEAP, MACHINE

from faregate.configuration.document import Document
from faregate.configuration.settings import ManagementSettings, Settings
from faregate.identity.sessions import SessionRules
from faregate.storage import directory as module
from faregate.storage.directory import directory_of, session_rules
from faregate.storage.home import Home
from faregate.storage.installation import open_installation
from faregate.storage.preparation import prepare_home
from faregate.storage.secrets import SecretBox


def test_the_rules_of_settings() -> None:
    settings = ManagementSettings(session_idle_h=1, session_total_h=2)
    assert session_rules(settings) == SessionRules.of_hours(1, 2)


def test_settings_are_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SETTINGS_KEPT_S", 0.0)
    home = Home(tmp_path / "home")
    prepare_home(home)
    with open_installation(home) as installation:
        directory = directory_of(installation, SecretBox(home.master_key()))
        user = directory.users.create(MACHINE, "ann@example.com", roles=("owner",))
        assert directory.principals._rules() == session_rules(ManagementSettings())
        document = Document(settings=Settings(management=ManagementSettings(session_idle_h=1)))
        installation.revisions.apply(document, "root", "shorter")
        assert directory.principals._rules() == SessionRules.of_hours(1, 72)
        assert directory.users.get(user.user_id) == user
    assert msgspec.structs.asdict(SessionRules(1, 2)) == {"idle_ns": 1, "total_ns": 2}
    assert CHEAP.lanes == 1
