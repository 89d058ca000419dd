"""A call gets the model that its key may use, and no hint of those that it may not."""

from dataclasses import dataclass

import pytest

from faregate.catalogue.models import Catalogue, Offer
from faregate.core.refusals import Refusal
from faregate.identity.keys import KeyRecord
from faregate.policies.models import ModelCheck
from faregate.policies.tenants import Tenants

OPEN, SECRET = Offer("open-model", "acme", "open-1"), Offer("secret-model", "acme", "secret-1")
CHECK = ModelCheck(Tenants(Catalogue([(OPEN, ("open",)), (SECRET, ("hidden",))])))


@dataclass
class Call:
    model_asked: str
    key: KeyRecord | None = None
    offer: Offer | None = None


def key(*models: str) -> KeyRecord:
    """A key that may use `models`; none: all."""
    allowed = frozenset(models) if models else None
    return KeyRecord("key_1", "test", "fg_abcdef", b"h" * 32, allowed, 0, None, None)


def check(name: str, holder: KeyRecord | None) -> Refusal | Offer | None:
    call = Call(name, holder)
    refusal = CHECK(call)
    assert (refusal is None) == (call.offer is not None)
    return refusal if refusal is not None else call.offer


@pytest.mark.parametrize("name", ["open-model", "open"])
def test_an_allowed_model_is_chosen_by_any_of_its_names(name: str) -> None:
    assert check(name, key()) is OPEN
    assert check(name, key("open-model")) is OPEN


def test_a_model_that_is_not_there_is_unknown_to_a_key_for_all() -> None:
    refusal = check("open-modle", key())
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.status, refusal.param) == ("model_unknown", 404, "model")
    assert "Did you mean 'open-model'" in refusal.fixes[0].text


def test_what_is_not_allowed_looks_like_what_does_not_exist() -> None:
    limited = key("open-model")
    answers = []
    for name in ("secret-model", "secret-modex"):
        refusal = check(name, limited)
        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.status) == ("model_not_allowed", 403)
        answers.append((refusal.detail.replace(name, "?"), refusal.fixes))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("name", ["secret-modle", "hiden", "secret-model", "hidden", "zzz"])
def test_no_answer_names_what_the_key_may_not_use(name: str) -> None:
    refusal = check(name, key("open-model"))
    assert isinstance(refusal, Refusal)
    told = " ".join(fix.text for fix in refusal.fixes) + refusal.detail.replace(name, "")
    assert "secret" not in told
    assert "hidden" not in told


def test_without_a_key_there_is_no_model() -> None:
    assert isinstance(check("open-model", None), Refusal)


def test_a_long_name_is_cut_in_the_answer() -> None:
    refusal = check("x" * 5_000, key())
    assert isinstance(refusal, Refusal)
    assert len(refusal.detail) < 200
