"""What stands in the document of single sign-on."""

import msgspec

from faregate.configuration.document import Document
from faregate.configuration.single_sign_on import SingleSignOn


def test_the_usual_is_the_careful() -> None:
    one = SingleSignOn(name="corp", issuer="https://login.example.com", client_id="faregate")
    assert not one.create_users
    assert not one.link_by_email
    assert "openid" in one.scopes


def test_it_is_read_as_it_was_written() -> None:
    one = SingleSignOn(name="corp", issuer="https://login.example.com", client_id="faregate")
    document = Document(identity_providers=(one,))
    assert msgspec.json.decode(msgspec.json.encode(document), type=Document) == document
