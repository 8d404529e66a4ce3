"""What each function is, as data; read by ``infra/cdk`` and ``infra/local``."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the HTTP API, e.g. ``GET /api/v1/compositions/{composition_id}``; ``public`` routes need no token."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    public: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue that feeds the function, with a dead-letter queue after ``max_receives``."""

    name: str
    visibility_seconds: int
    batch_size: int = 10
    max_receives: int = 3


@dataclass(frozen=True, slots=True)
class EventRule:
    """An EventBridge rule (``pattern``) that sends matching events to ``queue``; ``machine`` narrows it to one state machine's."""

    name: str
    pattern: dict[str, Any]
    queue: str
    machine: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A container task that runs the function's image as ``python -m module``, for what passes a function's limits."""

    cpu: int  # 1024 are one core
    memory_mb: int
    module: str


@dataclass(frozen=True, slots=True)
class FunctionDescription:
    """One Lambda function.

    ``rights`` are the services it may use: "database", "start_workflow", "stop_workflow", "objects_read", "objects_write",
    "publish_events", "start_training", "experiment_log", "redrive", "database_admin", "language_models".
    """

    name: str
    summary: str
    package: Literal["zip", "image"]
    memory_mb: int
    timeout_seconds: int
    rights: tuple[str, ...]
    routes: tuple[Route, ...] = ()
    queue: Queue | None = None
    task: Task | None = None
    event_rules: tuple[EventRule, ...] = ()
    schedule: str | None = None  # "rate(1 minute)"
    runs_on_deploy: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    local_workers: int = 2  # most processes at a time on one machine

    @property
    def handler(self) -> str:
        """Return the dotted path of the handler."""
        return f"functions.{self.name}.handler.handle"


@cache
def all_functions() -> tuple[FunctionDescription, ...]:
    """Return every description in this folder, by name."""
    names = sorted(module.name for module in iter_modules(__path__))
    return tuple(import_module(f"{__name__}.{name}").FUNCTION for name in names)


def queue_names() -> tuple[str, ...]:
    """Return the name of every queue."""
    return tuple(each.queue.name for each in all_functions() if each.queue)
