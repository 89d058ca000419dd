"""A field is lost only where it asked for something."""

from faregate.dialects.anthropic.losses import Losses
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Lost


def test_fields_that_ask_for_nothing_are_not_lost():
    losses = Losses()
    request = Request(model="m", messages=(), n=1, seed=0, store=True, logprobs=False)
    losses.take_fields(request, ("n", "seed", "store", "logprobs", "speech"), "Why.")
    assert losses.lost() == (Lost("seed", "Why."), Lost("store", "Why."))
