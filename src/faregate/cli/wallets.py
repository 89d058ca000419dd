"""faregate wallets: prepaid credit, sold, looked at and corrected."""

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from faregate.cli.amounts import coming_time, positive_amount, signed_amount
from faregate.cli.ledger_session import opened_books
from faregate.cli.output import (
    DryRunOption,
    JsonOption,
    count_of,
    moment,
    print_json,
    print_preview,
    print_table,
    print_would,
)
from faregate.cli.owned import owned_name
from faregate.cli.session import actor, opened, record
from faregate.cli.wallet_facts import (
    entry_facts,
    grant_facts,
    wallet_facts,
)
from faregate.cli.wallet_statement import statement
from faregate.configuration.commerce import Application, Grant, Team, Wallet
from faregate.configuration.document import Document
from faregate.configuration.problems import nearest
from faregate.core.errors import FaregateError
from faregate.core.money import format_amount
from faregate.ledger.bookkeeping import FILE_REFERENCE, Entry, WalletState

if TYPE_CHECKING:
    from faregate.cli.ports import Books

FIRST_GRANT: Final = "opening"  # the name in the configuration of what --grant gives

app = typer.Typer(
    name="wallets",
    help="Make wallets, give them credit, show and correct what is in them.",
    no_args_is_help=True,
)
app.command()(statement)

# An amount may begin with a minus, which is no option.
_SIGNED: Final = {"ignore_unknown_options": True}

_Name = Annotated[str, typer.Argument(help="The wallet's name.")]
_Reason = Annotated[str | None, typer.Option(help="Why, for the statement.")]


