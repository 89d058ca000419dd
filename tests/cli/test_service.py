"""What is served is what the settings say, and the command line over them."""

import json
import socket

import msgspec
import pytest

from faregate.cli.service import (
    Wishes,
    command_name,
    give_grants,
    open_sockets,
    plan_service,
    prepare,
    read_document,
    require_shared_counters,
)
from faregate.configuration.commerce import Limit, Plan
from faregate.configuration.document import Document
from faregate.configuration.settings import (
    BatchSettings,
    GateSettings,
    LimitSettings,
    ManagementSettings,
    OperationsSettings,
    Settings,
)
from faregate.core.errors import FaregateError
from faregate.storage.home import Home
from faregate.supervisor import embedded_valkey
from faregate.tally.opening import LIMITS_URL_VARIABLE, WORKERS_VARIABLE

ANY = ManagementSettings(port=0)
FREE = Settings(
    gate=GateSettings(port=0, workers=2),
    operations=OperationsSettings(port=0),
    management=ANY,
)
NO_WISHES = Wishes(None, None, None, None)


@pytest.fixture(autouse=True)
def master_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's token is made of it."""
    monkeypatch.setenv("FAREGATE_MASTER_KEY", "00" * 32)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def close(sockets) -> None:
    for sock in (*sockets.gates, sockets.operations, sockets.management):
        sock.close()


def test_settings_decide_where_nothing_is_wished() -> None:
    sockets = open_sockets(FREE, NO_WISHES)
    host, port = sockets.gates[0].getsockname()
    assert len(sockets.gates) == 2
    assert sockets.url == f"http://{host}:{port}"
    close(sockets)


def test_wishes_come_before_settings() -> None:
    settings = Settings(
        gate=GateSettings(port=1, workers=1), operations=OperationsSettings(port=1), management=ANY
    )
    sockets = open_sockets(settings, Wishes("::1", 0, 3, 0))
    assert len(sockets.gates) == 3
    assert sockets.url.startswith("http://[::1]:")
    close(sockets)


def test_an_address_that_means_all_is_shown_as_one_that_works() -> None:
    sockets = open_sockets(FREE, Wishes("0.0.0.0", None, 1, None))
    assert sockets.url.startswith("http://127.0.0.1:")
    close(sockets)


def test_a_taken_operations_port_names_its_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FaregateError, match="is taken") as caught:
            open_sockets(FREE, Wishes(None, None, None, port))
    assert "FAREGATE_OPERATIONS_PORT" in caught.value.fix


def test_the_plan_has_every_process_and_they_know_their_home(home) -> None:
    sockets = open_sockets(FREE, NO_WISHES)
    plan = plan_service(home, FREE, sockets)
    names = ["valkey", "gate 0", "gate 1", "clerk", "batches", "control"]
    assert [child.name for child in plan.children] == names
    assert all(child.environment["FAREGATE_HOME"] == str(home.root) for child in plan.children[1:])
    assert [child.listener for child in plan.children[1:3]] == sockets.gates
    for gate in plan.children[1:3]:
        assert gate.environment[WORKERS_VARIABLE] == "2"
        assert gate.environment[LIMITS_URL_VARIABLE] == f"unix://{home.run}/valkey.sock"
    assert json.dumps(plan.facts)
    without = Settings(gate=FREE.gate, batches=BatchSettings(enabled=False))
    assert "batches" not in [c.role for c in plan_service(home, without, sockets).children]
    close(sockets)


def test_a_file_is_applied_before_it_is_served(home, tmp_path) -> None:
    file = tmp_path / "faregate.yaml"
    file.write_text("version: 1\nsettings:\n  gate:\n    workers: 3\n")
    prepare(home, file)
    assert read_document(home).settings.gate.workers == 3


def test_a_file_that_is_not_there_is_an_error_with_a_fix(home, tmp_path) -> None:
    with pytest.raises(FaregateError, match=r"nothing\.yaml") as caught:
        prepare(home, tmp_path / "nothing.yaml")
    assert caught.value.fix


def test_the_command_is_named_as_a_shell_here_finds_it(monkeypatch, tmp_path) -> None:
    program = tmp_path / ".venv" / "bin" / "faregate"
    program.parent.mkdir(parents=True)
    program.write_text("")
    monkeypatch.setattr("sys.executable", str(program.with_name("python")))
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(tmp_path)
    assert command_name() == ".venv/bin/faregate"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert command_name() == str(program)


def test_a_start_gives_the_credit_that_is_missing(home, tmp_path) -> None:
    file = tmp_path / "faregate.yaml"
    grant = "wallets:\n- name: shop\n  grants:\n  - name: first\n    amount: 5\n"
    file.write_text("version: 1\n" + grant)
    prepare(home, file)
    document = read_document(home)
    assert give_grants(home, document) == []
    home.ledger_database.unlink()
    assert give_grants(home, document) == ["Gave 5.00 to shop (grant first of the configuration)."]
    home.ledger_database.unlink()
    home.ledger_database.mkdir()
    assert "can't be given" in give_grants(home, document)[0]
    assert give_grants(home, Document()) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_no_counters_are_started_where_there_is_a_redis_or_one_worker(home, workers: int) -> None:
    limits = LimitSettings(redis_url="redis://127.0.0.1:1/0" if workers > 1 else None)
    settings = msgspec.structs.replace(FREE, limits=limits)
    sockets = open_sockets(settings, Wishes(None, 0, workers, 0))
    plan = plan_service(home, settings, sockets)
    assert "valkey" not in [child.name for child in plan.children]
    assert LIMITS_URL_VARIABLE not in plan.children[0].environment
    close(sockets)


LIMITED = Document(limits=(Limit(name="rate", max=5, per="second", each="key"),))


def test_limits_that_could_not_be_kept_are_refused(monkeypatch) -> None:
    require_shared_counters(LIMITED, 2)
    monkeypatch.setattr(embedded_valkey, "is_installed", lambda: False)
    require_shared_counters(LIMITED, 1)
    require_shared_counters(Document(), 2)
    with pytest.raises(FaregateError, match="2 workers can't keep the limits") as caught:
        require_shared_counters(LIMITED, 2)
    assert "faregate[shared]" in caught.value.fix
    planned = Document(plans=(Plan(name="basic", limits=LIMITED.limits),))
    with pytest.raises(FaregateError):
        require_shared_counters(planned, 2)


def test_a_redis_without_its_client_is_refused(monkeypatch) -> None:
    settings = Settings(limits=LimitSettings(redis_url="redis://127.0.0.1:1/0"))
    require_shared_counters(Document(settings=settings), 2)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FaregateError, match="not installed") as caught:
        require_shared_counters(Document(settings=settings), 1)
    assert "faregate[redis]" in caught.value.fix
