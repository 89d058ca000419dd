"""Whether a call's key may use the model it asks for. Fails closed."""

from typing import Protocol

from faregate.catalogue.models import Offer
from faregate.core.refusals import Fix, Refusal, refuse
from faregate.identity.keys import KeyRecord
from faregate.policies.tenants import Tenants


class CallWithModel(Protocol):
    """What this policy reads of a call, and the one thing that it sets."""

    key: KeyRecord | None
    model_asked: str
    offer: Offer | None


class ModelCheck:
    """The step that sets `call.offer`, or refuses with 403 or 404.

    A name that exists and one that doesn't look the same to a key that may use neither; another
    team's model is one that doesn't exist.
    """

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    def __call__(self, call: CallWithModel) -> Refusal | None:
        """Find the model, if this key may know of it."""
        key, name = call.key, call.model_asked
        allowed = key.models if key is not None else frozenset()
        offer = self._tenants.scope(key).find(name, allowed)
        if offer is not None:
            call.offer = offer
            return None
        if allowed is None:
            detail = f"There is no model {_shown(name)} here."
            fixes = self._near(key, name, allowed)
            return refuse("model_unknown", detail, param="model", scope="model", fixes=fixes)
        detail = f"This key may not use a model {_shown(name)}."
        fixes = self._near(key, name, allowed)
        return refuse("model_not_allowed", detail, param="model", scope="key", fixes=fixes)

    def _near(
        self, key: KeyRecord | None, name: str, allowed: frozenset[str] | None
    ) -> tuple[Fix, ...]:
        near = self._tenants.scope(key).nearest(name[:200], allowed)
        if not near:
            return ()
        names = " or ".join(f"'{each}'" for each in near)
        return (Fix(f"Did you mean {names}?"), Fix("GET /v1/models lists what this key may use."))


def _shown(name: str) -> str:
    return f"'{name[:100]}'" + ("..." if len(name) > 100 else "")
