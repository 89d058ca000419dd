"""Each mistake in a model or a name over models is found alone, and has a way out."""

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.configuration.planted import BASE, assert_one_mistake

from faregate.configuration.document import Document, Model, Provider, Target, VirtualModel
from faregate.configuration.load import load
from faregate.configuration.routing_rules import VARIABLES, check
from faregate.core.errors import ConfigurationError

TWO = BASE + "  - {name: claude, provider: p}\n"
ONE = "virtual_models:\n  - {name: v, targets: [{model: gpt}]}\n"
V = "virtual_models:\n  - name: v\n    targets: [{model: gpt}, {model: claude}]\n"

# text, place, part of the message, part of the fix
MISTAKES = [
    # -- names
    (
        "virtual_models:\n  - {name: gpt, targets: [{model: claude}]}\n",
        "virtual_models[gpt].name",
        "a model or an alias 'gpt' is already there",
        "keep one",
    ),
    (
        V + "    aliases: [w, fast]\n",
        "virtual_models[v].aliases[1]",
        "a model or an alias 'fast' is already there",
        "keep one",
    ),
    (
        ONE + "  - {name: v, targets: [{model: gpt}]}\n",
        "virtual_models[v].name",
        "a model or an alias 'v' is already there",
        "keep one",
    ),
    # -- what is named
    (
        "virtual_models:\n  - {name: v, targets: []}\n",
        "virtual_models[v].targets",
        "no model serves 'v'",
        "name at least one",
    ),
    (
        "virtual_models:\n  - {name: v}\n",
        "virtual_models[v]",
        "the field 'targets' is missing",
        "add 'targets: ...'",
    ),
    (
        "virtual_models:\n  - {name: v, targets: [{model: claud}]}\n",
        "virtual_models[v].targets[claud].model",
        "there is no model 'claud'; did you mean 'claude'?",
        "add the model under models",
    ),
    (
        "virtual_models:\n  - {name: v, targets: [{model: fast}]}\n",
        "virtual_models[v].targets[fast].model",
        "'fast' is an alias of the model 'gpt'",
        "write gpt",
    ),
    (
        "virtual_models:\n  - {name: v, targets: [{model: v}]}\n",
        "virtual_models[v].targets[v].model",
        "'v' is a virtual model, and these lead to models only",
        "one by one",
    ),
    (
        V + "  - {name: w, targets: [{model: v}]}\n",
        "virtual_models[w].targets[v].model",
        "'v' is a virtual model",
        "one by one",
    ),
    (
        "virtual_models:\n  - {name: v, targets: [{model: gpt}, {model: gpt}]}\n",
        "virtual_models[v].targets[gpt].model",
        "the target 'gpt' is already there",
        "keep one",
    ),
    # -- canary and shadow
    (
        V + "    canary: {model: cloud, percent: 5}\n",
        "virtual_models[v].canary.model",
        "there is no model 'cloud'; did you mean 'claude'?",
        "name one that is there",
    ),
    (
        ONE.replace("}]}", "}], canary: {model: gpt, percent: 5}}"),
        "virtual_models[v].canary.model",
        "'gpt' serves all calls already",
        "leave canary out",
    ),
    (
        V + "    shadow: {model: v}\n",
        "virtual_models[v].shadow.model",
        "'v' is a virtual model",
        "one by one",
    ),
    # -- fallbacks
    (
        ONE.replace("}]}", "}], fallbacks: {failure: [claude, claude]}}"),
        "virtual_models[v].fallbacks.failure[1]",
        "the fallback 'claude' is already there",
        "keep one",
    ),
    (
        V + "    fallbacks: {failure: [gpt]}\n",
        "virtual_models[v].fallbacks.failure[0]",
        "'gpt' is a target, which was tried before",
        "leave it out",
    ),
    (
        V + "    fallbacks: {context: [x]}\n",
        "virtual_models[v].fallbacks.context[0]",
        "there is no model 'x'",
        "add the model",
    ),
    (
        V + "    fallbacks: {content: [fast]}\n",
        "virtual_models[v].fallbacks.content[0]",
        "'fast' is an alias",
        "write gpt",
    ),
    # -- expressions and weights
    (
        "virtual_models:\n  - {name: v, targets: [{model: gpt, when: 'stream &&'}]}\n",
        "virtual_models[v].targets[gpt].when",
        "this is no expression: ",
        "write CEL",
    ),
    (
        "virtual_models:\n  - {name: v, targets: [{model: gpt, when: 'streams && tools'}]}\n",
        "virtual_models[v].targets[gpt].when",
        "there is no fact of a call 'streams'; did you mean 'stream'?",
        "expressions see model, route, key",
    ),
    (
        "virtual_models:\n  - {name: v, targets: [{model: gpt, when: ''}]}\n",
        "virtual_models[v].targets[gpt].when",
        "this is no expression: ",
        "write CEL",
    ),
    (
        "virtual_models:\n  - {name: v, targets: [{model: gpt, when: '" + "(" * 2001 + "'}]}\n",
        "virtual_models[v].targets[gpt].when",
        "an expression may have 2000 characters",
        "write CEL",
    ),
    (
        "virtual_models:\n  - {name: v, targets: [{model: gpt, weight: 3}]}\n",
        "virtual_models[v].targets[gpt].weight",
        "a weight has no meaning with 'strategy: priority'",
        "'strategy: weighted'",
    ),
    (
        "virtual_models:\n  - name: v\n    strategy: weighted\n"
        "    targets: [{model: gpt, weight: 1000001}]\n",
        "virtual_models[v].targets[gpt].weight",
        "too large",
        "1 to 1,000,000",
    ),
    # -- what names are used for
    (
        ONE + "prices: [{model: w, input: 1, output: 1}]\n",
        "prices[w].model",
        "there is no model 'w'",
        "name one that is there",
    ),
    (
        V + "    aliases: [w]\nprices: [{model: w, input: 1, output: 1}]\n",
        "prices[w].model",
        "'w' is an alias of the model 'v'",
        "write v",
    ),
    (
        "settings: {routing: {backoff_s: 9}}\n",
        "settings.routing.backoff_max_s",
        "the longest wait is below the first, 9 s",
        "at least as long",
    ),
]


