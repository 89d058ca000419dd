"""Probabilities of tokens go both ways between two forms."""

from faregate.dialects.gemini import token_logprobs

RESULT = {
    "chosenCandidates": [{"token": "é", "logProbability": -0.5, "tokenId": 7}],
    "topCandidates": [
        {
            "candidates": [
                {"token": "é", "logProbability": -0.5},
                {"token": "e", "logProbability": -1.5},
            ]
        }
    ],
}
AS_OPENAI = [
    {
        "token": "é",
        "logprob": -0.5,
        "bytes": [195, 169],
        "top_logprobs": [
            {"token": "é", "logprob": -0.5, "bytes": [195, 169]},
            {"token": "e", "logprob": -1.5, "bytes": [101]},
        ],
    }
]


def test_they_are_read_and_written() -> None:
    assert token_logprobs.read(RESULT) == AS_OPENAI
    assert token_logprobs.read(token_logprobs.written(AS_OPENAI)) == AS_OPENAI


def test_nonsense_says_nothing() -> None:
    for wrong in (None, {}, {"chosenCandidates": 1}, {"chosenCandidates": [1]}):
        assert token_logprobs.read(wrong) is None
    for wrong in (None, [], [1], [{"logprob": 1}], {}):
        assert token_logprobs.written(wrong) is None
