"""A plan has what changes and nothing else, with its values."""

import msgspec
import pytest
from tests.storage.revisions_world import BOX, DOCUMENT, VARIABLES, M, P, with_models

from faregate.configuration.document import Document, Model
from faregate.configuration.settings import GateSettings, Settings
from faregate.core.errors import ConfigurationError
from faregate.storage.revisions_planning import Plan, Planner, same_ends
from faregate.storage.revisions_state import NOTHING, State

PLANNER = Planner(BOX)


def planned(state: State, document: Document, known: State | None = None) -> Plan:
    expanded = PLANNER.expand(document, VARIABLES, known)
    expanded.check()
    return PLANNER.plan(state, expanded, lenient=known is None)


def state_with(document: Document) -> State:
    plan = planned(NOTHING, document)
    for change in plan.changes:
        assert change.after is not None
        change.after.version = 1
    return NOTHING.changed(1, plan.changes)


def told(plan: Plan) -> list[tuple[str, str]]:
    return [(one.kind, one.name) for one in plan.changes]


def test_nothing_changes() -> None:
    state = state_with(DOCUMENT)
    assert planned(state, DOCUMENT).changes == []
    assert planned(state, state.written, state).changes == []


def test_one_of_many_changes() -> None:
    state = state_with(with_models(DOCUMENT, *(f"m{n}" for n in range(50))))
    models = list(state.written.models)
    models[20] = msgspec.structs.replace(models[20], upstream_model="u")
    document = msgspec.structs.replace(state.written, models=tuple(models))
    for known in (state, None):
        plan = planned(state, document, known)
        assert told(plan) == [("models", "m19")]
        assert plan.changes[0].before is state.find("models", "m19")


def test_what_moves_and_what_goes() -> None:
    state = state_with(with_models(DOCUMENT, "a", "b", "c"))
    m, a, b, c = state.written.models
    document = msgspec.structs.replace(state.written, models=(c, m, b))
    plan = planned(state, document, state)
    assert told(plan) == [("models", "c"), ("models", "a")]
    assert plan.reordered == {"models"}
    moved = plan.changes[0].after
    assert moved is not None
    assert moved.version == 1  # only its position is another
    assert state.changed(2, plan.changes).written.models == (c, m, b)
    assert a not in document.models


def test_no_room_between_two() -> None:
    state = state_with(with_models(DOCUMENT, "a"))
    for kind_name, position in (("m", 7), ("a", 8)):
        entry = state.find("models", kind_name)
        assert entry is not None
        entry.position = position
    first, last = state.written.models
    between = Model(name="x", provider="p")
    document = msgspec.structs.replace(state.written, models=(first, between, last))
    plan = planned(state, document, state)
    assert state.changed(2, plan.changes).written.models == (first, between, last)
    assert plan.reordered == frozenset()


def test_values_are_sealed_once() -> None:
    state = state_with(DOCUMENT)
    before = state.find("providers", "p")
    assert before is not None
    assert "sk-hidden" not in (before.sealed or "")
    changed = msgspec.structs.replace(P, connections_max=5)
    plan = planned(state, msgspec.structs.replace(DOCUMENT, providers=(changed,)), state)
    after = plan.changes[0].after
    assert after is not None
    assert after.clear("providers", BOX).api_key == "sk-hidden-1"
    assert after.unopened("providers").api_key == before.unopened("providers").api_key


@pytest.mark.parametrize("known", [True, False])
def test_twins_are_refused(known: bool) -> None:
    state = state_with(with_models(DOCUMENT, "a", "b"))
    document = msgspec.structs.replace(state.written, models=(*state.written.models, M))
    expanded = PLANNER.expand(document, VARIABLES, state if known else None)
    with pytest.raises(ConfigurationError, match=r"models\[m\] is there twice"):
        PLANNER.plan(state, expanded, lenient=not known)


def test_settings_once_said_stay_said() -> None:
    assert planned(NOTHING, Document()).changes == []
    state = state_with(Document(settings=Settings(gate=GateSettings(workers=3))))
    plan = planned(state, Document())
    assert told(plan) == [("settings", "")]
    assert plan.changes[0].after is not None


def test_same_ends() -> None:
    a, b, c = object(), object(), object()
    assert same_ends((a, b, c), (a, b, c)) == (3, 0)
    assert same_ends((a, b, c), (a, c)) == (1, 1)
    assert same_ends((a, a), (a, a, a)) == (2, 0)
    assert same_ends((), (a,)) == (0, 0)
