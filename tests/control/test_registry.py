"""Every file of routes is found."""

from pathlib import Path

from faregate.control import routes
from faregate.control.registry import all_routes


def test_every_file_is_there() -> None:
    [folder] = routes.__path__
    files = [path for path in Path(folder).glob("*.py") if path.name != "__init__.py"]
    found = all_routes()
    assert len(found) == len(files)
    assert all(one.operations for one in found)
