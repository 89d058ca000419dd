"""Credit is sold, shown and corrected by command; bad input loses nothing."""

import pytest
from tests.cli.console import Console


@pytest.fixture
def shop(console: Console) -> Console:
    """A wallet with 50.00 in it."""
    console.good("wallets", "create", "shop", "--grant", "50")
    return console


def balance(console: Console) -> str:
    facts = console.good("wallets", "show", "shop", "--json").json
    assert console.good("wallets", "verify", "--json").json["ok"]
    return str(facts["balance"])


def test_a_wallet_is_made_for_its_payer(console: Console) -> None:
    console.good("teams", "add", "commerce")
    console.good("applications", "add", "web")
    assert "no wallets" in console.good("wallets", "list").out
    said = console.good("wallets", "create", "shop", "--team", "commerce", "--grant", "12.5")
    assert "with 12.50 in it" in said.out
    assert "pays for the team commerce" in said.out
    told = console.good("wallets", "create", "web", "--application", "web", "--json").json
    assert (told["wallet"], told["application"], told["granted"]) == ("web", "web", [])
    first, second = console.good("wallets", "list", "--json").json
    assert (first["balance"], first["pays_for"]) == ("12.50", ["team commerce"])
    assert (second["balance"], second["pays_for"]) == ("0.00", ["application web"])
    exported = console.good("config", "export").out
    assert "wallet: shop" in exported
    assert "amount: 12.5" in exported


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("shop",), "there is a wallet 'shop' already"),
        (("b", "--team", "comerce"), "did you mean 'commerce'"),
        (("b", "--application", "none"), "there is no application 'none'"),
        (("b", "--team", "paid"), "'shop' pays for the team 'paid' already"),
        (("b", "--team", "commerce", "--application", "x"), "not to both"),
        (("b c",), "can't be a name"),
        (("b", "--grant", "-1"), "below zero"),
        (("b", "--grant", "0"), "would move nothing"),
    ],
)
def test_a_wallet_that_can_not_be_is_not_made(
    shop: Console, arguments: tuple[str, ...], message: str
) -> None:
    shop.good("teams", "add", "commerce")
    shop.good("teams", "add", "paid", "--wallet", "shop")
    said = shop.run("wallets", "create", *arguments)
    assert (said.status, message in said.err) == (1, True), said
    assert [one["wallet"] for one in shop.good("wallets", "list", "--json").json] == ["shop"]


def test_credit_is_given_once_a_reference(shop: Console) -> None:
    give = ("wallets", "grant", "shop", "100", "--reference", "invoice-7", "--reason", "paid")
    assert "Gave 100.00 to shop." in shop.good(*give).out
    assert "nothing changes" in shop.good(*give).out
    assert shop.good(*give, "--json").json["changed"] is False
    said = shop.run("wallets", "grant", "shop", "101", "--reference", "invoice-7")
    assert "was used for 100.00 already" in said.err
    assert "fix:" in said.err
    assert balance(shop) == "150.00"


def test_promotional_credit_is_shown_apart(shop: Console) -> None:
    shop.good("wallets", "grant", "shop", "5", "--promotional", "--expires", "30d")
    facts = shop.good("wallets", "show", "shop", "--json").json
    assert (facts["balance"], facts["promotional"]) == ("55.00", "5.00")
    assert facts["promotional_expires_at"] == facts["expires_next_at"] is not None
    assert [one["kind"] for one in facts["grants"]] == ["promotional", "paid"]
    out = shop.good("wallets", "show", "shop").out
    assert "promotional  5.00" in out
    assert "file:opening" in out
    assert "55.00" in shop.good("wallets", "list").out


AMOUNTS = ["-1", "nan", "0.0000000001", "1e30", "abc", "", "inf", "0", "1000000001", "1,5", "--9"]


