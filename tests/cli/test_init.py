"""`init` makes what is missing, says so, and changes nothing the second time."""

from tests.cli.console import Console

from faregate.storage.gate_reader import schema_is_current


def test_made_once(empty_console: Console) -> None:
    console = empty_console
    said = console.good("init")
    assert f"made {console.home.master_key_file}" in said.out
    assert "Keep a copy of" in said.out
    assert "faregate keys create" in said.out
    assert schema_is_current(console.home.database)
    key = console.home.master_key_file.read_bytes()
    said = console.good("init")
    assert "there was nothing to make" in said.out
    assert console.home.master_key_file.read_bytes() == key


def test_json(empty_console: Console) -> None:
    home = empty_console.home
    first = empty_console.good("init", "--json").json
    assert first["home"] == str(home.root)
    assert str(home.database) in first["made"]
    assert empty_console.good("init", "--json").json["made"] == []


def test_a_place_that_can_not_be(empty_console: Console) -> None:
    said = empty_console.run("--home", "/proc/none", "init")
    assert said.status == 1
    assert "error: /proc/none can't be used" in said.err
    assert "fix: " in said.err


def test_no_master_key_file_with_the_variable(empty_console: Console) -> None:
    empty_console.setenv("FAREGATE_MASTER_KEY", "ab" * 32)
    said = empty_console.good("init")
    assert "Keep a copy" not in said.out
    assert not empty_console.home.master_key_file.exists()
