"""A statement is printed for people, for programs and for spreadsheets."""

import csv
import io

import pytest
from tests.cli.console import Console


@pytest.fixture
def shop(console: Console) -> Console:
    """A wallet with three movements."""
    console.good("wallets", "create", "shop", "--grant", "50")
    console.good("wallets", "grant", "shop", "1", "--reason", "=HYPERLINK(1)")
    console.good("wallets", "adjust", "shop", "-2.25", "--reason", "counted, twice")
    return console


def test_people_see_balances(shop: Console) -> None:
    lines = shop.good("wallets", "statement", "shop").out.splitlines()
    assert lines[3].split() == ["opening", "0.00"]
    assert lines[-1].split() == ["closing", "48.75"]
    assert "counted, twice" in lines[-2]
    by_day = shop.good("wallets", "statement", "shop", "--by", "day").out.splitlines()
    assert by_day[-2].split()[1:] == ["0", "0.00", "51.00", "-2.25", "48.75", "48.75"]


def test_programs_read_pages(shop: Console) -> None:
    ask = ("wallets", "statement", "shop", "--json", "-n", "2")
    first = shop.good(*ask).json
    second = shop.good(*ask, "--page", first["next_page"]).json
    amounts = [line["amount"] for line in (*first["lines"], *second["lines"])]
    assert amounts == ["50.00", "1.00", "-2.25"]
    assert (first["opening"], first["closing"], second["next_page"]) == ("0.00", "48.75", None)
    assert second["lines"][0]["balance"] == "48.75"
    assert "--page" in shop.good("wallets", "statement", "shop", "-n", "1").out


def test_spreadsheets_compute_nothing(shop: Console) -> None:
    rows = list(csv.DictReader(io.StringIO(shop.good("wallets", "statement", "shop", "--csv").out)))
    assert [row["balance"] for row in rows] == ["0.00", "50.00", "51.00", "48.75", "48.75"]
    assert [row["reason"] for row in rows][2:4] == ["'=HYPERLINK(1)", "counted, twice"]
    assert rows[3]["amount"] == "-2.25"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--since", "1h", "--until", "2h"), 1, "ends before it begins"),
        (("--since", "then"), 1, "is not a time"),
        (("--csv", "--json"), 1, "not both"),
        (("--page", "x"), 1, "is not a page"),
        (("--by", "moon"), 2, "moon"),
        (("-n", "0"), 2, "count"),
    ],
)
def test_what_can_not_be_shown_is_refused(
    shop: Console, arguments: tuple[str, ...], status: int, message: str
) -> None:
    said = shop.run("wallets", "statement", "shop", *arguments)
    assert (said.status, message in said.err) == (status, True), said


def test_a_time_before_all_is_empty(shop: Console) -> None:
    told = shop.good("wallets", "statement", "shop", "--until", "2001-01-01", "--json").json
    assert (told["opening"], told["closing"], told["lines"]) == ("0.00", "0.00", [])
