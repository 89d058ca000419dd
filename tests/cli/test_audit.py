"""What commands did can be read, checked and exported."""

import csv
import io
import json
import sqlite3
from contextlib import closing

from tests.cli.console import Console

OPEN = "DROP TRIGGER audit_entries_update; DROP TRIGGER audit_entries_delete;"


def acts(console: Console) -> list[str]:
    return [one["act"] for one in console.good("audit", "list", "--json").json]


def tamper(console: Console, statement: str) -> None:
    with closing(sqlite3.connect(console.home.database)) as connection:
        connection.executescript(OPEN + statement)


def test_commands_are_recorded_and_shown(console: Console) -> None:
    console.good("keys", "create", "shop")
    console.good("config", "export")
    told = console.good("audit", "list", "--act", "keys.show", "--json").json
    assert [(one["object"], one["outcome"], one["actor_kind"]) for one in told] == [
        ("keys/shop", "done", "command")
    ]
    assert "config.export" in acts(console)
    number = str(told[0]["entry"])
    assert "keys/shop" in console.good("audit", "show", number).out
    assert console.good("audit", "show", number, "--json").json == told[0]
    assert console.run("audit", "show", "1000").status == 1
    shown = console.good("audit", "list", "-n", "5", "--since", "1h").out
    assert "keys.show" in shown
    assert "No entry matches." in console.good("audit", "list", "--team", "none").out


def test_money_that_commands_move_is_recorded(console: Console) -> None:
    console.good("wallets", "create", "shop")
    console.good("wallets", "grant", "shop", "10", "--reference", "r1")
    console.good("wallets", "grant", "shop", "10", "--reference", "r1")
    console.good("wallets", "refund", "shop", "1")
    console.good("wallets", "adjust", "shop", "-2", "--reason", "counted twice")
    told = console.good("audit", "list", "--object", "wallets/shop", "--json").json
    money = ("wallets.grant", "wallets.refund", "wallets.adjust")
    moved = [(one["act"], one["after"]["amount"]) for one in told if one["act"] in money]
    assert moved == [
        ("wallets.grant", "10.00"),
        ("wallets.refund", "1.00"),
        ("wallets.adjust", "-2.00"),
    ]


def test_a_whole_log_and_a_broken_one(console: Console) -> None:
    console.good("keys", "create", "shop")
    console.good("config", "export")
    head = console.good("audit", "head").out.strip()
    told = console.good("audit", "verify", "--head", head)
    assert head in told.out
    assert console.good("audit", "head", "--json").json["hash"] == head.partition(":")[2]
    verdict = console.good("audit", "verify", "--json").json
    assert verdict["ok"]
    assert verdict["seals_checked"]
    tamper(console, "UPDATE audit_entries SET actor_name = 'eve' WHERE sequence = 2")
    broken = console.run("audit", "verify")
    assert broken.status == 1
    assert "entry 2 is not what was written" in broken.err
    assert console.run("audit", "verify", "--json").json["broken_at"] == 2


def test_a_head_that_was_noted_is_looked_for(console: Console) -> None:
    console.good("config", "export")
    number = console.good("audit", "head").out.partition(":")[0]
    told = console.run("audit", "verify", "--head", f"{number}:{'0' * 64}")
    assert (told.status, "not the one that was noted" in told.err) == (1, True)
    assert console.run("audit", "verify", "--head", "x").status == 1


def test_exports_are_recorded(console: Console) -> None:
    console.good("config", "export")
    lines = console.good("audit", "export").out.splitlines()
    assert [json.loads(line)["act"] for line in lines][-2:] == ["config.export", "audit.export"]
    path = console.root / "audit.csv"
    console.good("audit", "export", "--format", "csv", "-o", str(path), "--act", "audit.*")
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert [row["act"] for row in rows] == ["audit.export", "audit.export"]
    assert rows[1]["detail"] == "act audit.*"
    assert console.run("audit", "export", "-o", str(console.root)).status == 1
