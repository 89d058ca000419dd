"""Rules hold for documents that were not read from a file, and never repeat a secret.

Every rule's mistake, with its line, is in the table of `test_load`.
"""

import datetime as dt

from hypothesis import given
from tests.configuration.documents import ENVIRONMENT, documents

from faregate.configuration.document import Document, Key, Model, Provider
from faregate.configuration.references import expand
from faregate.configuration.rules import check, check_written
from faregate.identity.keys import generate_key


@given(documents())
def test_honest_documents_pass(document: Document) -> None:
    assert check_written(document) == []
    clear, _ = expand(document, ENVIRONMENT)
    assert check(clear) == []


def test_what_is_sealed_is_passed_over() -> None:
    sealed = "${sealed:v1:AAAA}"
    provider = Provider(
        name="p", base_url=sealed, api_key=sealed, headers={"x-key": sealed}, proxy=sealed
    )
    document = Document(providers=(provider,))
    assert check_written(document) == []
    assert check(document) == []


def test_every_problem_is_found() -> None:
    document = Document(
        providers=(
            Provider(name="p", base_url="ftp://x", api_key="sk hidden\n"),
            Provider(name="p", base_url="http://x", proxy="http://u:hidden@h:1"),
        ),
        models=(Model(name="m", provider="q", aliases=("m", "m"), upstream_model=""),),
        keys=(Key(name="k", secret="hidden", expires_at=dt.datetime(2030, 1, 1)),),
    )
    problems = check_written(document) + check(document)
    assert "hidden" not in "".join(p.message + (p.fix or "") for p in problems)
    assert [problem.path for problem in problems] == [
        ("providers", 0, "api_key"),
        ("providers", 1, "proxy"),
        ("keys", 0, "secret"),
        ("providers", 1, "name"),
        ("providers", 0, "base_url"),
        ("providers", 0, "api_key"),
        ("models", 0, "aliases", 0),
        ("models", 0, "aliases", 1),
        ("models", 0, "provider"),
        ("models", 0, "upstream_model"),
        ("keys", 0, "secret"),
        ("keys", 0, "expires_at"),
    ]


def test_a_key_in_the_clear_is_a_rule_of_the_file() -> None:
    document = Document(keys=(Key(name="k", secret=generate_key()),))
    assert check(document) == []
    assert [problem.path for problem in check_written(document)] == [("keys", 0, "secret")]
