"""``e2i redrive``: messages that queues gave up, why, and putting them back."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from cli import render
from cli.session import AsJson, Token, Url, session, show

app = typer.Typer()
Json = dict[str, Any]
COLUMNS = ("queue", "asked for", "about", "since", "failed", "why")


@app.command()
def redrive(
    queue: Annotated[str | None, typer.Argument(help="The queue to put back; left out: every queue is listed.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which messages would be put back.")] = False,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """List messages that queues gave up, or put those of one queue back, once what made them fail is mended (admins)."""
    with session(url, token, as_json=as_json) as client:
        if queue is None:
            found = client.get("/admin/queues")
        else:
            found = client.post(f"/admin/queues/{queue}/redrive", {"dry_run": dry_run})
    show(found, _listed if queue is None else _put_back, as_json=as_json)


def _listed(found: Json) -> Any:
    rows = [_row(each["queue"], letter) for each in found["items"] for letter in each["dead_letters"]]
    if not rows:
        return Text("No queue has given a message up.")
    return Group(render.table("Dead letters", COLUMNS, rows), Text("Put them back with: e2i redrive QUEUE"))


def _put_back(found: Json) -> Any:
    rows = [_row(found["queue"], letter) for letter in found["messages"]]
    said = f"{found['put_back']} put back" if found["put_back"] or not rows else f"{len(rows)} would be put back"
    more = [Text("There are more: run it again.")] if found["more"] else []
    return Group(*([render.table("Dead letters", COLUMNS, rows)] if rows else []), Text(said), *more)


def _row(queue: str, letter: Json) -> tuple[Any, ...]:
    about = ", ".join(f"{name} {value}" for name, value in letter["about"].items())
    why = f"{letter['error_type']}: {letter['reason']}"
    return queue, letter["topic"], about, letter["sent_at"], letter["failures"], why
