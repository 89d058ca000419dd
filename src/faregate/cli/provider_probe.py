"""One small real request to a provider, and what its answer means."""

import http.client
import json
import socket
import ssl
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec

from faregate.cli.output import count_of
from faregate.configuration.accounts import api_url
from faregate.configuration.document import Document, Provider

TIMEOUT_S: Final = 10.0
_BODY_BYTES_MAX: Final = 4 * 1024 * 1024  # long lists of models are about 1 MiB
_PROBES_AT_ONCE: Final = 8
_SAID_CHARACTERS_MAX: Final = 200


class Report(msgspec.Struct, frozen=True):
    """Whether a provider works, and what to do where it doesn't."""

    name: str
    works: bool
    message: str
    fix: str | None = None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """A key is never sent on to another address."""


def probe_all(document: Document, name: str | None = None) -> list[Report]:
    """Reports on all providers, or on the one of this `name`, in order."""
    chosen = [one for one in document.providers if name in (None, one.name)]
    expected = {
        one.name: [
            model.upstream_model or model.name
            for model in document.models
            if model.provider == one.name
        ]
        for one in chosen
    }
    with ThreadPoolExecutor(_PROBES_AT_ONCE) as pool:
        return list(pool.map(lambda one: probe(one, expected[one.name]), chosen))


def probe(provider: Provider, models: list[str]) -> Report:
    """Ask for the list of models; `models` should be on it."""
    try:
        status, headers, body = _get(provider)
    except (OSError, http.client.HTTPException, ValueError) as error:
        message, fix = _explain_failure(provider, error)
        return Report(provider.name, False, message, fix)
    if 200 <= status < 300:
        return _explain_list(provider, body, models)
    message, fix = _explain_status(provider, status, headers)
    said = _said(provider, body)
    return Report(provider.name, False, f"{message} (HTTP {status}{said})", fix)


def _get(provider: Provider) -> tuple[int, Any, bytes]:
    headers = {"accept": "application/json", "user-agent": "faregate", **provider.headers}
    if provider.api_key:
        headers["authorization"] = f"Bearer {provider.api_key}"
    address = f"{api_url(provider).rstrip('/')}/models"
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - http(s) by a rule
    try:
        with _opener(provider).open(request, timeout=TIMEOUT_S) as reply:
            return reply.status, reply.headers, reply.read(_BODY_BYTES_MAX)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read(_BODY_BYTES_MAX)


def _opener(provider: Provider) -> urllib.request.OpenerDirector:
    tls = provider.tls
    context = ssl.create_default_context(cafile=tls.ca_file)
    if tls.certificate_file:
        context.load_cert_chain(tls.certificate_file, tls.key_file)
    proxies = {
        "environment": None,
        "none": {},
    }.get(provider.proxy, {"http": provider.proxy, "https": provider.proxy})
    return urllib.request.build_opener(
        urllib.request.ProxyHandler(proxies),
        urllib.request.HTTPSHandler(context=context),
        _NoRedirects(),
    )


def _explain_list(provider: Provider, body: bytes, models: list[str]) -> Report:
    try:
        listed = {str(one["id"]) for one in json.loads(body)["data"]}
    except (ValueError, KeyError, TypeError):
        return Report(
            provider.name,
            False,
            "it answers, but not with a list of models in OpenAI's format",
            "check that base_url leads to the API, and ends with its version, such as /v1",
        )
    missing = [model for model in models if model not in listed]
    if missing:
        return Report(
            provider.name,
            True,
            f"it lists {count_of(len(listed), 'model')}, but not {', '.join(missing)}",
            "check upstream_model of these; some providers serve models that they don't list",
        )
    return Report(provider.name, True, f"it lists {count_of(len(listed), 'model')}")


def _explain_status(provider: Provider, status: int, headers: Any) -> tuple[str, str | None]:
    again = f"faregate providers add {provider.name} --base-url {api_url(provider)} --replace"
    if status == 401 and not provider.api_key:
        return "it wants a key, and has none", f"{again} --key-stdin"
    if status == 401:
        return "it refuses the key", f"make a new key at the provider, then: {again} --key-stdin"
    if status == 403:
        return "the key may not do this", "check the key's rights at the provider"
    if status == 402:
        return "the account there is empty", "top up the account at the provider"
    if status in (404, 405):
        return (
            "there is no list of models at this address",
            "check that base_url ends with the API's version, such as /v1; if the provider "
            "has no such list, calls may work all the same",
        )
    if status == 407:
        return "the proxy wants a password", "set 'proxy' of the provider, or HTTPS_PROXY"
    if status == 429:
        return "it limits the rate, or the quota is used up", "wait, or raise the quota there"
    if 300 <= status < 400:
        return f"it has moved to {headers.get('location', 'elsewhere')}", "change base_url"
    if status >= 500:
        return "it fails", "try again later; its status page may say more"
    return "it refuses the request", "check base_url and the provider's headers"


def _explain_failure(provider: Provider, error: BaseException) -> tuple[str, str | None]:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted: {reason.verify_message}",
            "set tls.ca_file of the provider to the authority's certificate",
        )
    if isinstance(reason, ssl.SSLError):
        return "TLS fails", "check whether base_url should begin with http:// or https://"
    if isinstance(reason, socket.gaierror):
        return "its host name is not known", "check base_url, and this machine's DNS"
    if isinstance(reason, TimeoutError):
        return f"no answer in {TIMEOUT_S:g} seconds", "check the network, a firewall or a proxy"
    if isinstance(reason, ConnectionRefusedError):
        return "the connection is refused", "check base_url's port, and that the service runs"
    if isinstance(reason, FileNotFoundError):
        return "a file of its tls settings is missing", "check the names in 'tls'"
    if isinstance(reason, http.client.HTTPException):
        return "what answers there is not HTTP", "check base_url's scheme and port"
    return f"it can't be reached: {reason}", f"check {api_url(provider)} and the network"


def _said(provider: Provider, body: bytes) -> str:
    """The provider's own words, one line, never with the key in them."""
    try:
        error = json.loads(body)["error"]
        text = error["message"] if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError):
        return ""
    line = " ".join(str(text).split())
    for secret in (provider.api_key, *provider.headers.values()):
        if secret and len(secret) > 3:
            line = line.replace(secret, "***")
    return f", it says: {line[:_SAID_CHARACTERS_MAX]}"
