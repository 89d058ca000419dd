"""Rules over models and the names over them: who may serve whom.

A virtual model leads to models of the file and never to another virtual one, so that there are no
loops. What would have no effect is refused.
"""

import re
from collections.abc import Iterator
from typing import Final

from faregate.configuration.document import Document, Fallbacks, Model, VirtualModel
from faregate.configuration.problems import Path, Problem, twice, unknown
from faregate.configuration.references import is_sealed
from faregate.configuration.tenancy import Scopes
from faregate.routing.expressions import Expression, ExpressionError

WEIGHT_MAX: Final = 1_000_000
# What expressions see of a call; the gate makes them.
VARIABLES: Final = (
    *("model", "route", "key", "application", "team", "plan", "customer", "run"),
    *("stream", "input_tokens", "output_tokens", "tools", "headers", "request"),
)
# CEL's macros give their own name to each item: request.messages.exists(one, ...).
_BOUND: Final = re.compile(r"\.(?:all|exists|exists_one|filter|map)\(\s*([A-Za-z_]\w*)\s*,")
_EXAMPLE: Final = "write CEL that gives true or false, such as: 'input_tokens > 50000'"


def check(document: Document, scopes: Scopes | None = None) -> Iterator[Problem]:
    """What can't be honoured in models and in the names over them.

    `scopes` are the document's, where they are made already.
    """
    scopes = scopes or Scopes(document)
    yield from twice(_names(document), "a model or an alias")
    for at, model in enumerate(document.models):
        if model.provider not in scopes.of(model.team)["provider"]:
            yield Problem(
                ("models", at, "provider"),
                scopes.missing(model.team, "provider", model.provider),
                "add the provider, or name one that is there",
            )
        if model.upstream_model == "":
            yield Problem(("models", at, "upstream_model"), "the name is empty", "leave it out")
    virtual_names = frozenset(one.name for one in document.virtual_models).difference(
        one.name for one in document.models
    )
    for at, virtual in enumerate(document.virtual_models):
        meanings = _Meanings(scopes, virtual.team, virtual_names)
        yield from _virtual(virtual, ("virtual_models", at), meanings)
    yield from _weights(document)
    routing = document.settings.routing
    if routing.backoff_max_s < routing.backoff_s:
        yield Problem(
            ("settings", "routing", "backoff_max_s"),
            f"the longest wait is below the first, {routing.backoff_s:g} s",
            "write backoff_max_s at least as long as backoff_s",
        )


def _names(document: Document) -> Iterator[tuple[Path, str]]:
    named: tuple[tuple[str, tuple[Model | VirtualModel, ...]], ...] = (
        ("models", document.models),
        ("virtual_models", document.virtual_models),
    )
    for part, models in named:
        for at, model in enumerate(models):
            yield (part, at, "name"), model.name
            for number, alias in enumerate(model.aliases):
                yield (part, at, "aliases", number), alias


class _Meanings:
    """The models that names and aliases mean, as a virtual model may name them."""

    def __init__(self, scopes: Scopes, team: str | None, virtual: frozenset[str]) -> None:
        self._models = scopes.of(team)["model"]
        self._scopes = scopes
        self._team = team
        self._virtual = virtual

    def problem(self, path: Path, name: str) -> Iterator[Problem]:
        """Why `name` is not the name of a model that may serve."""
        meant = self._models.get(name)
        if meant is None:
            yield Problem(
                path,
                self._scopes.missing(self._team, "model", name),
                "add the model under models, or name one that is there",
            )
        elif meant in self._virtual:
            yield Problem(
                path,
                f"{name!r} is a virtual model, and these lead to models only",
                "name the models that are meant, one by one",
            )
        elif meant != name:
            yield Problem(path, f"{name!r} is an alias of the model {meant!r}", f"write {meant}")


def _virtual(virtual: VirtualModel, path: Path, meanings: _Meanings) -> Iterator[Problem]:
    targets = [target.model for target in virtual.targets]
    if not targets:
        yield Problem(
            (*path, "targets"),
            f"no model serves {virtual.name!r}",
            "name at least one, as in 'targets: [{model: NAME}]'",
        )
    yield from twice(
        (((*path, "targets", at, "model"), name) for at, name in enumerate(targets)), "the target"
    )
    for at, target in enumerate(virtual.targets):
        here = (*path, "targets", at)
        yield from meanings.problem((*here, "model"), target.model)
        if target.when is not None:
            yield from _expression((*here, "when"), target.when)
        if target.weight != 1 and virtual.strategy == "priority":
            yield Problem(
                (*here, "weight"),
                "a weight has no meaning with 'strategy: priority', where the order says all",
                "leave weight out, or write 'strategy: weighted'",
            )
    if virtual.canary is not None:
        yield from meanings.problem((*path, "canary", "model"), virtual.canary.model)
        if targets == [virtual.canary.model]:
            yield Problem(
                (*path, "canary", "model"),
                f"{virtual.canary.model!r} serves all calls already",
                "name another model, or leave canary out",
            )
    if virtual.shadow is not None:
        yield from meanings.problem((*path, "shadow", "model"), virtual.shadow.model)
    yield from _fallbacks(virtual, (*path, "fallbacks"), meanings)


def _fallbacks(virtual: VirtualModel, path: Path, meanings: _Meanings) -> Iterator[Problem]:
    # One with a condition is not always tried before, and may be the last resort as well.
    tried = {target.model for target in virtual.targets if target.when is None}
    for field in Fallbacks.__struct_fields__:
        names = getattr(virtual.fallbacks, field)
        yield from twice(
            (((*path, field, at), name) for at, name in enumerate(names)), "the fallback"
        )
        for at, name in enumerate(names):
            yield from meanings.problem((*path, field, at), name)
            if field == "failure" and name in tried:
                yield Problem(
                    (*path, field, at),
                    f"{name!r} is a target, which was tried before",
                    "leave it out here; all targets are tried before fallbacks are",
                )


def _expression(path: Path, text: str) -> Iterator[Problem]:
    if is_sealed(text):
        return
    try:
        expression = Expression(text)
    except ExpressionError as error:
        yield Problem(path, f"this is no expression: {error}", _EXAMPLE)
        return
    for name in sorted(expression.variables.difference(VARIABLES, _BOUND.findall(text))):
        yield Problem(
            path,
            unknown("fact of a call", name, VARIABLES),
            f"expressions see {', '.join(VARIABLES)}; what was sent is in request",
        )


def _weights(document: Document) -> Iterator[Problem]:
    weights: list[tuple[Path, int]] = []
    for at, virtual in enumerate(document.virtual_models):
        for number, target in enumerate(virtual.targets):
            weights.append((("virtual_models", at, "targets", number, "weight"), target.weight))
    for at, provider in enumerate(document.providers):
        for number, key in enumerate(provider.keys):
            weights.append((("providers", at, "keys", number, "weight"), key.weight))
    for path, weight in weights:
        if weight > WEIGHT_MAX:
            yield Problem(
                path,
                "this weight is too large to tell others apart",
                f"write weights from 1 to {WEIGHT_MAX:,}; only their shares of the sum count",
            )
