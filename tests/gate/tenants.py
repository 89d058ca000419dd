"""A gate of an organisation with two teams; all that is support's is called "dark" something."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.gate.accounts import Answering, provider
from tests.gate.running import Place, Reply, running, upstream

from faregate.core.money import NANO

CANARY = "dark"
RATES = {"input": "1", "output": "2"}
MODELS: dict[str, tuple[str, str | None]] = {
    "gpt": ("open", None),
    "rare": ("ours", None),
    "sales/small": ("sales/own", "sales"),
    "sales/gpt": ("sales/own", "sales"),
    "support/dark-model": ("support/dark-own", "support"),
}


def _document(url: str) -> dict[str, Any]:
    owned = {"team": "support"}
    return {
        "settings": {"routing": {"attempts_header": "all"}, "limits": {"headers": "both"}},
        "teams": [
            {"name": "sales", "wallet": "common"},
            {"name": "support", "wallet": "support/dark-purse",
             "settings": {"models": [], "top_up_url": "https://dark.test/pay"}},
            {"name": "lab", "settings": {"models": ["gpt"], "unsupported": "drop",
             "top_up_url": "https://lab.test/pay", "limit_headers": "openai"}},
        ],
        "providers": [
            provider("open", url, "openai"),
            provider("ours", url, "openai", shared_with=["sales"]),
            provider("sales/own", url, "openai", team="sales"),
            provider("support/dark-own", url, "openai", **owned),
        ],
        "models": [
            {"name": name, "provider": account, "upstream_model": "up", "team": team}
            for name, (account, team) in MODELS.items()
        ],
        "virtual_models": [
            {"name": "mixed", "targets": [{"model": "gpt"}, {"model": "rare"}]},
            {"name": "sales/best", "team": "sales",
             "targets": [{"model": "sales/small"}, {"model": "gpt"}]},
            {"name": "support/dark-any", "targets": [{"model": "support/dark-model"}], **owned},
        ],
        "wallets": [{"name": "common"}, {"name": "support/dark-purse", **owned}],
        "applications": [
            {"name": "sales/shop", "team": "sales"},
            {"name": "support/dark-desk", "wallet": "support/dark-purse", **owned},
            {"name": "lab/bench", "team": "lab", "wallet": "common"},
            {"name": "app", "wallet": "common"},
        ],
        "prices": [{"model": name, **RATES} for name in MODELS],
        "limits": [
            {"name": "everybody", "each": "key", "max": 1_000, "per": "minute"},
            {"name": "sales/few", "team": "sales", "each": "team", "max": 900, "per": "minute"},
            {"name": "support/dark-limit", "each": "team", "max": 1, "per": "minute", **owned},
        ],
        "budgets": [
            {"name": "sales/monthly", "team": "sales", "each": "team", "amount": "50"},
            {"name": "support/dark-budget", "each": "key", "amount": "0.000000001", **owned},
        ],
    }  # fmt: skip


@dataclass
class Teams:
    """The gate, what stands behind it, and a key of each team; "app" is the organisation's."""

    place: Place
    answering: Answering
    keys: dict[str, str]

    async def post(
        self, team: str, body: Any, path: str = "/v1/chat/completions", **more: str
    ) -> Reply:
        async with self.place.client(self.keys[team]) as client:
            return await client.post(body, path, **more)

    async def get(self, team: str, path: str, **more: str) -> Reply:
        async with self.place.client(self.keys[team]) as client:
            return await client.get(path, **more)

    def only(self, team: str, *models: str) -> str:
        """Another key of the team, for these models; its name in `keys`."""
        name = f"{team}-{'-'.join(models)}"
        application = {"sales": "sales/shop", "app": "app"}[team]
        self.keys[name] = self.place.source.add_key(
            name, models=frozenset(models), application=application
        )
        return name


@asynccontextmanager
async def two_teams(scripts: dict[str, tuple[int, Any]] | None = None) -> AsyncIterator[Teams]:
    """The gate with a key of each team and of the organisation."""
    answering = Answering(scripts)
    async with (
        upstream(answering) as url,
        running(url, commerce=_document(url)) as place,
    ):
        place.ledger.grant("common", 90 * NANO)
        place.ledger.grant("support/dark-purse", 90 * NANO)
        add = place.source.add_key
        keys = {
            "app": place.key,
            "sales": add("sales/web", application="sales/shop"),
            "support": add("support/dark-key", application="support/dark-desk"),
            "lab": add("lab/key", application="lab/bench"),
        }
        yield Teams(place, answering, keys)
