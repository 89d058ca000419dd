"""Kinds and fields are listed as they are written in commands."""

from faregate.cli.configuration_words import (
    field_paths,
    item_fields,
    kind_words,
    part_fields,
    section_of,
)
from faregate.configuration.commerce import Team, TeamSettings
from faregate.configuration.settings import GateSettings, Settings, TlsSettings


def test_kinds() -> None:
    assert {"teams", "virtual-models", "identity-providers"} <= set(kind_words())


def test_fields_of_items() -> None:
    assert "max" in item_fields("limits")
    assert "name" not in item_fields("limits")
    assert {"targets", "canary.percent"} <= set(item_fields("virtual-models"))
    assert item_fields("nothing") == []


def test_fields_of_parts() -> None:
    assert {"gate.port", "gate.tls.key_file"} <= set(part_fields("settings"))
    assert "jwt_issuers" in part_fields("callers")
    assert part_fields("nothing") == []
    assert [*field_paths(Team)][:2] == ["name", "wallet"]


def test_sections() -> None:
    assert section_of(Team, "settings") is TeamSettings
    assert section_of(Settings, "gate") is GateSettings
    assert section_of(GateSettings, "tls") is TlsSettings
    assert section_of(GateSettings, "port") is None
    assert section_of(None, "port") is None
