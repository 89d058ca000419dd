"""What the tests of the operations share: every list is asked of a real installation."""

import inspect
from importlib import import_module
from typing import Any, get_args, get_origin

import msgspec

from faregate.client.management import Client
from faregate.client.requests import Page, Request


def functions(module: str) -> dict[str, Any]:
    """The functions of a module of operations, by name."""
    found = import_module(f"faregate.client.operations.{module}")
    return {n: getattr(found, n) for n in found.__all__ if inspect.isfunction(getattr(found, n))}


def lists_read(module: str, client: Client) -> list[str]:
    """The lists that need no more than a login, each read typed from the installation."""
    done = []
    for name, function in functions(module).items():
        needed = [
            one
            for one in inspect.signature(function).parameters.values()
            if one.default is inspect.Parameter.empty
        ]
        if needed:
            continue
        request: Request[Any] = function()
        if request.method == "GET" and get_origin(request.reply) is Page:
            page = client.send(request)
            assert isinstance(page, Page)
            assert all(isinstance(one, get_args(request.reply)[0]) for one in page.items)
            done.append(name)
    return done


def sound(module: str) -> list[str]:
    """The operations whose replies msgspec can decode; it raises where a type is wrong."""
    done = []
    for name, function in functions(module).items():
        kinds = inspect.signature(function).return_annotation
        [reply] = get_args(kinds)
        if reply is not bytes:
            msgspec.json.Decoder(reply)
        done.append(name)
    return done
