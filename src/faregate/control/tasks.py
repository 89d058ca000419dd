"""What the management process does beside answering: a list of tasks."""

from faregate.control.management import Management
from faregate.control.worker import Task


def background_tasks(management: Management) -> tuple[Task, ...]:
    """The tasks over `management`."""
    return ()
