"""The operations are those of the document, and no file is left over from others."""

from docs import client_modules


def test_nothing_is_left_over() -> None:
    assert client_modules.surplus() == []


def test_every_tag_is_a_module() -> None:
    assert client_modules.module_name("Files and batches") == "files_and_batches"
    assert (
        "faregate.client.operations.calls"
        in client_modules.modules()[client_modules.FOLDER / "__init__.py"]
    )
