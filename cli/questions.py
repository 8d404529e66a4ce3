"""Commands about questions: ask, classify, trace, report."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import plots, render, waiting
from cli.session import AsJson, Token, Url, errors, print_json, reporting, session, show

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
    plot: plots.Plot = None,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Ask a question and print the cited answer; with --plot also its charts."""
    with reporting(as_json=as_json):
        plots.check(plot)
    with session(url, token, as_json=as_json) as client:
        view = waiting.ask(client, question, dataset, session_id, wait)
    show(view, render.answer, as_json=as_json)
    plots.draw((view.get("answer") or {}).get("charts") or [], plot, as_json=as_json, to=errors())
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
        form = "summary" if short else "full"
        found = client.get(f"/compositions/{composition_id}/report", form=form, format="json")
    if as_json:
        print_json(found)
    else:
        typer.echo(found["markdown"].rstrip("\n"))
