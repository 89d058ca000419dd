"""An output limit inside a member is set, and a second one found."""

import pytest

from faregate.dialects.nested_limit import set_limit, twofold

OUTER, INNER = ("options", "opts"), ("num_predict",)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", b'{"options":{"num_predict":5}}'),
        (b'{"options":{"a":1}}', b'{"options":{"num_predict":5,"a":1}}'),
        (b'{"opts":{"num_predict": 9 }}', b'{"opts":{"num_predict": 5 }}'),
        (b'{"options":null,"a":1}', b'{"options":{"num_predict":5},"a":1}'),
        (b'{"options":{},"options":{}}', b'{"options":{},"options":{}}'),
    ],
)
def test_the_limit_is_set(body: bytes, expected: bytes) -> None:
    assert set_limit(body, OUTER, INNER, 5) == expected


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"options":{"num_predict":1}}', None),
        (b'{"a":"\\u0041","options":{"num_predict":1}}', None),
        (b'{"options":{},"opts":{}}', "options"),
        (b'{"options":{},"options":{}}', "options"),
        (b'{"options":{"num_predict":1,"num\\u005fpredict":2}}', "num_predict"),
        (b'{"options":{"num_predict":1},"a":{"num_predict":2}}', None),
        (b'{"options":3,"a":"num_predict num_predict"}', None),
    ],
)
def test_a_second_one_is_found(body: bytes, found: str | None) -> None:
    assert twofold(body, OUTER, (INNER,)) == found
