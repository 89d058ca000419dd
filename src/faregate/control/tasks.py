"""What the management process does beside answering: a list of tasks."""

from faregate.control.audit_retention import AuditRetention
from faregate.control.management import Management
from faregate.control.webhook_delivery import WebhookDelivery
from faregate.control.worker import Task


def background_tasks(management: Management) -> tuple[Task, ...]:
    """The tasks over `management`."""
    return (WebhookDelivery(management), AuditRetention(management))
