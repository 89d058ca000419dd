"""A tiny real call with each key and model, and what its answer means.

Every dialect and every way of proving who we are that the gate has, over a plain blocking
connection. A provider without models is asked for its list, which costs nothing.
"""

import http.client
import json
import socket
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from faregate.catalogue.library import Library
from faregate.cli.output import count_of
from faregate.configuration.accounts import (
    SOLE_KEY,
    account_keys,
    account_options,
    api_url,
    vendor_of,
)
from faregate.configuration.document import Document, Model, Provider, ProviderKey
from faregate.configuration.pricing import compile_prices
from faregate.core.money import format_amount
from faregate.dialects.embeddings.neutral import EmbedRequest
from faregate.dialects.neutral.parts import Text
from faregate.dialects.neutral.request import Message, Request
from faregate.dialects.translation import MalformedReplyError, TargetFacts
from faregate.dialects.usage import Usage
from faregate.gate.operations import is_addressed, target_paths
from faregate.gate.proofs import ask_token, signed_fields
from faregate.gate.translators import translator
from faregate.net.blocking import Fetched, fetch
from faregate.policies.masking import mask
from faregate.providers.refusals import classify
from faregate.providers.tokens import UnprovenError, is_token, read_token
from faregate.providers.vendors import address_at, dialect_base_url

TIMEOUT_S: Final = 30.0
OUTPUT_TOKENS_MAX: Final = 16  # OpenAI's responses take no less
PROMPT: Final = "Say OK."
_BODY_BYTES_MAX: Final = 4 * 1024 * 1024  # long lists of models are about 1 MiB
_PROBES_AT_ONCE: Final = 8
_SAID_CHARACTERS_MAX: Final = 200
_NO_KEY: Final = ProviderKey(name="", secret="")