@pytest.mark.parametrize(("text", "place", "message", "fix"), MISTAKES)
def test_one_mistake(text: str, place: str, message: str, fix: str) -> None:
    assert_one_mistake(text, place, message, fix, TWO)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("    canary: {model: claude, percent: 0}\n", "a number above 0 up to 100, found 0"),
        ("    canary: {model: claude, percent: 101}\n", "up to 100, found 101"),
        ("    canary: {model: claude}\n", "the field 'percent' is missing"),
        ("    shadow: {model: claude, percent: .nan}\n", "expected a number"),
        ("    strategy: random\n", "one of least_busy, least_cost"),
        ("    retries_max: 6\n", "a whole number from 0 up to 5, found 6"),
        ("    unsupported: ignore\n", "one of drop, refuse"),
        ("    fallbacks: [claude]\n", "expected fields such as 'failure'"),
    ],
)
def test_shapes_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match="virtual_models") as caught:
        load(TWO + V + text, environment={})
    assert message in caught.value.message
    assert caught.value.others == ()


def test_a_weight_of_no_share_is_refused() -> None:
    text = "virtual_models:\n  - {name: v, targets: [{model: gpt, weight: 0}]}\n"
    with pytest.raises(ConfigurationError, match="a whole number from 1"):
        load(TWO + text, environment={})


ALL = """
  - {name: haiku, provider: p}
virtual_models:
  - name: smart
    aliases: [best]
    strategy: weighted
    targets:
      - {model: claude, weight: 3}
      - {model: gpt, when: "stream && request.messages.exists(one, one.role == 'tool')"}
    canary: {model: haiku, percent: 5}
    shadow: {model: haiku}
    fallbacks: {failure: [haiku, gpt], context: [claude], content: [gpt, haiku]}
keys:
  - {name: k, secret: 'sha256:%064d', models: [smart, best, claude]}
prices: [{model: smart, input: 1, output: 2}]
plans:
  - {name: basic, prices: [{model: smart, input: 1, output: 3}]}
limits: [{name: l, max: 5, per: minute, each: key, models: [smart]}]
"""


def test_expressions_see_what_the_gate_makes() -> None:
    module = find_spec("faregate.gate.routing_facts")
    assert module is not None
    assert module.origin is not None
    tree = ast.parse(Path(module.origin).read_text())
    (made,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "_variables"
    )
    (returned,) = (node for node in ast.walk(made) if isinstance(node, ast.Return))
    assert isinstance(returned.value, ast.Dict)
    assert tuple(map(ast.literal_eval, filter(None, returned.value.keys))) == VARIABLES


def test_what_is_whole_passes() -> None:
    document = load(TWO + ALL.lstrip("\n") % 1, environment={})
    (virtual,) = document.virtual_models
    assert virtual.fallbacks.content == ("gpt", "haiku")
    assert document.prices[0].model == "smart"


def test_models_are_checked_without_a_file() -> None:
    document = Document(
        providers=(Provider(name="p", base_url="http://h"),),
        models=(Model(name="m", provider="q"),),
        virtual_models=(VirtualModel(name="m", targets=(Target(model="m"),)),),
    )
    places = [problem.path for problem in check(document)]
    assert places == [("virtual_models", 0, "name"), ("models", 0, "provider")]


@pytest.mark.parametrize(("text", "count"), [(TWO + ONE, 0), (TWO + ALL.lstrip("\n") % 1, 1)])
def test_expressions_need_their_library_only_where_there_are_some(text: str, count: int) -> None:
    program = (
        "from faregate.configuration.load import load; from faregate.routing import expressions; "
        f"load({text!r}, environment={{}}); print(expressions._cel.cache_info().currsize)"
    )
    told = subprocess.run(
        (sys.executable, "-c", program), capture_output=True, text=True, timeout=30, check=True
    )
    assert told.stdout.strip() == str(count)
