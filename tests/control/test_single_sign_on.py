"""People log in with real OpenID providers; whatever isn't theirs is refused."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from tests.control.oidc_servers import CLIENT, SECRET, certified, install, log_in, plain

from faregate.configuration.single_sign_on import GroupRole, SingleSignOn
from faregate.control.problems import ProblemError
from faregate.control.single_sign_on import STATE_S, IdentityProviders
from faregate.identity.roles import RoleGrant
from faregate.storage.secrets import SecretBox

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the plain provider

REDIRECT = "http://127.0.0.1:8403/v1/single-sign-on/corp/callback"


class Clock:
    """The real time, and what a test adds to it."""

    ahead_s = 0

    def wall_ns(self) -> int:
        import time

        return time.time_ns() + self.ahead_s * 1_000_000_000

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture(scope="module", params=["certified", "plain"])
def issuer(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "certified":
        why = install()
        if why is not None:
            pytest.skip(f"oidc-provider can't be installed: {why}")
        server = certified
    else:
        server = plain
    with server(REDIRECT) as address:
        yield address


@pytest.fixture
def provider(issuer: str) -> SingleSignOn:
    return SingleSignOn(
        name="corp",
        issuer=issuer,
        client_id=CLIENT,
        client_secret=SECRET,
        roles=(
            GroupRole(group="staff", role="auditor"),
            GroupRole(group="sellers", role="team-owner", team="sales"),
        ),
        create_users=True,
        link_by_email=True,
    )


class Login:
    """One browser that logs in."""

    def __init__(self, provider: SingleSignOn) -> None:
        self.clock = Clock()
        clock: Any = self.clock
        self.providers = IdentityProviders(SecretBox(bytes(32)), clock)
        self.provider = provider
        self.begun = self.providers.begin(provider, REDIRECT, "/keys")

    def query(self, subject: str = "ada+staff") -> dict[str, str]:
        """What the browser comes back with."""
        return dict(parse_qsl(urlsplit(log_in(self.begun.address, subject, REDIRECT)).query))

    def finish(self, query: dict[str, str], **changed: Any) -> Any:
        """Who it is, for a provider that is set up a little differently by now."""
        provider = msgspec.structs.replace(self.provider, **changed)
        return self.providers.finish(provider, self.begun.cookie, query)


def test_somebody_logs_in_with_the_roles_of_their_groups(provider: SingleSignOn) -> None:
    login = Login(provider)
    returned = login.finish(login.query())
    assert returned.return_to == "/keys"
    who = returned.login
    assert (who.email, who.name, who.subject) == ("ada@example.com", "ada", "ada+staff")
    assert who.roles == (RoleGrant("auditor", None, "sso"),)
    assert who.create
    assert who.link


def test_without_groups_there_are_no_roles(provider: SingleSignOn) -> None:
    login = Login(provider)
    assert login.finish(login.query("eve")).login.roles == ()


def test_an_address_that_is_not_verified_links_nobody(provider: SingleSignOn) -> None:
    login = Login(provider)
    assert not login.finish(login.query("bob+unverified+staff")).login.link


def test_a_code_is_for_one_use(provider: SingleSignOn) -> None:
    login = Login(provider)
    query = login.query()
    login.finish(query)
    with pytest.raises(ProblemError, match="code was not taken") as caught:
        login.finish(query)
    assert caught.value.problem.status == 401


def test_another_browser_can_not_finish_it(provider: SingleSignOn) -> None:
    victim, attacker = Login(provider), Login(provider)
    query = attacker.query()
    with pytest.raises(ProblemError, match="another login"):
        victim.finish(query)
    with pytest.raises(ProblemError, match="began no login"):
        victim.providers.finish(provider, None, query)
    with pytest.raises(ProblemError, match="began no login"):
        victim.providers.finish(provider, "sealed:nonsense", query)


def test_it_must_be_finished_soon(provider: SingleSignOn) -> None:
    login = Login(provider)
    query = login.query()
    login.clock.ahead_s = STATE_S + 1
    with pytest.raises(ProblemError, match="too long ago"):
        login.finish(query)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"client_id": "another"}, "code was not taken|another client|does not hold"),
        ({"email_domains": ("example.org",)}, r"addresses of example\.com"),
        ({"name": "other"}, "another login"),
    ],
)
def test_what_is_for_another_is_refused(
    provider: SingleSignOn, changed: dict[str, Any], why: str
) -> None:
    login = Login(provider)
    with pytest.raises(ProblemError, match=why) as caught:
        login.finish(login.query(), **changed)
    assert caught.value.problem.status == 401


def test_an_error_of_the_provider_is_told(provider: SingleSignOn) -> None:
    login = Login(provider)
    query = {"state": login.query()["state"], "error": "access_denied"}
    with pytest.raises(ProblemError, match="access_denied"):
        login.finish(query)
    with pytest.raises(ProblemError, match="another identity provider"):
        login.finish(query | {"iss": "https://evil.example.com"})


def test_a_wrong_secret_is_the_operators_to_mend(provider: SingleSignOn, issuer: str) -> None:
    if "localhost" in issuer:
        pytest.skip("this provider asks for no secret")
    login = Login(provider)
    with pytest.raises(ProblemError, match="code was not taken"):
        login.finish(login.query(), client_secret="wrong-wrong-wrong-wrong-wrong-wrong")


def test_an_issuer_by_another_name_is_not_believed(provider: SingleSignOn) -> None:
    other = msgspec.structs.replace(provider, issuer=provider.issuer + "/")
    with pytest.raises(ProblemError, match="calls itself") as caught:
        Login(other)
    assert caught.value.problem.status == 503


def test_one_that_does_not_answer_is_said() -> None:
    gone = SingleSignOn(name="corp", issuer="http://127.0.0.1:1", client_id="x")
    with pytest.raises(ProblemError, match="does not answer") as caught:
        Login(gone)
    assert caught.value.problem.status == 503
