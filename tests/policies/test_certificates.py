"""A connection's certificate stands for an application, as long as it and the rules do."""

import pytest

from faregate.configuration.callers import ClientCertificate
from faregate.core.clock import ManualClock
from faregate.core.refusals import Refusal
from faregate.identity.certificates import PeerCertificate
from faregate.policies.certificates import CertificateCheck
from faregate.policies.identified import Identified

CLOCK = ManualClock()
SHOP = PeerCertificate(
    "ab" * 32, (("cn", "shop"),), ("dns:shop.internal",), CLOCK.wall_ns() + 1_000_000_000
)


class Connection:
    def __init__(self, certificate: PeerCertificate | None) -> None:
        self._certificate = certificate
        self.identity: object | None = None
        self.asked = 0

    @property
    def certificate(self) -> PeerCertificate | None:
        self.asked += 1
        return self._certificate


def check(clock: ManualClock, **said: str) -> CertificateCheck:
    return CertificateCheck(
        [
            ClientCertificate(name="other", subject="CN=other", application="other"),
            ClientCertificate(name="shop", application="app", **said),
        ],
        clock,
    )


@pytest.mark.parametrize(
    "said", [{"subject": "CN=shop"}, {"san": "dns:shop.internal"}, {"fingerprint": "AB" * 32}]
)
def test_it_is_found_and_kept_with_the_connection(said: dict[str, str]):
    connection = Connection(SHOP)
    checked = check(CLOCK, **said)
    found = checked(connection)
    assert isinstance(found, Identified)
    assert found.record.key_id == "mtls:shop:app"
    assert checked(connection) is found
    assert connection.asked == 1
    assert checked.named("shop", "app") is found.record
    assert checked.named("shop", "other") is None


def test_none_was_shown():
    assert check(CLOCK, subject="CN=shop")(Connection(None)) is None


def test_an_unknown_one_is_told_to_the_operator_alone():
    refusal = check(CLOCK, subject="CN=desk")(Connection(SHOP))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "certificate_unknown"
    assert SHOP.fingerprint in refusal.reason
    assert SHOP.fingerprint not in refusal.detail


def test_it_ends_on_a_living_connection():
    clock = ManualClock()
    connection, checked = Connection(SHOP), check(clock, subject="CN=shop")
    assert isinstance(checked(connection), Identified)
    clock.advance(2)
    refusal = checked(connection)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "certificate_unknown"


def test_other_rules_look_again():
    connection = Connection(SHOP)
    assert isinstance(check(CLOCK, subject="CN=shop")(connection), Identified)
    assert isinstance(check(CLOCK, subject="CN=desk")(connection), Refusal)
