"""Each mistake in how callers identify themselves is found alone, and has a way out."""

import pytest
from tests.configuration import planted
from tests.configuration.planted import assert_one_mistake

from faregate.configuration.difference import difference
from faregate.configuration.document import Document
from faregate.configuration.export import export
from faregate.configuration.load import load
from faregate.core.errors import ConfigurationError

APPS = "teams: [{name: sales}]\napplications: [{name: shop}, {name: sales/desk, team: sales}]\n"
TLS = (
    "settings:\n  gate:\n    tls: {certificate_file: a, key_file: b, client_ca_file: c, "
    "client_certificates: optional}\n"
)
ENVIRONMENT = {"SECRET": "hidden-" * 6, "OTHER": "hidden+" * 6, "SHORT": "hidden"}
JWT = "callers:\n  jwt_issuers:\n    - {name: corp, issuer: 'https://i', audiences: [a], "
URL = "jwks_url: 'https://i/keys', "

WHOLE = (
    APPS
    + TLS
    + """\
callers:
  jwt_issuers:
    - name: corp
      issuer: https://login.example.com
      audiences: [faregate]
      jwks_url: https://login.example.com/keys?v=2
      algorithms: [RS256, ES256]
      required_claims: {azp: [web]}
      claims: {application: client_id, customer: sub}
      applications: {web: shop, desk: sales/desk}
    - name: teams
      issuer: https://teams.example.com
      audiences: [faregate]
      jwks_file: /etc/keys.json
      claims: {team: org, application: client}
    - {name: old, issuer: x, audiences: [y], algorithms: [HS256], secret: '${env:SECRET}',
       application: shop}
  oauth2: {enabled: true, token_lifetime_s: 600, issuer: 'https://gate.example.com'}
  hmac:
    - {name: robot, secret: '${env:OTHER}', application: shop}
  certificates:
    - {name: agent, subject: 'CN=agent,O=Example', application: shop}
    - {name: other, san: 'dns:agent', fingerprint: 'FP', application: sales/desk}
  policies:
    - {name: files, paths: ['/v1/files*'], all_of: [key, mtls]}
    - {name: rest, any_of: [jwt, hmac, oauth2]}
""".replace("FP", ":".join(["ab"] * 32))
)


def issuer(text: str) -> str:
    return f"{JWT}{text}}}\n"


def rest(kind: str, text: str) -> str:
    return f"callers:\n  {kind}: {text}\n"


