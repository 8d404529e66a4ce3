"""Waiting for an answer, with progress on the screen once it takes longer than a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from cli.exits import Exit
from cli.session import errors

if TYPE_CHECKING:
    from cli.client import Client

    Json = dict[str, Any]

DONE = frozenset({"COMPLETED", "FAILED", "TIMEOUT", "SKIPPED", "CANCELLED"})
SILENT_SECONDS = 1.0
POLL_SECONDS = 0.3


def bar() -> Progress:
    """Return a progress bar on standard error that vanishes when done; none where nobody watches."""
    screen = errors()
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )


def ask(client: Client, question: str, dataset: str | None, session_id: str | None, seconds: float) -> Json:
    """Ask and wait up to ``seconds``; return the composition as it then stands."""
    body = {"query": question, "wait_seconds": min(seconds, SILENT_SECONDS)}
    optional = {"dataset": dataset, "session_id": session_id}
    view: Json = client.post("/ask", body | {name: value for name, value in optional.items() if value})
    if view["status"] in DONE:
        return view
    until = time.monotonic() + seconds - SILENT_SECONDS
    with bar() as progress:
        task = progress.add_task("Thinking", total=100)
        while view["status"] not in DONE and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
            view = client.get(f"/compositions/{view['composition_id']}") | {"routing_pattern": view["routing_pattern"]}
            state = view.get("progress") or {}
            progress.update(task, completed=state.get("percent", 0), description=state.get("phase", "").capitalize())
    return view


def verdict(view: Json) -> Exit:
    """Return the exit code a composition deserves."""
    if view.get("clarification"):
        return Exit.UNCLEAR
    if view["status"] == "COMPLETED":
        return Exit.OK
    return Exit.FAILED if view["status"] in DONE else Exit.PENDING


def whole(client: Client, composition_id: str) -> tuple[Json, list[Json]]:
    """Return a composition with its steps."""
    steps = client.get(f"/compositions/{composition_id}/steps")["items"]
    return client.get(f"/compositions/{composition_id}"), steps
