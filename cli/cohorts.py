"""Commands about cohorts: cohorts, save-cohort."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from cli import render
from cli.client import LOAD_TIMEOUT
from cli.exits import CommandError, Exit
from cli.session import AsJson, Token, Url, reporting, session, show

app = typer.Typer()
Json = dict[str, Any]
COLUMNS = ("name", "version", "dataset", "unit", "size", "created_at")
STEPS = ("number", "kind", "criterion", "entities_before", "entities_excluded", "entities_after")
HEADS = ("step", "kind", "criterion", "before", "excluded", "left")
_OPS = {
    "=": "eq",
    "==": "eq",
    "!=": "ne",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
    "in": "in",
    "between": "between",
}
_CONDITION = re.compile(
    r"^\s*(?P<column>[^<>=!]+?)\s*(?P<op>!=|<=|>=|==|=|<|>|\s(?:in|between)\s)\s*(?P<value>[^<>=!\s].*?)\s*$",
    re.IGNORECASE,
)
Conditions = Annotated[
    list[str] | None,
    typer.Option(
        "--include", "-i", help="Keep those with, e.g. 'age >= 65' or 'payer in Medicare,Medicaid'. Repeatable."
    ),
]
Exclusions = Annotated[
    list[str] | None, typer.Option("--exclude", "-x", help="Then drop those with, e.g. 'region = West'. Repeatable.")
]


@app.command()
def cohorts(
    name: Annotated[str | None, typer.Argument(help="Show this cohort, by name or id.")] = None,
    versions: Annotated[str | None, typer.Option(help="List every version of this name.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 100,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """List saved cohorts, or show one with the count after each criterion."""
    with session(url, token, as_json=as_json) as client:
        found = client.get(f"/cohorts/{name}") if name else list(client.items("/cohorts", limit, name=versions))
    show(found, _cohort if name else _cohorts, as_json=as_json)


@app.command("save-cohort")
def save_cohort(
    name: Annotated[
        str, typer.Argument(help="What to call it; other criteria under the same name make a new version.")
    ],
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="The data set it is chosen from.")],
    include: Conditions = None,
    exclude: Exclusions = None,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Count inclusion and exclusion criteria step by step and save them as a cohort."""
    with reporting(as_json=as_json):
        criteria = {
            "inclusion": [condition(c) for c in include or []],
            "exclusion": [condition(c) for c in exclude or []],
        }
    with session(url, token, as_json=as_json) as client:
        saved = client.post("/cohorts", {"name": name, "dataset": dataset, **criteria}, timeout=LOAD_TIMEOUT)
    show(saved, _cohort, as_json=as_json)


def condition(text: str) -> Json:
    """Return a condition written as column, operator, value; raise CommandError."""
    found = _CONDITION.match(text)
    if found is None:
        raise CommandError.of(
            Exit.USAGE,
            "A condition cannot be read",
            f"{text!r} is not a condition.",
            f"Write COLUMN OPERATOR VALUE with one of {', '.join(_OPS)}, e.g. 'age >= 65'.",
        )
    op = _OPS[found["op"].strip().lower()]
    values = [_value(part) for part in re.split(r"\s+and\s+|," if op == "between" else ",", found["value"])]
    return {"column": found["column"], "op": op, "value": values if op in ("in", "between") else _value(found["value"])}


def _value(text: str) -> str | float | int:
    plain = text.strip().strip("'\"")
    if text.strip() != plain or not re.fullmatch(r"[-+]?\d+(?:\.\d+)?", plain) or re.match(r"[-+]?0\d", plain):
        return plain
    return float(plain) if "." in plain else int(plain)


def _cohorts(found: list[Json]) -> Any:
    return render.table("Cohorts", COLUMNS, ([item[name] for name in COLUMNS] for item in found))


def _cohort(found: Json) -> Any:
    title = f"{found['name']}, version {found['version']}: {found['definition']['size']:,} of {found['definition']['dataset']}"
    steps = render.table(title, HEADS, ([step[name] for name in STEPS] for step in found["steps"]))
    return Group(steps, Text(f"{found['cohort_id']}  saved {found['created_at']}", style="dim"))
