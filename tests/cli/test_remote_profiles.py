"""Which installation a command is for is clear, and tokens are their owner's alone."""

from pathlib import Path

import pytest

from faregate.cli.remote_profiles import (
    Credentials,
    Profile,
    chosen,
    credentials_path,
    find_profile,
    read_credentials,
    write_credentials,
)
from faregate.core.errors import FaregateError

PROD = Profile("https://prod.example.com", "fgp_secret", "ann@example.com")
STAGE = Profile("https://stage.example.com", "fgp_other")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    made = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    kept = Credentials({"prod": PROD, "stage": STAGE}, "prod")
    write_credentials(kept, credentials_path(made))
    return made


def test_they_are_kept_for_their_owner_alone(environment: dict[str, str]) -> None:
    path = credentials_path(environment)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    kept = read_credentials(path)
    assert (kept.profiles["prod"], kept.current) == (PROD, "prod")
    assert "fgp_secret" not in repr(kept) + repr(PROD)
    path.chmod(0o644)
    with pytest.raises(FaregateError, match="read by others") as caught:
        read_credentials(path)
    assert caught.value.fix == f"chmod 600 {path}"


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, PROD.url),
        ({"FAREGATE_PROFILE": "stage"}, STAGE.url),
        ({"FAREGATE_PROFILE": "local"}, None),
        ({"FAREGATE_HOME": "/somewhere"}, None),
        ({"FAREGATE_HOME": "/somewhere", "FAREGATE_PROFILE": "stage"}, STAGE.url),
        ({"FAREGATE_MANAGEMENT_URL": "https://x", "FAREGATE_TOKEN": "t"}, "https://x"),
        (
            {
                "FAREGATE_MANAGEMENT_URL": "https://x",
                "FAREGATE_TOKEN": "t",
                "FAREGATE_PROFILE": "stage",
            },
            STAGE.url,
        ),
        # The gate's address is another one, and no reason to leave this machine.
        ({"FAREGATE_URL": "http://gate", "FAREGATE_HOME": "/somewhere"}, None),
    ],
)
def test_what_is_chosen(
    environment: dict[str, str], variables: dict[str, str], url: str | None
) -> None:
    target = chosen(environment | variables)
    assert (target and target.profile.url) == url


def test_what_can_not_be_chosen(environment: dict[str, str]) -> None:
    with pytest.raises(FaregateError, match="no profile 'other'; there are: prod, stage"):
        chosen(environment | {"FAREGATE_PROFILE": "other"})
    with pytest.raises(FaregateError, match="FAREGATE_TOKEN is not"):
        chosen(environment | {"FAREGATE_MANAGEMENT_URL": "https://x"})
    with pytest.raises(FaregateError, match="none yet"):
        find_profile(Credentials(), "any")


def test_without_credentials_it_is_this_machine(tmp_path: Path) -> None:
    empty = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert chosen(empty) is None
    path = credentials_path(empty)
    path.parent.mkdir()
    path.write_text("{")
    path.chmod(0o600)
    with pytest.raises(FaregateError, match="can't be understood"):
        chosen(empty)
    assert credentials_path({"XDG_CONFIG_HOME": "relative"}).parts[-3] == ".config"


def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FaregateError, match="can't be written"):
        write_credentials(Credentials(), tmp_path / "file" / "credentials.json")
