"""Accounts that the environment describes, as parts of a document.

Keys stay in their variables: what is made here refers to them.
"""

import datetime as dt
import re
from collections.abc import Mapping
from functools import cache
from typing import Final

import msgspec

from faregate.configuration import account_rules
from faregate.configuration.document import Document, Model, Provider, called_models
from faregate.configuration.references import expand
from faregate.providers.environment import FoundAccount, find_accounts
from faregate.providers.vendors import VENDORS, resolve_base_url

MODELS_MAX: Final = 5  # of one vendor; all others can be added by name
_PART: Final = re.compile(r"[-_/:@ ]")
_NUMBER: Final = re.compile(r"\d{1,2}(?:\.\d{1,2})?")
_DATED: Final = re.compile(r"\d{4}|\d{2}-\d{2}")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An account that the environment describes, and what became of it.

    `variables` are those that describe it. `models` are served by it. `left_out` says why it is
    not in the document. `key_place` is where its key is, as a difference names it.
    """

    vendor: str
    variables: tuple[str, ...]
    models: tuple[str, ...] = ()
    left_out: str | None = None
    key_place: str | None = None

    def __str__(self) -> str:
        variables = ", ".join(self.variables)
        if self.left_out is not None:
            return f"Found {variables}, and left it alone: {self.left_out}"
        if not self.models:
            return (
                f"Found {variables}: add a model of {self.vendor} with "
                f"'faregate models add NAME --provider {self.vendor}'"
            )
        names = ", ".join(self.models)
        return f"Found {variables}: {names} {'is' if len(self.models) == 1 else 'are'} served"


def with_found(
    document: Document, environment: Mapping[str, str], today: dt.date
) -> tuple[Document, list[Found]]:
    """`document` with the accounts of `environment`, and what was found.

    The document is as it was written. A vendor that it has a provider of stays as it is, and is
    told only where its key is in the same variables. For variables that mostly serve other tools
    nothing is added.
    """
    told = []
    for account in find_accounts(environment):
        provider = _provider(account)
        known = [one for one in document.providers if provider.name in (one.vendor, one.name)]
        if known and [one.api_key for one in known] != [provider.api_key]:
            continue
        reason = _reason(account, provider, environment)
        if not known and reason is None:
            document = msgspec.structs.replace(
                document,
                providers=(*document.providers, provider),
                models=(*document.models, *_models(provider.vendor, document, today)),
            )
        name = known[0].name if known else provider.name
        found = Found(
            vendor=account.vendor,
            variables=account.variables,
            models=tuple(one.name for one in document.models if one.provider == name),
            left_out=reason,
            key_place=f"providers[{name}].api_key" if reason is None else None,
        )
        told.append(found)
    return document, told


def _reason(
    account: FoundAccount, provider: Provider, environment: Mapping[str, str]
) -> str | None:
    """Why an account is not added."""
    if account.general:
        key = ":".join(account.credentials.values())
        return (
            "it serves other tools, too; to use it for models: "
            f"'faregate providers add {provider.name} --key-env {key}'"
        )
    clear, problems = expand(Document(providers=(provider,)), environment)
    wrong = [*problems, *account_rules.check(clear)]
    return wrong[0].message if wrong else None


def _provider(account: FoundAccount) -> Provider:
    vendor = VENDORS[account.vendor]
    parts = [part for part in vendor.key_environment.credentials if part in account.credentials]
    try:
        is_usual = resolve_base_url(vendor, account.options) == account.base_url
    except ValueError:
        is_usual = False
    return Provider(
        name=vendor.name,
        vendor=vendor.name,
        base_url=None if is_usual else account.base_url,
        options=account.options,
        api_key=":".join(f"${{env:{account.credentials[part]}}}" for part in parts) or None,
    )


def _models(vendor: str, document: Document, today: dt.date) -> list[Model]:
    taken = {name for one in called_models(document) for name in (one.name, *one.aliases)}
    models = []
    for name in _some_models(vendor, today):
        free = name if name not in taken else f"{vendor}/{name}"
        if free not in taken and _is_model_name(free):
            taken.add(free)
            models.append(
                Model(
                    name=free,
                    provider=vendor,
                    upstream_model=name if name != free else None,
                )
            )
    return models


def _is_model_name(name: str) -> bool:
    try:
        msgspec.convert({"name": name, "provider": "p"}, Model)
    except msgspec.ValidationError:
        return False
    return True


@cache
def _some_models(vendor: str, today: dt.date) -> tuple[str, ...]:
    """The row's cheap model, then the newest that can use tools."""
    from faregate.catalogue.library import Library  # here: its prices take long to load

    test_model = VENDORS[vendor].test_model
    seen = set() if test_model is None else {test_model.lower()}
    newest = []
    for facts in Library().search(vendor=vendor, can=("generate", "tools"), on=today):
        name = facts.model
        if (
            name.lower() not in seen
            and facts.prices
            and not facts.deprecated
            and facts.retires_on is None
            and facts.outputs in ((), ("text",))
            and not _DATED.search(name)
            and "preview" not in name
        ):
            seen.add(name.lower())
            newest.append(name)
    newest.sort(key=lambda name: ([-one for one in _version(name)], len(name), name))
    return tuple(([test_model] if test_model else []) + newest)[:MODELS_MAX]


def _version(name: str) -> list[float]:
    """The numbers of a name's version: of claude-opus-4-5 four and five."""
    numbers = [float(part) for part in _PART.split(name) if _NUMBER.fullmatch(part)]
    return [*numbers, 0.0, 0.0, 0.0][:3]