_MEANINGS: Final[dict[str, tuple[str, str]]] = {
    "permission": ("the key may not do this", "check the key's rights and regions there"),
    "payment_required": ("the account there is empty", "top up the account at the provider"),
    "quota_exhausted": ("its quota is used up", "raise the quota there, or wait for it to renew"),
    "rate_limited": ("it limits the rate", "wait, or ask the provider for a higher rate"),
    "overloaded": ("it is overloaded", "try again later; its status page may say more"),
    "failed": ("it fails", "try again later; its status page may say more"),
    "context_length": ("the model takes less than this", "check upstream_model"),
    "content_refused": ("it refuses to answer even this", "check the filters there"),
    "invalid_request": ("it refuses the request", "check upstream_model, base_url and headers"),
}


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a provider works with a key for a model.

    `fix` is what to do where it doesn't.
    `result` is "ok", a class of refusal, or "unreachable", "malformed" or "unproven". `cost` is
    in dollars, None where no price is known.
    """

    name: str
    works: bool
    result: str
    message: str
    fix: str | None = None
    key: str | None = None
    model: str | None = None
    dialect: str | None = None
    status: int | None = None
    first_byte_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: str | None = None


class _Trial(msgspec.Struct, frozen=True):
    """One call to make; without a `model`, the list is asked for."""

    provider: Provider
    key: ProviderKey
    model: Model | None
    expected: tuple[str, ...] = ()


def probe_all(
    document: Document,
    name: str | None = None,
    *,
    key: str | None = None,
    model: str | None = None,
) -> list[Report]:
    """Reports on all providers, or on the one of this `name`, in order.

    With `key` and `model`, on these alone.
    """
    trials = []
    for provider in document.providers:
        if name in (None, provider.name):
            trials += _trials(document, provider, key, model)
    prices, now_ns = compile_prices(document), time.time_ns()

    def tried(trial: _Trial) -> Report:
        report, usage = _try(trial)
        tariff = prices.fare(trial.model.name, None, now_ns).cost if trial.model else None
        if usage is None:
            return report
        return msgspec.structs.replace(
            report,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost=format_amount(tariff.price(usage)) if tariff is not None else None,
        )

    with ThreadPoolExecutor(_PROBES_AT_ONCE) as pool:
        return list(pool.map(tried, trials))


def _trials(
    document: Document, provider: Provider, key: str | None, model: str | None
) -> list[_Trial]:
    keys = [one for one in account_keys(provider) or (_NO_KEY,) if key in (None, one.name)]
    served = [one for one in document.models if one.provider == provider.name]
    chosen = [one for one in served if model in (None, one.name)]
    if not served and model is None:
        test_model = vendor_of(provider).test_model
        lists = vendor_of(provider).models_path is not None
        if not lists and test_model is not None:
            chosen = [Model(name=test_model, provider=provider.name)]
        else:
            return [_Trial(provider, one, None) for one in keys]
    return [_Trial(provider, one, each) for one in keys for each in chosen]


def _try(trial: _Trial) -> tuple[Report, Usage | None]:
    try:
        if trial.model is None:
            return _list(trial), None
        return _call(trial, trial.model)
    except UnprovenError as error:
        fix = error.fix or _renewal(trial)
        return _report(trial, False, "unproven", error.message, fix), None
    except (OSError, http.client.HTTPException, ValueError) as error:
        message, fix_or_none = _explain_failure(trial.provider, error)
        return _report(trial, False, "unreachable", message, fix_or_none), None


def _report(
    trial: _Trial, works: bool, result: str, message: str, fix: str | None = None
) -> Report:
    return Report(
        name=trial.provider.name,
        works=works,
        result=result,
        message=message,
        fix=fix,
        key=trial.key.name or None,
        model=trial.model.name if trial.model is not None else None,
    )


# -- a call ----------------------------------------------------------------------------------------


def _call(trial: _Trial, model: Model) -> tuple[Report, Usage | None]:
    provider, row = trial.provider, vendor_of(trial.provider)
    upstream_model = model.upstream_model or model.name
    found = _way(provider, upstream_model)
    if found is None:
        message = "it speaks no dialect that a model can be tried in"
        return _report(trial, True, "untried", message), None
    operation, dialect = found
    facts = TargetFacts(
        model=upstream_model,
        vendor=provider.vendor,
        output_tokens_max=model.output_tokens_max,
        output_limit_field=row.output_limit_field,
        unsupported=frozenset(row.unsupported),
        quirks=frozenset(row.quirks),
    )
    reader = translator(operation, dialect)
    assert reader is not None
    body = reader.write_request(_question(operation, upstream_model), facts).body
    path = target_paths(dialect, upstream_model, provider.vendor)[0].replace(
        "{model}", quote(upstream_model, safe="-._~")
    )
    address = dialect_base_url(row, dialect, api_url(provider)).rstrip("/") + path
    answer = _sent(trial, address, dialect, body)
    report = _judged(trial, answer)
    usage = None
    if report.works:
        try:
            usage = reader.read_reply(answer.body).usage
        except MalformedReplyError as error:
            fix = "check that base_url leads to the API, and the provider's vendor and dialects"
            message = f"it answers, but not as {dialect} does: {error}"
            report = _report(trial, False, "malformed", message, fix)
    return (
        msgspec.structs.replace(
            report,
            dialect=dialect,
            status=answer.status,
            first_byte_ms=round(answer.first_byte_ms, 1),
        ),
        usage,
    )


def _way(provider: Provider, upstream_model: str) -> tuple[str, str] | None:
    """The operation that a model is for, and the dialect that the account prefers for it."""
    row = vendor_of(provider)
    known = Library().find(provider.vendor, upstream_model)
    embeds = known is not None and known.operation == "embeddings"
    order = ("embeddings", "generate") if embeds else ("generate", "embeddings")
    rows: dict[str, tuple[str, ...]] = {**row.dialects} | provider.dialects
    for operation in order:
        for dialect in rows.get(operation, ()):
            if translator(operation, dialect) is not None and is_addressed(dialect):
                return operation, dialect
    return None


def _question(operation: str, model: str) -> Request | EmbedRequest:
    if operation == "embeddings":
        return EmbedRequest(model=model, origin="", inputs=(PROMPT,))
    message = Message("user", (Text(PROMPT),))
    return Request(model=model, messages=(message,), output_tokens_max=OUTPUT_TOKENS_MAX)


def _judged(trial: _Trial, answer: Fetched) -> Report:
    provider, status = trial.provider, answer.status
    found = classify(provider.vendor, status, answer.headers, answer.body)
    if found.meaning == "none" and status < 300:
        return _report(trial, True, "ok", "it answers")
    if 300 <= status < 400:
        elsewhere = answer.headers.get("location", "elsewhere")
        return _report(trial, False, "failed", f"it has moved to {elsewhere}", "change base_url")
    if status == 407:
        message, fix = "the proxy wants a password", "set 'proxy' of the provider, or HTTPS_PROXY"
    elif status in (404, 405) and found.meaning == "invalid_request":
        message = "it knows no such model, or nothing is at this address"
        fix = "check upstream_model, and that base_url ends with the API's version, such as /v1"
    elif found.meaning == "auth":
        message = "it refuses the key" if trial.key.secret else "it wants a key, and has none"
        fix = _renewal(trial)
    else:
        message, fix = _MEANINGS[found.meaning]
    said = _said(provider, answer.body)
    return _report(trial, False, found.meaning, f"{message} (HTTP {status}{said})", fix)


def _renewal(trial: _Trial) -> str:
    provider, key = trial.provider.name, trial.key.name
    if key in ("", SOLE_KEY):
        again = f"faregate providers add {provider} --replace --key-stdin"
    else:
        again = f"faregate providers keys add {provider} {key} --replace --key-stdin"
    return f"make a new key at the provider, then: {again}"


# -- on the wire -----------------------------------------------------------------------------------


def _sent(trial: _Trial, address: str, dialect: str | None, body: bytes | None) -> Fetched:
    """The answer to a POST of `body`, or to a GET without one."""
    provider, row = trial.provider, vendor_of(trial.provider)
    headers = {"accept": "application/json", "user-agent": "faregate", **row.headers}
    if body is not None:
        headers["content-type"] = "application/json"
    headers.update(provider.headers)
    headers.update(_proof(trial, address, dialect, body or b""))
    return _exchange(provider, address, headers, body)


def _proof(
    trial: _Trial, address: str, dialect: str | None, body: bytes
) -> Sequence[tuple[str, str]]:
    """The fields that show who we are."""
    provider, row, secret = trial.provider, vendor_of(trial.provider), trial.key.secret
    if row.auth == "sigv4":
        parts = urlsplit(address)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        region = provider.options.get("region", "")
        return signed_fields(secret, region, parts.netloc, target, body, time.time())
    if not secret:
        return ()
    if row.auth == "header":
        return (row.key_field(secret, dialect),)
    if row.auth == "none":
        return ()
    if is_token(row.auth, secret):
        return (("authorization", f"Bearer {secret}"),)
    asked = ask_token(row.auth, secret, account_options(provider), time.time())
    form = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    answer = _exchange(provider, asked.url, form, asked.body)
    token = read_token(answer.status, answer.body)
    return (("authorization", f"Bearer {token.text}"),)


def _exchange(
    provider: Provider, address: str, headers: dict[str, str], body: bytes | None
) -> Fetched:
    return fetch(
        provider, address, headers, body, timeout_s=TIMEOUT_S, body_bytes_max=_BODY_BYTES_MAX
    )


# -- a list of models ------------------------------------------------------------------------------


def _list(trial: _Trial) -> Report:
    provider, row = trial.provider, vendor_of(trial.provider)
    if row.models_path is None:
        return _report(trial, True, "untried", "it has no models here, and no list of them")
    base = api_url(provider).rstrip("/")
    answer = _sent(trial, address_at(base, row.models_path), None, None)
    report = _judged(trial, answer)
    if not report.works:
        return report
    try:
        document = json.loads(answer.body)
        listed = document.get("data", document.get("models"))
        count = len(listed)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return _report(
            trial,
            False,
            "malformed",
            "it answers, but not with a list of models",
            "check that base_url leads to the API, and ends with its version, such as /v1",
        )
    return _report(trial, True, "ok", f"it lists {count_of(count, 'model')}")


# -- in words --------------------------------------------------------------------------------------


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
    """The provider's own words, one line, never with a key in them."""
    try:
        document = json.loads(body)
        document = document[0] if isinstance(document, list) else document
        error = document.get("error", document.get("message", document.get("detail")))
        text = error["message"] if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return ""
    if text is None:
        return ""
    line = " ".join(str(text).split())
    secrets = [*provider.headers.values()]
    for key in account_keys(provider):
        secrets += [key.secret, *key.secret.split(":")]
    for secret in secrets:
        if len(secret) > 3:
            line = line.replace(secret, "***")
    line = mask(line.encode()).decode("utf-8", "replace")
    return f", it says: {line[:_SAID_CHARACTERS_MAX]}"
