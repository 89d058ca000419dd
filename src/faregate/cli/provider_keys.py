"""faregate providers keys: several keys of one provider."""

import sys
from collections.abc import Callable
from typing import Annotated

import msgspec
import typer

from faregate.cli.output import DryRunOption, JsonOption, print_json, print_preview, print_table
from faregate.cli.session import actor, checked_name, opened
from faregate.configuration.accounts import SOLE_KEY, account_keys
from faregate.configuration.document import Document, Provider, ProviderKey
from faregate.configuration.references import is_sealed
from faregate.core.errors import FaregateError

app = typer.Typer(
    name="keys",
    help="Add, list and remove keys of a provider that has several.",
    no_args_is_help=True,
)

_Change = Callable[[Provider], Provider]
ProviderArgument = Annotated[str, typer.Argument(help="The provider's name.")]
KeyEnvOption = Annotated[
    str | None,
    typer.Option(
        help="Environment variable with the key, read now; a key of several parts is in several, "
        "with colons between them.",
    ),
]
KeyStdinOption = Annotated[
    bool, typer.Option("--key-stdin", help="Read the key from stdin, or ask for it.")
]


@app.command()
def add(
    provider: ProviderArgument,
    name: Annotated[str, typer.Argument(help="The key's name within the provider.")],
    key_env: KeyEnvOption = None,
    key_stdin: KeyStdinOption = False,
    weight: Annotated[
        int, typer.Option(min=1, help="Share of the calls, beside the other keys' weights.")
    ] = 1,
    replace: Annotated[
        bool, typer.Option("--replace", help="Change the key of this name, if there is one.")
    ] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add one more key to a provider; it is kept sealed, and never shown.

    Example: faregate providers keys add openai second --key-env OPENAI_SECOND_KEY
    """
    checked_name(name)
    place = f"providers[{provider}].keys[{name}].secret"
    text = given_key(f"{provider}, {name}", key_env, from_stdin=key_stdin)
    if text is None:
        raise FaregateError("the key is missing", fix="give --key-env VARIABLE or --key-stdin")
    with opened() as installation:
        revisions = installation.revisions
        secret = text if key_env else revisions.seal(text, place)
        key = ProviderKey(name=name, secret=secret, weight=weight)

        def with_key(document: Document) -> Document:
            return _changed(document, provider, _with(key, replace=replace))

        if dry_run:
            told = revisions.preview_edit(with_key, renewed=frozenset({place}))
            print_preview(*told, as_json=as_json)
            return
        number = revisions.edit(
            with_key,
            actor(),
            f"added the key {name} of the provider {provider}",
            renewed=frozenset({place}),
        )
    if as_json:
        print_json({"revision": number, "provider": provider, "key": name})
    else:
        typer.echo(f"Added the key {name} to {provider}; revision {number} is in force.")


@app.command("list")
def list_command(provider: ProviderArgument, as_json: JsonOption = False) -> None:
    """List a provider's keys and where they are from; they are never shown.

    Example: faregate providers keys list openai
    """
    with opened() as installation:
        document = installation.revisions.written()[1]
    keys = account_keys(find_provider(document, provider))
    facts = [{"name": key.name, "key": key_kind(key.secret), "weight": key.weight} for key in keys]
    if as_json:
        print_json(facts)
    elif not facts:
        typer.echo(f"{provider} has no keys; 'faregate providers keys add' adds one.")
    else:
        print_table(
            ("NAME", "KEY", "WEIGHT"),
            [(key.name, key_kind(key.secret), str(key.weight)) for key in keys],
        )


@app.command()
def remove(
    provider: ProviderArgument,
    name: Annotated[str, typer.Argument(help=f"The key's name; {SOLE_KEY}: that of api_key.")],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a key of a provider; calls in flight finish with it.

    Example: faregate providers keys remove openai second
    """

    def change(found: Provider) -> Provider:
        if name == SOLE_KEY and found.api_key is not None:
            return msgspec.structs.replace(found, api_key=None)
        kept = tuple(key for key in found.keys if key.name != name)
        if len(kept) == len(found.keys):
            raise FaregateError(
                f"{provider} has no key {name!r}",
                fix=f"'faregate providers keys list {provider}' shows its keys",
            )
        return msgspec.structs.replace(found, keys=kept)

    def without_key(document: Document) -> Document:
        return _changed(document, provider, change)

    with opened() as installation:
        if dry_run:
            print_preview(*installation.revisions.preview_edit(without_key), as_json=as_json)
            return
        number = installation.revisions.edit(
            without_key,
            actor(),
            f"removed the key {name} of the provider {provider}",
        )
    if as_json:
        print_json({"revision": number, "provider": provider, "removed": name})
    else:
        typer.echo(f"Removed the key {name} of {provider}; revision {number} is in force.")


def given_key(whose: str, variables: str | None, *, from_stdin: bool) -> str | None:
    """The key that the command line gives; None where it gives none.

    It is references to variables, or the key itself.
    """
    if variables and from_stdin:
        raise FaregateError("the key is given twice", fix="give --key-env or --key-stdin, not both")
    if variables:
        return ":".join(f"${{env:{name}}}" for name in variables.split(":"))
    if not from_stdin:
        return None
    if sys.stdin.isatty():
        secret: str = typer.prompt(f"Key of {whose}", hide_input=True, err=True)
    else:
        secret = sys.stdin.readline()
    secret = secret.strip()
    if not secret:
        raise FaregateError("no key came from stdin", fix="pipe the key in, on one line")
    return secret


def find_provider(document: Document, name: str) -> Provider:
    """The provider of this name; raises `FaregateError` where there is none."""
    for provider in document.providers:
        if provider.name == name:
            return provider
    raise FaregateError(
        f"there is no provider {name!r}", fix="'faregate providers list' shows the providers"
    )


def key_kind(secret: str) -> str:
    """Where a key is from, for people."""
    return "sealed" if is_sealed(secret) else secret


def _with(key: ProviderKey, *, replace: bool) -> _Change:
    def change(found: Provider) -> Provider:
        if all(one.name != key.name for one in found.keys):
            return msgspec.structs.replace(found, keys=(*found.keys, key))
        if not replace:
            raise FaregateError(
                f"{found.name} has a key {key.name!r} already",
                fix="choose another name, or give --replace",
            )
        keys = tuple(key if one.name == key.name else one for one in found.keys)
        return msgspec.structs.replace(found, keys=keys)

    return change


def _changed(document: Document, name: str, change: _Change) -> Document:
    changed = change(find_provider(document, name))
    return msgspec.structs.replace(
        document,
        providers=tuple(changed if one.name == name else one for one in document.providers),
    )
