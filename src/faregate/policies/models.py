"""Whether a call's key may use the model it asks for. Fails closed."""

from typing import Protocol

from faregate.catalogue.models import Catalogue, Offer
from faregate.core.refusals import Fix, Refusal, refuse
from faregate.identity.keys import KeyRecord


class CallWithModel(Protocol):
    """What this policy reads of a call, and the one thing that it sets."""

    key: KeyRecord | None
    model_asked: str
    offer: Offer | None


class ModelCheck:
    """The step that sets `call.offer`, or refuses with 403 or 404."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def __call__(self, call: CallWithModel) -> Refusal | None:
        """Find the model, if this key may know of it."""
        name = call.model_asked
        allowed = call.key.models if call.key is not None else frozenset()
        offer = self._catalogue.find(name)
        if offer is not None and (allowed is None or self._catalogue.permits(name, allowed)):
            call.offer = offer
            return None
        # A name that exists and one that doesn't look the same to a key that may use neither.
        if offer is None and allowed is None:
            return self._unknown(name)
        return self._not_allowed(name, allowed)

    def _unknown(self, name: str) -> Refusal:
        detail = f"There is no model {_shown(name)} here."
        return refuse("model_unknown", detail, param="model", scope="model", fixes=self._near(name))

    def _not_allowed(self, name: str, allowed: frozenset[str] | None) -> Refusal:
        detail = f"This key may not use a model {_shown(name)}."
        fixes = self._near(name, allowed)
        return refuse("model_not_allowed", detail, param="model", scope="key", fixes=fixes)

    def _near(self, name: str, allowed: frozenset[str] | None = None) -> tuple[Fix, ...]:
        near = self._catalogue.nearest(name[:200], allowed)
        if not near:
            return ()
        names = " or ".join(f"'{each}'" for each in near)
        return (Fix(f"Did you mean {names}?"), Fix("GET /v1/models lists what this key may use."))


def _shown(name: str) -> str:
    return f"'{name[:100]}'" + ("..." if len(name) > 100 else "")
