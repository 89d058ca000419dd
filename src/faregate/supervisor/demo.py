"""What the demo adds: a provider, a model, a file with its key."""

import os
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from faregate.configuration.accounts import api_url
from faregate.configuration.document import Document, Model, Provider, ProviderTimeouts
from faregate.supervisor.local_model import HOST, MODEL_NAME, SLOTS

PROVIDER_NAME: Final = "local"
VENDOR: Final = "llama_cpp"
ALIAS: Final = "demo"
KEY_NAME: Final = "demo"
QUESTION: Final = "What is the capital of France?"

_Named = TypeVar("_Named", Provider, Model)


def model_port(document: Document) -> int:
    """The port that the model had the last time; 0 where there was none."""
    for provider in document.providers:
        if provider.name == PROVIDER_NAME and provider.vendor == VENDOR:
            return urlsplit(api_url(provider)).port or 0
    return 0


def with_local_model(document: Document, port: int) -> Document:
    """The document with the demo's provider and model in it.

    The alias is left out where the document gives that name to another model.
    """
    provider = Provider(
        name=PROVIDER_NAME,
        vendor=VENDOR,
        base_url=f"http://{HOST}:{port}/v1",
        timeouts=ProviderTimeouts(connect_s=2.0),
        connections_max=4 * SLOTS,
        proxy="none",
    )
    others = tuple(model for model in document.models if model.name != MODEL_NAME)
    taken = {name for model in others for name in (model.name, *model.aliases)}
    model = Model(
        name=MODEL_NAME,
        aliases=() if ALIAS in taken else (ALIAS,),
        provider=PROVIDER_NAME,
    )
    return msgspec.structs.replace(
        document,
        providers=_replaced(document.providers, provider),
        models=_replaced(document.models, model),
    )


def _replaced(items: tuple[_Named, ...], new: _Named) -> tuple[_Named, ...]:
    known = any(item.name == new.name for item in items)
    kept = tuple(new if item.name == new.name else item for item in items)
    return kept if known else kept + (new,)  # noqa: RUF005 - mypy can't type the unpacking here


def read_environment_file(path: Path) -> dict[str, str]:
    """The NAME=value lines of a demo.env; empty where there is none."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if not line.startswith("#"))
    return {name.strip(): value.strip() for name, sign, value in pairs if sign}


def write_environment_file(path: Path, url: str, key: str) -> None:
    """Write address and key, for their owner alone; replaces the file."""
    text = (
        "# Address and key of the Faregate demo; written anew at each start.\n"
        "# Use it with: set -a; . demo.env; set +a\n"
        f"FAREGATE_URL={url}\n"
        f"FAREGATE_API_KEY={key}\n"
        f"OPENAI_BASE_URL={url}/v1\n"
        f"OPENAI_API_KEY={key}\n"
    )
    new = path.with_suffix(".env.new")
    new.unlink(missing_ok=True)
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text)
    new.replace(path)


def curl_line(url: str, key: str) -> str:
    """A call that works when it is pasted into a shell."""
    return (
        f"curl {url}/v1/chat/completions -H 'Authorization: Bearer {key}' "
        "-H 'Content-Type: application/json' "
        f'-d \'{{"model": "{MODEL_NAME}", '
        f'"messages": [{{"role": "user", "content": "{QUESTION}"}}]}}\''
    )
