"""An installation with two teams, and at least one item of every kind in each place."""

from typing import Any

import msgspec

from faregate.configuration.document import Document

ORGANISATION: dict[str, str] = {
    "applications": "portal",
    "providers": "openai",
    "models": "gpt-5",
    "virtual_models": "smart",
    "wallets": "main",
    "prices": "gpt-5",
    "plans": "pro",
    "limits": "fair",
    "budgets": "cap",
    "teams": "sales",
    "identity_providers": "staff",
}
"""An item of each kind in the organisation, by name."""

OWN: dict[str, str] = {
    "applications": "site",
    "providers": "own",
    "models": "gpt-4",
    "virtual_models": "quick",
    "wallets": "main",
    "limits": "burst",
    "budgets": "year",
}
"""An item of each kind that a team may own, by its local name, in each team."""


def document() -> Document:
    """The configuration."""
    tree: dict[str, Any] = {
        "teams": [{"name": "sales", "wallet": "sales/main"}, {"name": "support"}],
        "plans": [{"name": "pro", "markup": "1.5"}, {"name": "unused"}],
        "wallets": [{"name": "main"}],
        "providers": [{"name": "openai", "base_url": "http://127.0.0.1:9/v1"}],
        "models": [
            {"name": "gpt-5", "provider": "openai"},
            {"name": "gpt-5-pro", "provider": "openai"},
        ],
        "virtual_models": [{"name": "smart", "targets": [{"model": "gpt-5"}]}],
        "applications": [{"name": "portal", "wallet": "main", "plan": "pro"}],
        "prices": [{"model": "gpt-5", "input": "1.25", "output": "10"}],
        "limits": [{"name": "fair", "each": "key", "max": 100, "per": "minute"}],
        "budgets": [{"name": "cap", "each": "key", "amount": "10", "window": "month"}],
    }
    tree["identity_providers"] = [
        {"name": name, "issuer": f"https://{name}.example.com", "client_id": "faregate"}
        for name in ("staff", "partners")
    ]
    for team in ("sales", "support"):
        own = {"team": team}
        tree["wallets"].append({"name": f"{team}/main", **own})
        tree["providers"].append(
            {"name": f"{team}/own", "base_url": "http://127.0.0.1:9/v1", **own}
        )
        tree["models"].append({"name": f"{team}/gpt-4", "provider": f"{team}/own", **own})
        tree["virtual_models"].append(
            {"name": f"{team}/quick", "targets": [{"model": f"{team}/gpt-4"}], **own}
        )
        tree["applications"].append({"name": f"{team}/site", "plan": "pro", **own})
        tree["limits"].append(
            {"name": f"{team}/burst", "each": "key", "max": 5, "per": "second", **own}
        )
        tree["budgets"].append({"name": f"{team}/year", "each": "team", "amount": "99", **own})
    tree["prices"] += [
        {"model": "gpt-5-pro", "input": "15", "output": "120"},
        {"model": "sales/gpt-4", "input": "1", "output": "2"},
        {"model": "support/gpt-4", "input": "1", "output": "2"},
    ]
    return msgspec.convert(tree, Document)
