"""Moderations flag what the script says, once for each input."""

from tests.simulator.asking import ask


def said(given, model="sim"):
    return ask("/v1/moderations", {"model": model, "input": given})


def test_moderations():
    assert [row["flagged"] for row in said(["a", "b"]).json["results"]] == [False, False]
    (row,) = said("a", "sim:finish=content_filter").json["results"]
    assert (row["flagged"], row["categories"]["violence"]) == (True, True)
    assert len(said([{"type": "text", "text": "a"}] * 2).json["results"]) == 1
    assert ask("/v1/moderations", {"input": "a"}).json["model"] == "omni-moderation-latest"
    assert said("").status == 400
