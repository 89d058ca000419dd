"""The Python client: typed refusals for callers, and the management API.

For programs that call models with any vendor's SDK: `Refusal`, `what_to_do`, `ways_out`,
`call_with_patience` and `credit`. For programs that manage an installation: `Client` and
`AsyncClient`, with the requests that `faregate.client.operations` makes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from faregate.client.decisions import Ask as Ask
from faregate.client.decisions import Decision as Decision
from faregate.client.decisions import Identify as Identify
from faregate.client.decisions import Lower as Lower
from faregate.client.decisions import Mend as Mend
from faregate.client.decisions import Pay as Pay
from faregate.client.decisions import Wait as Wait
from faregate.client.decisions import ways_out as ways_out
from faregate.client.decisions import what_to_do as what_to_do
from faregate.client.patience import Patience as Patience
from faregate.client.patience import call_with_patience as call_with_patience
from faregate.client.patience import call_with_patience_async as call_with_patience_async
from faregate.client.problems import Problem as Problem
from faregate.client.problems import ProblemError as ProblemError
from faregate.client.problems import UnreachableError as UnreachableError
from faregate.client.refusals import Refusal as Refusal

if TYPE_CHECKING:
    from faregate.client.allowances import Credit as Credit
    from faregate.client.allowances import RefusedError as RefusedError
    from faregate.client.allowances import credit as credit
    from faregate.client.allowances import credit_async as credit_async
    from faregate.client.management import AsyncClient as AsyncClient
    from faregate.client.management import Client as Client
    from faregate.client.requests import Answer as Answer
    from faregate.client.requests import Page as Page
    from faregate.client.requests import Request as Request

# Loaded when first asked for: who only reads refusals needs no HTTP library.
_PLACES: Final = {
    **dict.fromkeys(("Credit", "RefusedError", "credit", "credit_async"), "allowances"),
    **dict.fromkeys(("AsyncClient", "Client"), "management"),
    **dict.fromkeys(("Answer", "Page", "Request"), "requests"),
}


def __getattr__(name: str) -> Any:
    """What needs the HTTP library."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = found
    return found