@app.command()
def create(
    name: _Name,
    team: Annotated[
        str | None, typer.Option(help="The team whose applications it pays for.")
    ] = None,
    application: Annotated[
        str | None, typer.Option(help="The application that it pays for.")
    ] = None,
    grant: Annotated[str | None, typer.Option(help="Credit to begin with, in dollars.")] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a wallet, and let it pay for a team or an application.

    Both are written into the configuration, as a revision.

    Example: faregate wallets create shop --team commerce --grant 50
    """
    owned_name(name, None)
    if team is not None and application is not None:
        raise FaregateError(
            "a wallet is given to a team or to an application at once, not to both",
            fix="give --team or --application; the other can name it in faregate.yaml",
        )
    amount_nano = positive_amount(grant) if grant is not None else 0

    def change(document: Document) -> Document:
        return _with_wallet(document, name, amount_nano, team, application)

    with opened() as installation:
        if dry_run:
            print_preview(*installation.revisions.preview_edit(change), as_json=as_json)
            return
        number = installation.revisions.edit(change, actor(), f"made the wallet {name}")
        given = installation.grants.last.entries
    if as_json:
        print_json(
            {
                "revision": number,
                "wallet": name,
                "team": team,
                "application": application,
                "granted": [entry_facts(entry) for entry in given],
            }
        )
        return
    payer = f" pays for the team {team}" if team else ""
    payer = f" pays for the application {application}" if application else payer
    holds = f" with {format_amount(amount_nano)} in it" if amount_nano else ", empty"
    typer.echo(f"Made the wallet {name}{holds}; revision {number} is in force.")
    typer.echo(f"It{payer}." if payer else "Nothing is paid from it yet: name it in faregate.yaml.")


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List the wallets and what is in them.

    Example: faregate wallets list
    """
    with opened_books() as (document, books):
        found = {one.name: one for one in books.wallets()}
        for wallet in document.wallets:
            found.setdefault(wallet.name, books.wallet(wallet.name))
        facts = [wallet_facts(document, found[name]) for name in sorted(found)]
    if as_json:
        print_json(facts)
        return
    if not facts:
        typer.echo("There are no wallets; 'faregate wallets create NAME' makes one.")
        return
    print_table(
        ("NAME", "BALANCE", "AVAILABLE", "IN USE", "PROMOTIONAL", "EXPIRES", "PAYS FOR"),
        [
            (
                one["wallet"],
                one["balance"],
                one["available"],
                one["drawn"],
                one["promotional"],
                one["promotional_expires_at"] or "",
                ", ".join(one["pays_for"]) if one["declared"] else "not in the configuration",
            )
            for one in facts
        ],
    )


@app.command()
def show(name: _Name, as_json: JsonOption = False) -> None:
    """Show what is in a wallet, of which grants, and whom it pays for.

    Example: faregate wallets show shop
    """
    with opened_books() as session:
        session.require_known(name)
        facts = wallet_facts(session.document, session.books.wallet(name))
        grants = [grant_facts(one) for one in session.books.grants(name)]
    if as_json:
        print_json({**facts, "grants": grants})
        return
    rows = {
        "wallet": name,
        "balance": facts["balance"],
        "available": facts["available"],
        "in use": f"{facts['drawn']} (drawn by workers, for calls)",
        "promotional": facts["promotional"],
        "pays for": ", ".join(facts["pays_for"]) or "nobody",
    }
    for head, value in rows.items():
        typer.echo(f"{head:<12} {value}")
    if not facts["declared"]:
        typer.echo("It is not in the configuration: nobody can be paid for from it.")
    if grants:
        typer.echo("")
        print_table(
            ("GRANTED", "KIND", "AMOUNT", "LEFT", "EXPIRES", "REFERENCE", "BY", "REASON"),
            [
                (
                    one["granted_at"],
                    one["kind"],
                    one["amount"],
                    one["remaining"],
                    one["expires_at"] or "never",
                    one["reference"],
                    one["author"],
                    one["reason"],
                )
                for one in grants
            ],
        )


@app.command(context_settings=_SIGNED)
def grant(
    name: _Name,
    amount: Annotated[str, typer.Argument(help="Dollars, as 12.50.")],
    promotional: Annotated[
        bool, typer.Option("--promotional", help="A present: spent before what was paid for.")
    ] = False,
    expires: Annotated[
        str | None,
        typer.Option(help="When what is left of it is taken back: 30d, 8w, or a date (UTC)."),
    ] = None,
    reason: _Reason = None,
    reference: Annotated[
        str | None,
        typer.Option(help="The payment that it is for; the same one again changes nothing."),
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give a wallet credit.

    With a reference it is given once, however often the command is run.

    Example: faregate wallets grant shop 100 --reference invoice-2041 --reason "paid by transfer"
    """
    amount_nano = positive_amount(amount)
    expires_ns = coming_time(expires, time.time_ns()) if expires is not None else None
    if reference is not None and reference.startswith(FILE_REFERENCE):
        raise FaregateError(
            f"references that begin with {FILE_REFERENCE} are those of faregate.yaml",
            fix="take another reference",
        )
    with opened_books() as session:
        session.require_declared(name)
        if dry_run:
            _print_would_move(session.books, name, amount_nano, reference, as_json=as_json)
            return
        entry, is_new = session.books.grant(
            name,
            amount_nano,
            "promotional" if promotional else "paid",
            actor(),
            reason or "",
            expires_ns,
            reference,
        )
        state = session.books.wallet(name)
    if is_new:
        record("wallets.grant", "wallets", name, after=entry_facts(entry))
    told = f"Gave {_shown(entry)} to {name}." if is_new else _given_before(entry, reference)
    _print_moved(entry, state, as_json, told, is_new)


@app.command(context_settings=_SIGNED)
def refund(
    name: Annotated[str | None, typer.Argument(help="The wallet; not with --call.")] = None,
    amount: Annotated[str | None, typer.Argument(help="Dollars; not with --call.")] = None,
    call: Annotated[str | None, typer.Option(help="The call whose charge is given back.")] = None,
    part: Annotated[
        str | None, typer.Option(help="With --call: so many dollars of its charge, not all.")
    ] = None,
    reason: _Reason = None,
    reference: Annotated[
        str | None,
        typer.Option(help="What the sum is for; the same one again changes nothing."),
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give back what was charged: for one call, once, or a sum.

    Example: faregate wallets refund --call call_6553f1000f1e2d3c4b00000001 --reason "wrong answer"
    """
    if call is not None and name is None and reference is None:
        part_nano = positive_amount(part) if part is not None else None
        if dry_run:
            told = "all of it" if part_nano is None else format_amount(part_nano)
            facts = {"call_id": call, "amount": None if part is None else part}
            print_would(f"give back {told} of the charge of {call}", facts, as_json=as_json)
            return
        with opened_books() as session:
            entry = session.books.refund_call(call, part_nano, actor(), reason or "")
            state = session.books.wallet(entry.wallet)
        record("wallets.refund", "wallets", entry.wallet, after=entry_facts(entry))
        _print_moved(entry, state, as_json, f"Gave {_shown(entry)} back to {entry.wallet}.")
        return
    if call is not None or name is None or amount is None or part is not None:
        raise FaregateError(
            "say what is given back: one call, or a sum to a wallet",
            fix="faregate wallets refund --call ID [--part AMOUNT], or "
            "faregate wallets refund NAME AMOUNT [--reference R]",
        )
    amount_nano = positive_amount(amount)
    with opened_books() as session:
        session.require_declared(name)
        if dry_run:
            _print_would_move(session.books, name, amount_nano, reference, as_json=as_json)
            return
        entry, is_new = session.books.refund(name, amount_nano, actor(), reason or "", reference)
        state = session.books.wallet(name)
    if is_new:
        record("wallets.refund", "wallets", name, after=entry_facts(entry))
    told = f"Gave {_shown(entry)} back to {name}." if is_new else _given_before(entry, reference)
    _print_moved(entry, state, as_json, told, is_new)


@app.command(context_settings=_SIGNED)
def adjust(
    name: _Name,
    amount: Annotated[str, typer.Argument(help="Dollars with a sign: +5.00 or -5.00.")],
    reason: Annotated[str, typer.Option(help="Why, for the statement.")],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Correct a balance by a movement of its own, never below zero.

    What workers have drawn for calls can't be taken away.

    Example: faregate wallets adjust shop -5.00 --reason "counted twice on invoice 2041"
    """
    amount_nano = signed_amount(amount)
    if not reason.strip():
        raise FaregateError("the reason is empty", fix="say why, with --reason")
    with opened_books() as session:
        session.require_declared(name)
        if dry_run:
            _print_would_move(session.books, name, amount_nano, as_json=as_json)
            return
        entry = session.books.adjust(name, amount_nano, actor(), reason)
        state = session.books.wallet(name)
    record("wallets.adjust", "wallets", name, after=entry_facts(entry))
    _print_moved(entry, state, as_json, f"Adjusted {name} by {_shown(entry)}.")


@app.command()
def verify(as_json: JsonOption = False) -> None:
    """Check the whole ledger: every sum, every balance, every draw.

    Ends with 1 where anything does not agree. Nothing is changed.

    Example: faregate wallets verify
    """
    with opened_books() as session:
        found = session.books.verify()
    if as_json:
        print_json(
            {
                "ok": not found.discrepancies,
                "discrepancies": found.discrepancies,
                "wallets": found.wallets,
                "transfers": found.transfers,
                "in_wallets": format_amount(found.in_wallets_nano),
            }
        )
    else:
        for one in found.discrepancies:
            typer.echo(one)
        told = "does not agree" if found.discrepancies else "agrees"
        typer.echo(
            f"The ledger {told}: {count_of(found.transfers, 'transfer')}, "
            f"{count_of(found.wallets, 'wallet')} with {format_amount(found.in_wallets_nano)}."
        )
    if found.discrepancies:
        raise typer.Exit(1)


def _print_would_move(
    books: "Books", name: str, amount_nano: int, reference: str | None = None, *, as_json: bool
) -> None:
    """What a movement would do; one whose reference was there does nothing."""
    state = books.wallet(name)
    if reference is not None:
        known = {one.reference for one in books.grants(name)}
        if known & {reference, f"refund:{reference}"}:
            amount_nano = 0
    if -amount_nano > state.available_nano:
        raise FaregateError(
            f"{name} has {format_amount(state.available_nano)} that is free",
            fix="take away at most that",
        )
    after = format_amount(state.balance_nano + amount_nano)
    facts = {"wallet": name, "amount": format_amount(amount_nano), "balance": after}
    print_would(f"move {facts['amount']}, so that {name} has {after}", facts, as_json=as_json)


def _shown(entry: Entry) -> str:
    return format_amount(entry.amount_nano)


def _given_before(entry: Entry, reference: str | None) -> str:
    return f"{reference} was given at {moment(entry.at_ns)} already; nothing changes."


def _print_moved(
    entry: Entry, state: WalletState, as_json: bool, told: str, is_new: bool = True
) -> None:
    """What was moved, or had been before, and what is in the wallet after it."""
    balance, available = format_amount(state.balance_nano), format_amount(state.available_nano)
    if as_json:
        moved = {"changed": is_new, "balance": balance, "available": available}
        print_json({**entry_facts(entry), **moved})
        return
    typer.echo(told)
    typer.echo(f"{state.name} has {balance}, of which {available} is free ({entry.entry_id}).")


def _with_wallet(
    document: Document, name: str, amount_nano: int, team: str | None, application: str | None
) -> Document:
    if any(wallet.name == name for wallet in document.wallets):
        raise FaregateError(
            f"there is a wallet {name!r} already",
            fix=f"'faregate wallets grant {name} AMOUNT' gives it credit",
        )
    first = (Grant(name=FIRST_GRANT, amount=Decimal(format_amount(amount_nano))),)
    owner = owned_name(name, None)[1]  # sales/main is the team's own
    wallet = Wallet(name=name, team=owner, grants=first if amount_nano else ())
    document = msgspec.structs.replace(document, wallets=(*document.wallets, wallet))
    if team is not None:
        teams = _team_paid(document.teams, team, name)
        document = msgspec.structs.replace(document, teams=teams)
    if application is not None:
        applications = _application_paid(document.applications, application, name)
        document = msgspec.structs.replace(document, applications=applications)
    return document


def _team_paid(teams: tuple[Team, ...], name: str, wallet: str) -> tuple[Team, ...]:
    owner = _owner("team", name, {team.name: team.wallet for team in teams})
    return tuple(
        msgspec.structs.replace(team, wallet=wallet) if team.name == owner else team
        for team in teams
    )


def _application_paid(
    applications: tuple[Application, ...], name: str, wallet: str
) -> tuple[Application, ...]:
    owner = _owner("application", name, {one.name: one.wallet for one in applications})
    return tuple(
        msgspec.structs.replace(one, wallet=wallet) if one.name == owner else one
        for one in applications
    )


def _owner(what: str, name: str, wallets: dict[str, str | None]) -> str:
    """`name`, where there is such an owner that no wallet pays for yet."""
    if name not in wallets:
        meant = nearest(name, list(wallets))
        raise FaregateError(
            f"there is no {what} {name!r}" + (f"; did you mean {meant!r}?" if meant else ""),
            fix=f"'faregate {what}s add {name}' adds it",
        )
    if paid_by := wallets[name]:
        raise FaregateError(
            f"the wallet {paid_by!r} pays for the {what} {name!r} already",
            fix=f"change the {what}'s wallet in faregate.yaml and apply it",
        )
    return name
