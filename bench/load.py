"""Full load with wrk, and what the gateway's core did meanwhile."""

import http.client
import json
import os
import subprocess
import time
from dataclasses import dataclass

import calls
import machine
import processes
from calls import Kind
from processes import Candidate
from unavailable import Unavailable
from vendor import EVENTS_PER_CALL

CONNECTIONS = 64
TOO_MANY_REQUESTS = 429
# Before a limit is said not to be used up; each may wait for the end of a window.
_USE_UP_CALLS_MAX = 6
# Of a refusal beyond the load: for starting it and stopping.
_SPARE_SECONDS = 3

_SCRIPT = """-- Written by bench/load.py: cycles over whole requests.
local requests = {{
{requests}
}}
local at = 0
function request()
  at = at + 1
  if at > #requests then at = 1 end
  return requests[at]
end
function done(summary, latency, calls)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d\\n", summary.requests, summary.duration,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass(frozen=True)
class Round:
    """One measured stretch of load on one candidate."""

    answered: int
    seconds: float
    cpu_us_per_call: float
    clerk_us_per_call: float
    # Parts of the time, 0 to 1: the gateway's own CPU time, its core, the load's core.
    gateway_share: float
    gateway_core_share: float
    load_core_share: float

    @property
    def calls_per_second(self) -> float:
        """Calls answered in a second."""
        return self.answered / self.seconds


def check(candidate: Candidate, kind: Kind) -> None:
    """Make one call, and see that its answer is the right one before it is counted."""
    use_up(candidate, kind, seconds=0)
    _check_answer(candidate, kind, *_one_call(candidate, kind)[:2])


def use_up(candidate: Candidate, kind: Kind, seconds: int) -> None:
    """Make the calls after which `kind` is refused for `seconds`."""
    if kind.status != TOO_MANY_REQUESTS:
        return
    for _ in range(_USE_UP_CALLS_MAX):
        status, content, retry_after = _one_call(candidate, kind)
        if status == TOO_MANY_REQUESTS and int(retry_after or 0) > seconds + _SPARE_SECONDS:
            return
        if status == TOO_MANY_REQUESTS and retry_after:
            time.sleep(int(retry_after))
        elif status != 200:
            _check_answer(candidate, kind, status, content)
    raise Unavailable(f"{candidate.name}, {kind.name}: the limit isn't used up by calls")


def _one_call(candidate: Candidate, kind: Kind) -> tuple[int, bytes, str | None]:
    """Status, body and Retry-After of the first variant."""
    port = candidate.stream_port if kind.stream else candidate.port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    head, _, body = _requests(candidate, kind)[0].partition(b"\r\n\r\n")
    lines = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    headers = {name: value for name, value in lines if name != "Accept-Encoding"}
    try:
        connection.request("POST", "/v1/chat/completions", body, headers)
        reply = connection.getresponse()
        content = reply.read()
        if reply.status == 200:
            candidate.served.calls += 1
        return reply.status, content, reply.headers["Retry-After"]
    except OSError as error:
        raise Unavailable(f"{candidate.name}, {kind.name}: {error}") from error
    finally:
        connection.close()


def _check_answer(candidate: Candidate, kind: Kind, status: int, content: bytes) -> None:
    if status != kind.status:
        raise Unavailable(
            f"{candidate.name}, {kind.name}: status {status} where {kind.status} is right: "
            f"{content[:200].decode(errors='replace')}"
        )
    right = "error" in json.loads(content) if kind.status != 200 else _words(kind, content) > 5
    if not right:
        raise Unavailable(f"{candidate.name}, {kind.name}: not the answer that was expected")


def _words(kind: Kind, content: bytes) -> int:
    """Words of text in a whole answer or a stream of OpenAI's format; 0 where it isn't one."""
    try:
        if not kind.stream:
            return len(json.loads(content)["choices"][0]["message"]["content"].split())
        events = content.decode().split("\n\n")
        *lines, end = [event.removeprefix("data: ") for event in events if event[:5] == "data:"]
        chunks = [json.loads(line) for line in lines]
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    except (ValueError, LookupError):
        return 0
    # A word an event: a translated stream has as many as that of the vendor.
    words = sum(bool(delta.get("content")) for delta in deltas)
    return words if end == "[DONE]" and words >= EVENTS_PER_CALL - 2 else 0


def _requests(candidate: Candidate, kind: Kind) -> tuple[bytes, ...]:
    port = candidate.stream_port if kind.stream else candidate.port
    key = candidate.key_of(kind.caller)
    return calls.requests(kind, port, key, candidate.more_headers)


def full_load(candidate: Candidate, kind: Kind, seconds: int) -> Round:
    """Keep 64 connections of `candidate` busy for `seconds`."""
    wrk = processes.needed("wrk", "wrk")
    script = processes.RUN / f"{candidate.name}-{kind.name}.lua"
    quoted = ",\n".join(json.dumps(item.decode()) for item in _requests(candidate, kind))
    script.write_text(_SCRIPT.format(requests=quoted))
    port = candidate.stream_port if kind.stream else candidate.port
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s"]
    command += ["-s", str(script), f"http://127.0.0.1:{port}/v1/chat/completions"]

    use_up(candidate, kind, seconds)
    gateway_core = machine.core_ticks(machine.GATEWAY_CORE)
    load_core = machine.core_ticks(machine.LOAD_CORE)
    cpu_ns, clerk_ns = candidate.cpu_ns(), candidate.clerk_cpu_ns()
    begun = time.monotonic()
    finished = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 60,
        preexec_fn=lambda: os.sched_setaffinity(0, {machine.LOAD_CORE}),
    )
    elapsed = time.monotonic() - begun
    cpu_ns = candidate.cpu_ns() - cpu_ns
    gateway_core_share = machine.core_ticks(machine.GATEWAY_CORE).share_since(gateway_core)
    load_core_share = machine.core_ticks(machine.LOAD_CORE).share_since(load_core)
    # What the calls left to others is part of their cost, and must not disturb the next row.
    candidate.settle()
    clerk_ns = candidate.clerk_cpu_ns() - clerk_ns
    line = next(line for line in finished.stdout.splitlines() if line.startswith("RESULT"))
    answered, duration_us, refused, failed = (int(part) for part in line.split()[1:])
    wrong = failed + (refused if kind.status == 200 else answered - refused)
    if wrong or not answered:
        raise Unavailable(
            f"{candidate.name}, {kind.name}: {wrong} wrong answers of {answered}: not counted"
        )
    if kind.status == 200:
        candidate.served.calls += answered
        candidate.served.cut_max += CONNECTIONS
    return Round(
        answered=answered,
        seconds=duration_us / 1e6,
        cpu_us_per_call=cpu_ns / answered / 1e3,
        clerk_us_per_call=clerk_ns / answered / 1e3,
        gateway_share=cpu_ns / 1e9 / elapsed,
        gateway_core_share=gateway_core_share,
        load_core_share=load_core_share,
    )
