"""A client that is too slow or sends too much is told the limit that it met."""

from faregate.net.client_refusals import too_large, too_slow


def test_the_limit_is_told():
    assert too_slow("head", 10.0).code == "request_timeout"
    assert "(10 s)" in too_slow("head", 10.0).detail
    refusal = too_large(32)
    assert (refusal.code, refusal.limit) == ("body_too_large", 32)
