"""A call told to a program: values by name, dollars as decimal strings."""

from typing import Any

import msgspec

from faregate.calllog.frames import CallRecord, Charge
from faregate.core.findings import Finding
from faregate.core.money import CURRENCY, format_amount
from faregate.ledger.purses import holds_money


def call_facts(record: CallRecord) -> dict[str, Any]:
    """All that is known of a call, for JSON; what isn't known is left out."""
    facts: dict[str, Any] = msgspec.to_builtins(record)
    if record.usage is not None:
        facts["usage"] = _known(record.usage)
    if record.attempts:
        facts["attempts"] = [_known(attempt) for attempt in record.attempts]
        if record.charge is not None and record.charge.cost_nano is not None:
            # What failed before a reply began costs nothing; the one that served cost all of it.
            facts["attempts"][-1]["cost"] = format_amount(record.charge.cost_nano)
    if record.charge is not None:
        facts["charge"] = charge_facts(record.charge)
    if record.decision is not None:
        facts["decision"] = [finding_facts(finding) for finding in record.decision]
    return facts


def charge_facts(charge: Charge) -> dict[str, Any]:
    """What a call moved; of a purse, dollars as a string or a whole number."""
    return {
        "amount": format_amount(charge.charge_nano),
        "cost": None if charge.cost_nano is None else format_amount(charge.cost_nano),
        "shortfall": format_amount(charge.shortfall_nano),
        "currency": CURRENCY,
        "basis": charge.basis,
        "wallet": charge.wallet or None,
        "purses": [
            {"purse": purse_id, "used": format_amount(used) if holds_money(purse_id) else used}
            for purse_id, used in zip(charge.purses, charge.used, strict=False)
        ],
    }


def finding_facts(finding: Finding) -> dict[str, Any]:
    """What one step said."""
    return msgspec.structs.asdict(finding) | {"numbers": dict(finding.numbers)}


def _known(part: msgspec.Struct) -> dict[str, Any]:
    facts = msgspec.structs.asdict(part)
    return {name: value for name, value in facts.items() if value is not None}
