"""The demo adds its model to whatever is configured, and keeps its key to its owner."""

import json
import shlex
import stat

from faregate.configuration.document import Document, Model, Provider
from faregate.supervisor import demo


def test_an_empty_configuration_gets_a_provider_and_a_model() -> None:
    document = demo.with_local_model(Document(), 4000)
    [provider] = document.providers
    [model] = document.models
    assert provider.base_url == "http://127.0.0.1:4000/v1"
    assert (model.name, model.aliases, model.provider) == ("smollm2", ("demo",), "local")
    assert demo.model_port(document) == 4000


def test_doing_it_again_changes_nothing_but_the_port() -> None:
    first = demo.with_local_model(Document(), 4000)
    assert demo.with_local_model(first, 4000) == first
    moved = demo.with_local_model(first, 4001)
    assert len(moved.providers) == len(moved.models) == 1
    assert demo.model_port(moved) == 4001


def test_what_was_configured_stays_and_keeps_its_names() -> None:
    document = Document(
        providers=(Provider(name="mine", base_url="https://example.org/v1"),),
        models=(Model(name="big", aliases=("demo",), provider="mine"),),
    )
    after = demo.with_local_model(document, 4000)
    assert after.providers[0] == document.providers[0]
    assert after.models[0] == document.models[0]
    assert after.models[1].aliases == ()
    assert demo.model_port(document) == 0


def test_the_environment_file_is_read_back_and_private(tmp_path) -> None:
    path = tmp_path / "demo.env"
    assert demo.read_environment_file(path) == {}
    demo.write_environment_file(path, "http://127.0.0.1:1", "fg_old")
    path.chmod(0o644)
    demo.write_environment_file(path, "http://127.0.0.1:8402", "fg_key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert demo.read_environment_file(path) == {
        "FAREGATE_URL": "http://127.0.0.1:8402",
        "FAREGATE_API_KEY": "fg_key",
        "OPENAI_BASE_URL": "http://127.0.0.1:8402/v1",
        "OPENAI_API_KEY": "fg_key",
    }


def test_the_curl_line_is_whole_in_a_shell() -> None:
    words = shlex.split(demo.curl_line("http://127.0.0.1:8402", "fg_key"))
    assert words[:2] == ["curl", "http://127.0.0.1:8402/v1/chat/completions"]
    assert "Authorization: Bearer fg_key" in words
    assert json.loads(words[-1])["model"] == "smollm2"