@pytest.mark.parametrize("amount", AMOUNTS)
def test_amounts_that_are_none_lose_nothing(shop: Console, amount: str) -> None:
    for arguments in (
        ("grant", "shop", amount),
        ("refund", "shop", amount),
        ("adjust", "shop", f"-{amount}", "--reason", "x"),
        ("refund", "--call", "call_1", f"--part={amount}"),
    ):
        said = shop.run("wallets", *arguments)
        assert said.status == 1, (arguments, said)
        assert "error:" in said.err
        assert "unexpected failure" not in said.err
    assert balance(shop) == "50.00"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("grant", "shpo", "1"), "there is no wallet 'shpo'; did you mean 'shop'?"),
        (("refund", "shpo", "1"), "did you mean 'shop'?"),
        (("adjust", "shpo", "+1", "--reason", "x"), "did you mean 'shop'?"),
        (("statement", "shpo"), "did you mean 'shop'?"),
        (("show", "shpo"), "did you mean 'shop'?"),
        (("grant", "shop", "1", "--expires", "2020-01-01"), "is over"),
        (("grant", "shop", "1", "--expires", "9999-01-01"), "too far away"),
        (("grant", "shop", "1", "--expires", "soon"), "is not a time"),
        (("grant", "shop", "1", "--reference", "file:opening"), "those of faregate.yaml"),
        (("grant", "shop", "1", "--reference", ""), "can't be taken"),
        (("grant", "shop", "1", "--reason", "two\nlines"), "can't be printed"),
        (("grant", "shop", "1", "--reason", "x" * 1001), "too long"),
        (("grant", "shop", "1000000000"), "may hold at most"),
        (("refund",), "say what is given back"),
        (("refund", "shop"), "say what is given back"),
        (("refund", "shop", "1", "--call", "call_1"), "say what is given back"),
        (("refund", "--call", "call_1"), "no charge of a call 'call_1'"),
        (("adjust", "shop", "5", "--reason", "x"), "has no sign"),
        (("adjust", "shop", "-50.000000001", "--reason", "x"), "50.00 is free"),
        (("adjust", "shop", "-1", "--reason", "  "), "the reason is empty"),
    ],
)
def test_what_can_not_be_done_is_refused(
    shop: Console, arguments: tuple[str, ...], message: str
) -> None:
    said = shop.run("wallets", *arguments)
    assert (said.status, message in said.err) == (1, True), said
    assert "fix:" in said.err
    assert balance(shop) == "50.00"


def test_a_correction_needs_a_reason(shop: Console) -> None:
    assert shop.run("wallets", "adjust", "shop", "-1").status == 2
    said = shop.good("wallets", "adjust", "shop", "-1.5", "--reason", "twice")
    assert "Adjusted shop by -1.50." in said.out
    told = shop.good("wallets", "adjust", "shop", "+0.5", "--reason", "back", "--json").json
    assert (told["amount"], told["balance"], told["reason"]) == ("0.50", "49.00", "back")


def test_a_sum_is_given_back(shop: Console) -> None:
    back = ("wallets", "refund", "shop", "2", "--reference", "outage-1")
    assert "Gave 2.00 back to shop." in shop.good(*back).out
    assert "nothing changes" in shop.good(*back).out
    assert balance(shop) == "52.00"


def test_a_wallet_out_of_the_configuration_is_still_shown(shop: Console) -> None:
    shop.good("config", "apply", shop.file("version: 1\n"))
    assert "not in the configuration" in shop.good("wallets", "list").out
    assert "nobody" in shop.good("wallets", "show", "shop").out
    assert "50.00" in shop.good("wallets", "statement", "shop").out
    assert "there is no wallet 'shop'" in shop.run("wallets", "grant", "shop", "1").err


def test_applying_a_file_gives_its_credit_once(console: Console) -> None:
    text = "version: 1\nwallets:\n- name: shop\n  grants:\n  - name: first\n    amount: %s\n"
    file = console.file(text % "20")
    assert "50.00" not in console.good("config", "apply", file, "--dry-run").out
    assert "Gave 20.00 to shop" in console.good("config", "apply", file).out
    assert "Gave" not in console.good("config", "apply", file).out
    said = console.run("config", "apply", console.file(text % "30"))
    assert "was given to shop with amount: 20.00" in said.err
    assert "faregate wallets adjust shop" in said.err
    assert balance(console) == "20.00"


def test_an_audit_that_fails_says_so(shop: Console) -> None:
    import sqlite3

    with sqlite3.connect(shop.home.ledger_database) as file:
        file.execute("UPDATE grants SET remaining_nano = 1")
    said = shop.run("wallets", "verify")
    assert said.status == 1
    assert "wallet:shop has 50.00; of its grants 0.000000001 is left" in said.out
    assert "does not agree" in said.out
