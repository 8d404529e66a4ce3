"""Commands about the classifier: how often it was right, and what was judged as rows to train on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from cli.session import AsJson, Token, Url, errors, session, show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

app = typer.Typer(help="How often questions were routed right, and feedback as training rows.", no_args_is_help=True)


@app.command()
def accuracy(url: Url = None, token: Token = None, as_json: AsJson = False) -> None:
    """Show how often the route was right, by pattern."""
    with session(url, token, as_json=as_json) as client:
        found = client.get("/classifications/accuracy")
    show(found["items"], _table, as_json=as_json)


@app.command("export-feedback")
def export_feedback(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; standard output without it.")] = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Write judged questions as labelled rows (JSONL, one a line), which training takes with --extra."""
    with session(url, token, as_json=False) as client:
        found = client.get("/classifications/feedback")
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found["rows"])
    if out:
        out.write_text(lines, encoding="utf-8")
    else:
        typer.echo(lines, nl=False)
    told = f"{len(found['rows'])} rows"
    if found["unclear"]:
        told += f"; {len(found['unclear'])} judged questions say too little to be a label: " + ", ".join(
            found["unclear"]
        )
    errors().print(told)


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return accuracy by pattern."""
    table = Table("pattern", "classified", "judged", "correct", "accuracy")
    for row in rows:
        share = "-" if row["accuracy"] is None else f"{row['accuracy']:.1%}"
        table.add_row(row["routing_pattern"], *(str(row[name]) for name in ("classified", "judged", "correct")), share)
    return table
