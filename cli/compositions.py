"""Commands about questions asked before: compositions, and to show, cancel or retry one."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import plots, render, waiting
from cli.session import AsJson, Token, Url, errors, reporting, session, show

app = typer.Typer(invoke_without_command=True)


@app.callback()
def compositions(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="Only those with this status.")] = None,
    session_id: Annotated[str | None, typer.Option("--session", help="Only those of this conversation.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """List past questions, newest first; ``show ID`` shows one."""
    if context.invoked_subcommand:
        return
    with session(url, token, as_json=as_json) as client:
        found = list(client.items("/compositions", limit, status=status, session_id=session_id))
    columns = ("composition_id", "status", "created_at", "query")
    show(
        found,
        lambda items: render.table("Compositions", columns, ([item[name] for name in columns] for item in items)),
        as_json=as_json,
    )


@app.command("show")
def show_composition(
    composition_id: Annotated[str, typer.Argument(metavar="ID", help="A composition's id.")],
    plot: plots.Plot = None,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Show a past question with its answer, or how far it is; with --plot also its charts."""
    with reporting(as_json=as_json):
        plots.check(plot)
    with session(url, token, as_json=as_json) as client:
        view = client.get(f"/compositions/{composition_id}")
    show(view, render.answer, as_json=as_json)
    plots.draw((view.get("answer") or {}).get("charts") or [], plot, as_json=as_json, to=errors())
    raise typer.Exit(int(waiting.verdict(view)))


@app.command("cancel")
def cancel_composition(
    composition_id: Annotated[str, typer.Argument(metavar="ID", help="A composition's id.")],
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Stop a question that is being answered."""
    with session(url, token, as_json=as_json) as client:
        view = client.post(f"/compositions/{composition_id}/cancel", {})
    show(view, render.answer, as_json=as_json)


@app.command("retry")
def retry_composition(
    composition_id: Annotated[str, typer.Argument(metavar="ID", help="A composition's id.")],
    wait: Annotated[float, typer.Option(help="Seconds to wait for the answer.")] = 60,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Run the steps that failed again and print the answer; what completed is kept."""
    with session(url, token, as_json=as_json) as client:
        client.post(f"/compositions/{composition_id}/retry", {})
        waiting.follow(client, composition_id, wait)
        view = client.get(f"/compositions/{composition_id}")
    show(view, render.answer, as_json=as_json)
    raise typer.Exit(int(waiting.verdict(view)))
