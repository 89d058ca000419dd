"""What runs beside the API."""

from faregate.control.management import Management
from faregate.control.tasks import background_tasks


def test_tasks_are_functions_of_an_event(management: Management) -> None:
    assert all(callable(task) for task in background_tasks(management))
