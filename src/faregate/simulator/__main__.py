"""`python -m faregate.simulator`: a child of tests and benchmarks.

Writes one line of JSON, {"port": ...}, and ends with its standard input. People use
`faregate simulate`.
"""

import argparse
import json
import sys

from faregate.core.errors import FaregateError
from faregate.simulator.service import HOST, Simulator, run_event_loop, serve_until_stopped


def _announce(simulator: Simulator) -> None:
    print(json.dumps({"port": simulator.port}), flush=True)


def main() -> int:
    """Serve; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m faregate.simulator")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--key")
    parser.add_argument("--script", default="")
    given = parser.parse_args()
    try:
        simulator = Simulator(key=given.key, script=given.script)
        run_event_loop(
            serve_until_stopped(
                simulator, given.port, given.host, announce=_announce, parent=sys.stdin.fileno()
            )
        )
    except FaregateError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
