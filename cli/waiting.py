"""Waiting for an answer, with progress on the screen once it takes longer than a second."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from rich.live import Live
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from cli.exits import Exit
from cli.live import Board
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
    follow(client, view["composition_id"], seconds - SILENT_SECONDS)
    latest: Json = client.get(f"/compositions/{view['composition_id']}")
    return latest | {"routing_pattern": view["routing_pattern"]}


def follow(client: Client, composition_id: str, seconds: float) -> None:
    """Show a composition's progress until it ended, or for ``seconds``: drawn on a terminal, else a line per change."""
    screen, board, until = errors(), Board(), time.monotonic() + seconds
    shown = Live(board.drawing(), console=screen, transient=True, auto_refresh=False) if screen.is_terminal else None
    with shown or nullcontext():
        while True:
            page = client.get(f"/compositions/{composition_id}/events", after=board.after)
            for line in board.take(page):
                if shown is None:
                    screen.print(Text(line))
            if shown is not None:
                shown.update(board.drawing(), refresh=True)
            if page["ended"] or time.monotonic() >= until:
                return
            if not page["items"]:
                time.sleep(POLL_SECONDS)


def job(client: Client, job_id: str, *, wait: bool) -> Json:
    """Return a training's job, once it has ended where ``wait`` says so."""
    found: Json = client.get(f"/jobs/{job_id}")
    with bar() as progress:
        task = progress.add_task(found["phase"].capitalize(), total=100)
        while wait and found["status"] not in DONE:
            time.sleep(POLL_SECONDS)
            found = client.get(f"/jobs/{job_id}")
            progress.update(task, completed=found["percent"], description=found["phase"].capitalize())
    return found


def job_verdict(found: Json) -> Exit:
    """Return the exit code that a job deserves."""
    if found["status"] == "COMPLETED":
        return Exit.OK
    return Exit.FAILED if found["status"] in DONE else Exit.PENDING


def simulation(client: Client, found: Json, seconds: float = 60) -> Json:
    """Return a simulation, once it has ended where it was queued."""
    until = time.monotonic() + seconds
    with bar() as progress:
        progress.add_task("Simulating", total=None)
        while found["status"] not in DONE and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
            found = client.get(f"/digital-twin/simulations/{found['simulation_id']}")
    return found


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
