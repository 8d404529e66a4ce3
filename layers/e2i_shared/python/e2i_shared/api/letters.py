"""Messages that queues gave up, and putting them back."""

from __future__ import annotations

from pydantic import Field

from e2i_shared.api.common import Wire


class DeadLetter(Wire):
    """A message that failed too often: what it asked for, about what, and why it failed the last time."""

    message_id: str
    topic: str
    about: dict[str, str]
    sent_at: str
    error_type: str
    reason: str
    failures: int = Field(description="failed attempts that were recorded")


class QueueState(Wire):
    """One queue with the caller's tenant's dead letters; ``more`` says that there were more messages than could be looked at."""

    queue: str
    dead_letters: list[DeadLetter]
    more: bool = False


class Queues(Wire):
    """``GET /admin/queues``."""

    items: list[QueueState]


class RedriveRequest(Wire):
    """``POST /admin/queues/{queue}/redrive``."""

    dry_run: bool = Field(default=False, description="only say what would be put back")


class Redriven(Wire):
    """The dead letters that were, or with ``dry_run`` would be, put back."""

    queue: str
    messages: list[DeadLetter]
    put_back: int
    more: bool = False
