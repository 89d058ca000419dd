"""The running service of this machine, by its operations port."""

import http.client
import json
from collections.abc import Callable
from typing import Any, Final

from faregate.core.errors import FaregateError, StorageError

TIMEOUT_S: Final = 5.0


class Running:
    """Asks the supervisor.

    `describe` gives what it says of itself, None where nothing runs.

    `token` is the operator's, for what changes something.
    """

    def __init__(self, describe: Callable[[], dict[str, Any] | None], token: str) -> None:
        self._describe = describe
        self._token = token

    def facts(self) -> dict[str, Any] | None:
        """What the service said of itself when it started.

        None where nothing runs.
        """
        return self._describe()

    def ask(self, method: str, target: str) -> Any:
        """What the running service answers; raises `FaregateError`."""
        address = (self._describe() or {}).get("operations")
        if address is None:
            raise StorageError("the service does not run here", fix="start it: faregate serve")
        connection = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
        fields = {"authorization": f"Bearer {self._token}"} if method == "POST" else {}
        try:
            connection.request(method, target, headers=fields)
            reply = connection.getresponse()
            answer = json.loads(reply.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise StorageError(
                f"the operations port {address} does not answer ({error})",
                fix="'faregate status' shows how the service is",
            ) from error
        finally:
            connection.close()
        if reply.status >= 400:
            told = answer.get("error", reply.reason) if isinstance(answer, dict) else reply.reason
            raise FaregateError(f"the service refused: {told}")
        return answer
