"""What is held is found by its name, and nothing that is unread is read."""

from typing import Any

from faregate.client.evidence import Evidence, evidence_of, parsed


class Reply:
    """A response as libraries have it."""

    status_code = 402
    headers = {"Faregate-Call-Id": "call_1"}  # noqa: RUF012 - never changed

    def __init__(self, content: Any) -> None:
        self._content = content

    @property
    def content(self) -> Any:
        if isinstance(self._content, Exception):
            raise self._content
        return self._content


class SomeError(Exception):
    """An SDK's exception, with whatever attributes."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__("it failed")
        self.__dict__.update(attributes)


def test_bodies() -> None:
    assert parsed(b'{"a": 1}') == {"a": 1}
    assert parsed("no json") == "no json"
    assert parsed(b"\xffno json") == "�no json"
    assert parsed({"a": 1}) == {"a": 1}
    assert parsed(None) is None


def test_a_response_and_a_body() -> None:
    error = SomeError(response=Reply(b'{"a": 1}'), body={"b": 2}, status_code=500)
    first, second, text = evidence_of(error)
    assert first == Evidence({"a": 1}, 402, {"Faregate-Call-Id": "call_1"})
    assert first.call_id() == "call_1"
    assert second.tree == {"b": 2}
    assert text.tree == "it failed"


def test_what_was_not_read_stays_unread() -> None:
    error = SomeError(response=Reply(RuntimeError("not read")))
    assert [one.tree for one in evidence_of(error)] == ["it failed"]


def test_attributes_of_other_kinds() -> None:
    error = SomeError(response="none", status_code=True, code="a", headers=7)
    assert {one.status for one in evidence_of(error)} == {None}
    assert all(one.headers == {} for one in evidence_of(error))


def test_texts_with_codes() -> None:
    assert list(Evidence("It is over. (credit_held)", None, {}).texts()) == [
        ("credit_held", "It is over. (credit_held)")
    ]
    told = {"error": {"code": "a", "message": "b"}}
    assert list(Evidence(told, None, {}).texts()) == [("a", "b")]
    assert list(Evidence({"error": "Over. (a_b)"}, None, {}).texts()) == [("a_b", "Over. (a_b)")]
    assert list(Evidence([1], None, {}).texts()) == []
    assert Evidence(None, None, {}).call_id() is None


def test_a_long_chain_ends() -> None:
    error: BaseException = SomeError(body="0")
    for number in range(1, 100):
        outer = SomeError(body=str(number))
        outer.__cause__ = error
        error = outer
    bodies = [one.tree for one in evidence_of(error) if one.tree != "it failed"]
    assert bodies[0] == 99
    assert 10 < len(bodies) < 20
