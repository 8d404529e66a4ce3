"""Commands about questions: ask, classify, compositions, trace, report."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from cli import render, waiting
from cli.session import AsJson, Token, Url, session, show

app = typer.Typer()
Question = Annotated[str, typer.Argument(help="The question, in plain English.")]
OnDataset = Annotated[str | None, typer.Option("--dataset", "-d", help="Answer from this data set.")]
Session = Annotated[str | None, typer.Option("--session", help="Conversation this question belongs to.")]


@app.command()
def ask(
    question: Question,
    dataset: OnDataset = None,
    session_id: Session = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the answer.")] = 60,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Ask a question and print the cited answer."""
    with session(url, token, as_json=as_json) as client:
        view = waiting.ask(client, question, dataset, session_id, wait)
    show(view, render.answer, as_json=as_json)
    raise typer.Exit(int(waiting.verdict(view)))


@app.command()
def classify(
    question: Question,
    dataset: OnDataset = None,
    session_id: Session = None,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Show how a question would be routed."""
    optional = {"dataset": dataset, "session_id": session_id}
    body = {"query": question} | {name: value for name, value in optional.items() if value}
    with session(url, token, as_json=as_json) as client:
        found = client.post("/classify", body)
    show(found, render.classification, as_json=as_json)


@app.command()
def compositions(
    status: Annotated[str | None, typer.Option(help="Only those with this status.")] = None,
    session_id: Session = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """List past questions, newest first."""
    with session(url, token, as_json=as_json) as client:
        found = list(client.items("/compositions", limit, status=status, session_id=session_id))
    columns = ("composition_id", "status", "created_at", "query")
    show(
        found,
        lambda items: render.table("Compositions", columns, ([item[name] for name in columns] for item in items)),
        as_json=as_json,
    )


@app.command()
def trace(
    composition_id: Annotated[str, typer.Argument(metavar="ID", help="A composition's id.")],
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Show a composition's plan as a tree, with the time of each phase and step."""
    with session(url, token, as_json=as_json) as client:
        view, steps = waiting.whole(client, composition_id)
    show(
        {"composition": view, "steps": steps},
        lambda both: render.trace(both["composition"], both["steps"]),
        as_json=as_json,
    )


@app.command()
def report(
    composition_id: Annotated[str, typer.Argument(metavar="ID", help="A composition's id.")],
    short: Annotated[bool, typer.Option("--short", help="The executive summary alone.")] = False,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Print a composition's answer as a report in Markdown."""
    with session(url, token, as_json=as_json) as client:
        view = client.get(f"/compositions/{composition_id}")
    show(view, lambda found: Text(render.report(found, short=short)), as_json=as_json)
