"""The kinds of items that the configuration has, as one table.

Paths, operations, bodies, replies, filters and tests over all kinds come from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from faregate.configuration.commerce import (
    Application,
    Budget,
    Limit,
    Plan,
    Price,
    Team,
    Wallet,
)
from faregate.configuration.document import Document, Model, Provider, VirtualModel
from faregate.configuration.problems import label
from faregate.configuration.settings import Section
from faregate.configuration.single_sign_on import SingleSignOn
from faregate.configuration.tenancy import OWNED_PARTS

Sight = Literal["owner", "own", "used", "nothing"]


@dataclass(frozen=True)
class Kind:
    """One kind of item.

    `field` is its list in the document; who may read or write it holds `resource`.read or .write.
    `sight` is what a team sees of it: "owner" what says `team: it`, "own" the item that the team
    itself is, "used" what its calls may meet, "nothing" none of it. `filters` are fields, each a
    parameter of lists.
    """

    field: str
    type: type[Section]
    resource: str
    sight: Sight
    filters: tuple[str, ...]
    sortable: tuple[str, ...]
    example: Mapping[str, Any]

    @property
    def path(self) -> str:
        """As in paths: virtual-models."""
        return self.field.replace("_", "-")

    @property
    def plural(self) -> str:
        """As people say: virtual models."""
        return self.field.replace("_", " ")

    @property
    def noun(self) -> str:
        """One of them: virtual model."""
        return self.plural.removesuffix("s")

    @property
    def title(self) -> str:
        """As a heading: Virtual models."""
        return self.plural.capitalize()

    @property
    def read(self) -> str:
        """Permission to see them."""
        return f"{self.resource}.read"

    @property
    def write(self) -> str:
        """Permission to change them."""
        return f"{self.resource}.write"

    @property
    def is_owned(self) -> bool:
        """Whether a team may own one."""
        return self.sight == "owner"

    def items(self, document: Document) -> tuple[Any, ...]:
        """Those of a document."""
        found: tuple[Any, ...] = getattr(document, self.field)
        return found


def name_of(item: Any) -> str:
    """What an item goes by: its name; a price's model, and when it begins."""
    name = getattr(item, "name", None)
    if isinstance(name, str):
        return name
    said = {"model": item.model, "from_time": item.from_time}
    return label(said) or ""


def team_of(item: Any) -> str | None:
    """The team that owns an item."""
    team: str | None = getattr(item, "team", None)
    return team


def _kind(
    type_: type[Section],
    field: str,
    example: Mapping[str, Any],
    filters: tuple[str, ...] = (),
    *,
    resource: str | None = None,
    sight: Sight | None = None,
    sortable: tuple[str, ...] = (),
) -> Kind:
    owned = field in OWNED_PARTS
    return Kind(
        field=field,
        type=type_,
        resource=resource or field,
        sight=sight or ("owner" if owned else "used"),
        filters=filters,
        sortable=("name", *(("team",) if owned else ()), *sortable),
        example=MappingProxyType(dict(example)),
    )


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        kind.field: kind
        for kind in (
            _kind(
                Team,
                "teams",
                {"name": "research", "settings": {"unsupported": "drop"}},
                ("wallet",),
                sight="own",
                sortable=("wallet",),
            ),
            _kind(
                Application,
                "applications",
                {"name": "shop", "team": "sales", "wallet": "sales/main", "plan": "pro"},
                ("plan", "wallet"),
                sortable=("plan", "wallet"),
            ),
            _kind(
                Provider,
                "providers",
                {
                    "name": "anthropic",
                    "team": "sales",
                    "vendor": "anthropic",
                    "api_key": "sk-ant-example",
                },
                ("vendor", "tags"),
                sortable=("vendor",),
            ),
            _kind(
                Model,
                "models",
                {"name": "gpt-5-mini", "team": "sales", "provider": "sales/own"},
                ("provider",),
                sortable=("provider",),
            ),
            _kind(
                VirtualModel,
                "virtual_models",
                {"name": "best", "team": "sales", "targets": [{"model": "gpt-5"}]},
                ("strategy",),
                resource="models",
                sortable=("strategy",),
            ),
            _kind(
                Wallet,
                "wallets",
                {"name": "spare", "team": "sales"},
            ),
            _kind(
                Price,
                "prices",
                {
                    "model": "gpt-5",
                    "from_time": "2030-01-01T00:00:00Z",
                    "input": "1.25",
                    "output": "10",
                },
                ("model",),
                sortable=("model", "from_time"),
            ),
            _kind(
                Plan,
                "plans",
                {"name": "starter", "markup": "1.2"},
                ("fit",),
                sortable=("fit",),
            ),
            _kind(
                Limit,
                "limits",
                {"name": "hourly", "team": "sales", "each": "key", "max": 1000, "per": "hour"},
                ("each", "unit"),
                sortable=("each", "unit", "max"),
            ),
            _kind(
                Budget,
                "budgets",
                {
                    "name": "monthly",
                    "team": "sales",
                    "each": "application",
                    "amount": "500",
                    "window": "month",
                },
                ("each", "window"),
                sortable=("each", "window"),
            ),
            _kind(
                SingleSignOn,
                "identity_providers",
                {
                    "name": "corp",
                    "issuer": "https://login.example.com",
                    "client_id": "faregate",
                    "client_secret": "a-secret-of-the-provider",
                    "roles": [{"group": "staff", "role": "auditor"}],
                },
                ("issuer",),
                resource="sso",
                sight="nothing",
                sortable=("issuer",),
            ),
        )
    }
)
"""All kinds, by the document's field."""
