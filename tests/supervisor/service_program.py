"""A whole service of stand-ins as a process: prints its ports, then serves until a signal.

Arguments: the behaviour of gates, their number, the drain timeout in seconds.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from faregate.core.errors import FaregateError
from faregate.identity.keys import hash_key
from faregate.identity.operator import operator_token
from faregate.supervisor.child import ChildPlan
from faregate.supervisor.log import EventLog
from faregate.supervisor.service import Service, ServicePlan
from faregate.supervisor.sockets import listen, listen_shared

# The token of an operator whose master key is zeros.
TOKEN = operator_token(bytes(32))
STAND_IN = (sys.executable, str(Path(__file__).with_name("stand_in.py")))


async def main(behaviour: str, workers: int, drain_timeout_s: float) -> None:
    gates = listen_shared("127.0.0.1", 0, workers, variable="FAREGATE_PORT")
    operations = listen("127.0.0.1", 0, variable="FAREGATE_OPERATIONS_PORT")
    port = gates[0].getsockname()[1]
    children = [
        *(ChildPlan("gate", (*STAND_IN, behaviour), i, sock) for i, sock in enumerate(gates)),
        ChildPlan("clerk", (*STAND_IN, "works")),
    ]
    facts = {"pid": os.getpid(), "port": port, "operations": operations.getsockname()[1]}
    told = {"url": f"http://:{port}"}
    plan = ServicePlan(children, operations, drain_timeout_s, told, hash_key(TOKEN))
    print(json.dumps(facts), flush=True)
    service = Service(plan, EventLog())
    await service.run(on_ready=lambda: print("ready", flush=True))


try:
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
except FaregateError as error:
    print(f"error: {error.message}", file=sys.stderr)
    sys.exit(1)