MISTAKES = [
    (
        rest("hmac", "[{name: a, secret: plain-hidden, application: shop}]"),
        "callers.hmac[a].secret", "must not stand in the file", "${env:NAME}",
    ),
    (
        rest("hmac", "[{name: a, secret: '${env:SHORT}', application: shop}]"),
        "callers.hmac[a].secret", "shorter than 32 bytes", "openssl",
    ),
    (
        rest("hmac", "[{name: a, secret: '${env:SECRET}', application: shep}]"),
        "callers.hmac[a].application", "did you mean 'shop'", "name an application",
    ),
    (
        rest(
            "hmac", "[{name: a, secret: '${env:SECRET}', application: shop}, "
            "{name: b, secret: '${env:SECRET}', application: shop}]",
        ),
        "callers.hmac[b].secret", "there twice", "keep one",
    ),
    (issuer("application: shop"), "callers.jwt_issuers[corp]", "come from one place", "exactly"),
    (
        issuer(URL + "jwks_file: f, application: shop"),
        "callers.jwt_issuers[corp]", "come from one place", "exactly",
    ),
    (issuer(URL), "callers.jwt_issuers[corp]", "nothing says which application", "CLAIM"),
    (
        issuer("jwks_url: 'http://i/keys', application: shop"),
        "callers.jwt_issuers[corp].jwks_url", "plain HTTP", "https",
    ),
    (
        issuer("jwks_url: 'i/keys', application: shop"),
        "callers.jwt_issuers[corp].jwks_url", "not an address", "https",
    ),
    (
        issuer(URL + "application: shop, algorithms: [HS256, RS256]"),
        "callers.jwt_issuers[corp].algorithms", "don't go together", "keep one kind",
    ),
    (
        issuer(URL + "application: shop, algorithms: [HS256]"),
        "callers.jwt_issuers[corp].algorithms", "need the secret", "secret",
    ),
    (
        issuer("secret: '${env:SECRET}', application: shop"),
        "callers.jwt_issuers[corp].secret", "HS256, HS384 and HS512 alone", "algorithms",
    ),
    (
        issuer(URL + "application: shop, algorithms: []"),
        "callers.jwt_issuers[corp].algorithms", "no algorithm", "leave",
    ),
    (
        issuer(URL + "application: shop, algorithms: [none]"),
        "callers.jwt_issuers[corp].algorithms[0]", "expected one of ES256", "",
    ),
    (
        issuer(URL + "application: shop, applications: {a: shop}"),
        "callers.jwt_issuers[corp].applications", "no claim is looked up", "claims",
    ),
    (
        issuer(URL + "claims: {application: c}, applications: {a: shep}"),
        "callers.jwt_issuers[corp].applications.a", "no application 'shep'", "name",
    ),
    (
        issuer(URL + "application: shop, required_claims: {azp: []}"),
        "callers.jwt_issuers[corp].required_claims.azp", "no token would pass", "name",
    ),
    (
        rest("certificates", "[{name: a, subject: 'CN=a', application: shop}]"),
        "callers.certificates", "asks for no client certificates", "client_ca_file",
    ),
    (
        TLS + rest("certificates", "[{name: a, application: shop}]"),
        "callers.certificates[a]", "nothing says which", "fingerprint",
    ),
    (
        rest("oauth2", "{enabled: true, issuer: 'https://g/'}"),
        "callers.oauth2.issuer", "ends with /", "https",
    ),
    (
        rest("policies", "[{name: a, any_of: [jwt]}]"),
        "callers.policies[a].any_of[0]", "nothing is configured for 'jwt'", "key",
    ),
    (rest("policies", "[{name: a}]"), "callers.policies[a]", "no method", "any_of"),
    (
        rest("policies", "[{name: a, paths: [v1], any_of: [key]}]"),
        "callers.policies[a].paths[0]", "begins with '/'", "/v1/",
    ),
    (
        rest("policies", "[{name: a, any_of: [key]}, {name: b, any_of: [key]}]"),
        "callers.policies[b]", "the policy 'a' says it", "keep one",
    ),
    (
        rest("policies", "[{name: a, any_of: [key, key]}]"),
        "callers.policies[a].any_of[1]", "already there", "keep one",
    ),
    (
        "settings:\n  gate:\n    tls: {certificate_file: a, key_file: b, "
        "client_certificates: optional}\n",
        "settings.gate.tls.client_certificates", "no client certificate can be verified", "client",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "message", "fix"), MISTAKES)
def test_a_mistake(text: str, place: str, message: str, fix: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(planted, "ENVIRONMENT", ENVIRONMENT)
    if not fix:
        with pytest.raises(ConfigurationError, match="expected one of ES256"):
            load(APPS + text, environment=ENVIRONMENT)
        return
    assert_one_mistake(text, place, message, fix, base=APPS)


@pytest.mark.parametrize("field", ["fingerprint: ab", "subject: shop", "san: shop"])
def test_a_certificate_that_cannot_be_read(field: str):
    text = rest("certificates", f"[{{name: a, {field}, application: shop}}]")
    with pytest.raises(ConfigurationError, match="can't be read"):
        load(APPS + TLS + text, environment={})


def test_an_empty_audience_takes_nobody():
    text = issuer(URL + "application: shop").replace("audiences: [a]", "audiences: []")
    with pytest.raises(ConfigurationError, match="tokens made for others"):
        load(APPS + text, environment={})


def test_what_is_right_has_no_problem_and_comes_back():
    document = load(WHOLE, environment=ENVIRONMENT)
    assert load(export(document), environment=ENVIRONMENT) == document
    told = "\n".join(map(str, difference(Document(), document)))
    assert "+ callers.jwt_issuers[corp]" in told
    assert "SECRET" not in told
