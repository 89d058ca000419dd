"""A stand-in for a gate, a clerk or a model: speaks the control channel, answers with its pid.

Its behaviour is the first argument: "works", "dies" (at its start), "stubborn" (ignores drain
and SIGTERM), "slow" (drains for `STAND_IN_DRAIN_S` seconds).
"""

import json
import os
import signal
import socket
import sys
import threading
import time


def option(name: str) -> int | None:
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else None


def answer_with_pid(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.sendall(f"{os.getpid()}\n".encode())


def main() -> None:
    behaviour = sys.argv[1]
    if behaviour == "dies":
        sys.exit(3)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if behaviour == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    control = socket.socket(fileno=option("--control-fd"))
    listen_fd = option("--listen-fd")
    if listen_fd is not None:
        listener = socket.socket(fileno=listen_fd)
        listener.setblocking(True)
        threading.Thread(target=answer_with_pid, args=(listener,), daemon=True).start()
    converse(control, behaviour)


def converse(control: socket.socket, behaviour: str) -> None:
    def say(**message) -> None:
        control.sendall(json.dumps(message).encode() + b"\n")

    reloads, heard = 0, []
    say(type="ready")
    if option("--listen-fd") is None and "STAND_IN_SPENT" in os.environ:
        say(type="spent", data=json.loads(os.environ["STAND_IN_SPENT"]))
    for line in control.makefile("rb"):
        kind = json.loads(line)["type"]
        if kind == "reload":
            reloads += 1
        elif kind == "providers":
            say(type="providers", data={"accounts": heard, "routes": []})
        elif kind in ("reset", "balances", "spent"):
            heard.append([kind, json.loads(line)["data"]])
        elif kind == "metrics":
            counters = {"faregate_stream_events_total": [[[], 5 + reloads]]}
            gauges = {"faregate_configuration_revision": [[[], 7]]}
            say(type="metrics", data={"counters": counters, "gauges": gauges})
        elif kind == "drain" and behaviour != "stubborn":
            if behaviour == "slow":
                time.sleep(float(os.environ["STAND_IN_DRAIN_S"]))
            say(type="drained")
            os._exit(0)
    os._exit(0)


main()
