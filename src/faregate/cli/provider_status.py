"""faregate providers status, reset, balance: accounts as they are now.

Each gate worker learns by itself; what they say is added up here.
"""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer

from faregate.cli.output import DryRunOption, JsonOption, print_json, print_would
from faregate.cli.remote_profiles import chosen as chosen_target
from faregate.cli.session import record
from faregate.control.running import Running
from faregate.core.errors import FaregateError
from faregate.core.money import AMOUNT_NANO_MAX, NANO, format_amount
from faregate.identity.operator import operator_token
from faregate.storage.home import Home
from faregate.supervisor.lock import holder

_WORST_FIRST: Final = ("broken", "benched", "probing", "active")
_SECONDS_MAX: Final = 3_600  # longer rests are told in days and hours
_COUNTS: Final = ("in_flight", "served", "failed")


def status(
    name: Annotated[
        str | None, typer.Argument(help="The provider's name; without it, all.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show how the running service finds its providers, keys and models.

    What is benched and until when, the last trouble, calls in flight, time to the first token,
    what is left of prepaid credit, and what is spent of budgets.

    Example: faregate providers status
    """
    told = _asked("GET", "/providers")
    accounts = merge_accounts(worker["accounts"] for worker in told["workers"])
    chosen = [one for one in accounts if name in (None, one["name"])]
    if name is not None and not chosen:
        raise FaregateError(
            f"the service has no provider {name!r}", fix="'faregate providers list' shows them"
        )
    if as_json:
        print_json({"providers": chosen, "silent_workers": told["silent"]})
        return
    if not chosen:
        typer.echo("There are no providers; 'faregate providers add' adds one.")
    for account in chosen:
        for line in account_lines(account):
            typer.echo(line)
    if told["silent"]:
        typer.echo(f"{told['silent']} of the workers did not answer in time.")


def reset(
    name: Annotated[str, typer.Argument(help="The provider's name.")],
    key: Annotated[str | None, typer.Option("--key", help="Only the key of this name.")] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Use a provider or a key again at once, whatever was wrong with it.

    Example: faregate providers reset openai --key second
    """
    known = {
        account["name"]: [one["name"] for one in account["keys"]]
        for worker in _asked("GET", "/providers")["workers"]
        for account in worker["accounts"]
    }
    if name not in known or (key is not None and key not in known[name]):
        what = name if key is None or name not in known else f"{name} with the key {key}"
        raise FaregateError(
            f"the service has no provider {what!r}", fix="'faregate providers status' shows them"
        )
    query = {"provider": name} | ({"key": key} if key is not None else {})
    if dry_run:
        told_key = f" with the key {key}" if key else ""
        print_would(f"use {name}{told_key} again", query, as_json=as_json)
        return
    target = chosen_target()
    if target is not None:
        from faregate.cli.remote_shelf import reset_there

        reset_there(target, name, key)
        told: Any = query
    else:
        told = _asked("POST", f"/providers/reset?{urlencode(query)}")
    record("providers.reset", "providers", name, detail=f"the key {key}" if key else None)
    if as_json:
        print_json(told)
    else:
        typer.echo(f"{name}{f' with the key {key}' if key else ''} is used again.")


def balance(
    name: Annotated[str, typer.Argument(help="The provider's name.")],
    amount: Annotated[str, typer.Argument(help="Dollars that are left there, such as 25.00.")],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is left of prepaid credit.

    It is for providers that have no address that tells it. From then on it is estimated by what
    calls cost. It is kept as long as the service runs.

    Example: faregate providers balance anthropic 25.00
    """
    try:
        nano = int(Decimal(amount) * NANO)
    except (InvalidOperation, ValueError, OverflowError):
        nano = -1
    if not 0 <= nano <= AMOUNT_NANO_MAX:
        raise FaregateError(f"{amount!r} is no amount", fix="write it as 25.00")
    names = [
        account["name"]
        for worker in _asked("GET", "/providers")["workers"]
        for account in worker["accounts"]
    ]
    if name not in names:
        raise FaregateError(
            f"the service has no provider {name!r}", fix="'faregate providers list' shows them"
        )
    facts = {"provider": name, "amount": format_amount(nano)}
    if dry_run:
        print_would(f"say that {name} has ${format_amount(nano)} left", facts, as_json=as_json)
        return
    target = chosen_target()
    if target is not None:
        from faregate.cli.remote_shelf import balance_there

        balance_there(target, name, nano)
        told: Any = facts
    else:
        query = urlencode({"provider": name, "amount_nano": nano})
        told = _asked("POST", f"/providers/balance?{query}")
    record("providers.balance", "providers", name, after={"left": format_amount(nano)})
    if as_json:
        print_json(told)
    else:
        typer.echo(f"{name} has ${format_amount(nano)} left; calls take from it.")


def _asked(method: str, target: str) -> Any:
    """What the running service answers; raises `FaregateError`."""
    there = chosen_target()
    if there is not None:
        from faregate.cli.remote_shelf import remote_states

        return remote_states(there)
    home = Home.from_environment()
    token = operator_token(home.master_key())
    return Running(lambda: holder(home.run), token).ask(method, target)


# -- views of several workers ----------------------------------------------------------------------


def merge_accounts(views: Iterable[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The accounts as all workers together see them."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for view in views:
        for account in view:
            by_name.setdefault(account["name"], []).append(account)
    merged = []
    for accounts in by_name.values():
        one = {**accounts[0], **_merged(accounts)}
        one["keys"] = _merged_parts(accounts, "keys")
        one["models"] = _merged_parts(accounts, "models")
        one["budgets"] = _merged_budgets([account.get("budgets", []) for account in accounts])
        one["balance"] = _merged_balance([account["balance"] for account in accounts])
        merged.append(one)
    return merged


def _merged_parts(accounts: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    by_name: dict[str, list[dict[str, Any]]] = {}
    for account in accounts:
        for part in account[kind]:
            by_name.setdefault(part["name"], []).append(part)
    return [{**parts[0], **_merged(parts)} for parts in by_name.values()]


def _merged(views: list[dict[str, Any]]) -> dict[str, Any]:
    """The worst state, and the sums of counts."""
    worst = min(views, key=lambda view: _WORST_FIRST.index(view["state"]))
    told: dict[str, Any] = {
        "state": worst["state"],
        "workers_in_trouble": sum(view["state"] != "active" for view in views),
    }
    for name in ("reason", "detail", "until_s"):
        if name in worst:
            told[name] = worst[name]
    for name in _COUNTS:
        told[name] = sum(view[name] for view in views)
    timed = [view for view in views if view.get("ttft_s") is not None]
    if timed:
        weights = [max(view["served"], 1) for view in timed]
        total = sum(view["ttft_s"] * weight for view, weight in zip(timed, weights, strict=True))
        told["ttft_s"] = round(total / sum(weights), 4)
    troubles = [view["last_trouble"] for view in views if "last_trouble" in view]
    if troubles:
        told["last_trouble"] = min(troubles, key=lambda trouble: trouble["ago_s"])
    return told


def _merged_budgets(views: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Each budget as the worker tells it that knows the most of its newest window."""
    by_window: dict[str, list[dict[str, Any]]] = {}
    for budget in (budget for view in views for budget in view):
        by_window.setdefault(budget["window"], []).append(budget)
    return [
        max(budgets, key=lambda budget: (budget["period"], budget["spent_nano"]))
        for budgets in by_window.values()
    ]


def _merged_balance(views: list[dict[str, Any]]) -> dict[str, Any]:
    spent_nano = sum(view["spent_nano"] for view in views)
    known = [view for view in views if view["left_nano"] is not None]
    if not known:
        return {"left_nano": None, "spent_nano": spent_nano}
    newest = min(known, key=lambda view: view["known_ago_s"])
    left_nano = newest["known_nano"] - spent_nano
    per_s = sum(
        view["left_nano"] / view["runs_out_s"]
        for view in known
        if view["runs_out_s"] and view["left_nano"] > 0
    )
    return {
        "left_nano": left_nano,
        "known_nano": newest["known_nano"],
        "known_ago_s": newest["known_ago_s"],
        "spent_nano": spent_nano,
        "runs_out_s": round(max(left_nano, 0) / per_s, 1) if per_s else None,
    }


def account_lines(account: dict[str, Any]) -> list[str]:
    """An account for a person: a line for it, for each key and each model."""
    lines = [f"{account['name']} ({account['vendor']}): {_state(account)}"]
    left = account["balance"]
    if left["left_nano"] is not None:
        soon = left["runs_out_s"]
        lasts = "" if soon is None else f", for {timedelta(seconds=int(soon))} at this rate"
        ago = timedelta(seconds=int(left["known_ago_s"]))
        lines.append(f"  balance ${format_amount(left['left_nano'])}{lasts}; known {ago} ago")
    elif left["spent_nano"]:
        lines.append(f"  spent   ${format_amount(left['spent_nano'])}; balance not known")
    for budget in account["budgets"]:
        spent, amount = format_amount(budget["spent_nano"]), format_amount(budget["amount_nano"])
        renews = timedelta(seconds=int(budget["renews_s"]))
        lines.append(f"  budget  {budget['period']}: ${spent} of ${amount}, anew in {renews}")
    for kind in ("key", "model"):
        lines += [
            f"  {kind:<7} {part['name'] or '-'}: {_state(part)}" for part in account[f"{kind}s"]
        ]
    return lines


def _state(view: dict[str, Any]) -> str:
    told = [view["state"]]
    if view["state"] != "active":
        told[0] += f" ({view['reason']}"
        told[0] += f": {view['detail']})" if view.get("detail") else ")"
        until_s = view["until_s"]
        wait = f"{until_s:.0f} s" if until_s <= _SECONDS_MAX else timedelta(seconds=int(until_s))
        told.append(f"tried again in {wait}")
    told.append(f"{view['served']} served")
    if view["failed"]:
        told.append(f"{view['failed']} failed")
    if view["in_flight"]:
        told.append(f"{view['in_flight']} in flight")
    if view.get("ttft_s") is not None:
        told.append(f"first token after {view['ttft_s']:.2f} s")
    trouble = view.get("last_trouble")
    if trouble is not None and view["state"] == "active":
        ago = timedelta(seconds=int(trouble["ago_s"]))
        told.append(f"last trouble {trouble['kind']} {ago} ago")
    return ", ".join(told)
