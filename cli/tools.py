"""Commands about tools: tools, run-tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.json import JSON

from cli import plots, render
from cli.client import LOAD_TIMEOUT
from cli.exits import CommandError, Exit
from cli.session import AsJson, Token, Url, errors, reporting, session, show
from cli.waiting import bar

app = typer.Typer()
Json = dict[str, Any]


@app.command()
def tools(
    name: Annotated[str | None, typer.Argument(help="Show this tool's schemas and examples.")] = None,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """List the analytic tools, or show one."""
    with session(url, token, as_json=as_json) as client:
        found = client.get(f"/tools/{name}") if name else client.get("/tools")["items"]
    show(found, _tool if name else _tools, as_json=as_json)


@app.command("run-tool")
def run_tool(
    name: Annotated[str, typer.Argument(help="A tool's name; see: e2i tools")],
    params: Annotated[str, typer.Option(help="Its input as JSON, or @FILE.")] = "{}",
    plot: plots.Plot = None,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Run one tool on its own; with --plot also draw what it found."""
    with reporting(as_json=as_json):
        plots.check(plot)
    with session(url, token, as_json=as_json) as client, bar() as progress:
        body = {"params": _params(params)}
        progress.add_task(f"Running {name}", total=None)
        found = client.post(f"/tools/{name}/run", body, timeout=LOAD_TIMEOUT)
    show(found, lambda reply: JSON.from_data(reply["result"]), as_json=as_json)
    plots.draw(found["charts"], plot, as_json=as_json, to=errors())


def _params(given: str) -> Json:
    """Return the input: JSON text, or the content of ``@file``."""
    try:
        text = Path(given[1:]).read_text(encoding="utf-8") if given.startswith("@") else given
        parsed = json.loads(text)
    except (OSError, ValueError) as error:
        raise CommandError.of(Exit.USAGE, "The params cannot be read", f"--params: {error}.") from error
    if not isinstance(parsed, dict):
        raise CommandError.of(Exit.USAGE, "The params cannot be read", "--params takes one JSON object.")
    return parsed


def _tools(found: list[Json]) -> Any:
    rows = ((item["name"], item["category"], item["description"]) for item in found)
    return render.table("Tools", ("name", "category", "what it does"), rows)


def _tool(found: Json) -> Any:
    return JSON.from_data(found)
