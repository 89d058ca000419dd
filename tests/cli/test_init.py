"""`init` makes what is missing, says so, and changes nothing the second time."""

from pathlib import Path

from tests.cli.console import Console

from faregate.configuration.load import load
from faregate.identity.tokens import is_one_time_password
from faregate.storage.gate_reader import schema_is_current
from faregate.storage.preparation import open_gate_source


def files_with(root: Path, secret: str) -> list[Path]:
    """The files below `root` that hold `secret`."""
    files = [path for path in root.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if secret.encode() in path.read_bytes()]


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


def test_keys_in_the_environment_are_configured_and_written_nowhere(
    empty_console: Console,
) -> None:
    console = empty_console
    console.setenv("OPENAI_API_KEY", "sk-hidden-1")
    console.setenv("GITHUB_TOKEN", "ghp-hidden-2")
    said = console.good("init")
    file = console.home.root / "faregate.yaml"
    assert f"made {file}" in said.out
    assert "Found OPENAI_API_KEY: gpt-4o-mini, " in said.out
    assert "Found GITHUB_TOKEN, and left it alone: it serves other tools" in said.out
    assert "providers add" not in said.out.partition("Next:")[2]
    assert "-hidden" not in said.out
    assert files_with(console.root, "-hidden") == []
    document = load(file.read_text(), environment={"OPENAI_API_KEY": "sk-1"})
    (provider,) = document.providers
    assert (provider.vendor, provider.api_key) == ("openai", "${env:OPENAI_API_KEY}")
    assert "gpt-4o-mini" in [model.name for model in document.models]
    source = open_gate_source(console.home)
    served = source.latest()
    source.close()
    assert served.revision == 1
    assert served.document.providers[0].api_key == "sk-hidden-1"
    assert console.good("config", "diff", str(file)).out.endswith("is what revision 1 says.\n")


def test_what_is_configured_stays(empty_console: Console) -> None:
    console = empty_console
    console.good("init")
    console.good("providers", "add", "p", "--base-url", "http://h/v1")
    console.setenv("OPENAI_API_KEY", "sk-hidden-1")
    assert "there was nothing to make" in console.good("init").out
    assert not (console.home.root / "faregate.yaml").exists()
    facts = console.good("providers", "list", "--json").json
    assert [one["name"] for one in facts] == ["p"]


def test_a_file_of_ones_own_stays(empty_console: Console) -> None:
    console = empty_console
    console.good("init")
    file = console.home.root / "faregate.yaml"
    file.write_text("# mine\n")
    console.setenv("OPENAI_API_KEY", "sk-hidden-1")
    assert console.good("init", "--json").json["made"] == []
    assert file.read_text() == "# mine\n"
    assert console.good("providers", "list", "--json").json == []


def test_what_can_not_be_a_key_is_told_and_left_out(empty_console: Console) -> None:
    console = empty_console
    console.setenv("OPENAI_API_KEY", "sk-hidden\nx")
    console.setenv("GROQ_API_KEY", "gsk-hidden-1")
    said = console.good("init", "--json").json
    left = {one["vendor"]: one["left_out"] for one in said["found"]}
    assert "a header can't carry" in left["openai"]
    assert left["groq"] is None
    assert "-hidden" not in str(said)
    facts = console.good("providers", "list", "--json").json
    assert [one["name"] for one in facts] == ["groq"]


def test_the_first_owner_is_made_and_told_once(empty_console: Console) -> None:
    console = empty_console
    said = console.good("init")
    assert "The owner of this installation is admin@localhost" in said.out
    (password,) = [line.strip() for line in said.out.splitlines() if is_one_time_password(line)]
    assert files_with(console.root, password) == []
    said = console.good("init", "--owner", "ann@example.com")
    assert "nothing to make" in said.out
    assert "--owner made nobody" in said.err
    assert console.good("init", "--json").json["owner"] is None
    (user,) = console.good("users", "list", "--json").json
    assert (user["email"], user["must_change_password"]) == ("admin@localhost", True)


def test_an_owner_of_ones_own(empty_console: Console) -> None:
    said = empty_console.run("init", "--owner", "ann")
    assert "is not an e-mail address" in said.err
    owner = empty_console.good("init", "--owner", "ann@example.com", "--json").json["owner"]
    assert owner["email"] == "ann@example.com"
    assert is_one_time_password(owner["one_time_password"])
