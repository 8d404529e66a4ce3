"""Commands about data: load, datasets, sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import examples, loading, render
from cli.exits import CommandError, Exit
from cli.session import AsJson, Token, Url, errors, output, reporting, session, show

app = typer.Typer()
Json = dict[str, Any]
COLUMNS = ("name", "version", "rows", "columns", "unit", "created_at")


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="A CSV or Parquet file.")],
    name: Annotated[str | None, typer.Option(help="Name of the data set. [the file's name]")] = None,
    unit: Annotated[str | None, typer.Option(help="What one row stands for, e.g. patient.")] = None,
    description: Annotated[str | None, typer.Option(help="What the data are.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="A column's role, e.g. qsmk=treatment. Repeatable.")] = None,
    randomised: Annotated[bool, typer.Option("--randomised", help="The treatment was randomised.")] = False,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Load a file as a data set; the same name again makes a new version."""
    with session(url, token, as_json=as_json) as client:
        said: Json = {"name": name, "unit": unit, "description": description, "columns": _roles(role or [])}
        if randomised:
            said["randomised"] = True
        loaded = loading.load(client, file, {key: value for key, value in said.items() if value})
    show(loaded, _dataset, as_json=as_json)


@app.command()
def datasets(
    name: Annotated[str | None, typer.Argument(help="Show this data set's columns.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 100,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """List data sets, or show one with its columns."""
    with session(url, token, as_json=as_json) as client:
        found = client.get(f"/datasets/{name}") if name else list(client.items("/datasets", limit))
    show(found, _dataset if name else _datasets, as_json=as_json)


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Where to write the tables and truth.json.")] = Path("sample"),
    load_too: Annotated[bool, typer.Option("--load", help="Also load the tables into the service.")] = False,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Write the pharma sample as CSV, with its true effects in truth.json."""
    with reporting(as_json=as_json):
        paths = examples.write_sample(folder)
    if load_too:
        with session(url, token, as_json=as_json) as client:
            for path in paths:
                loaded = loading.load(client, path, examples.description_of(path))
                errors().print(f"loaded {loaded['name']} version {loaded['version']}: {loaded['rows']:,} rows")
    if as_json:
        show([str(path) for path in paths], str, as_json=True)
    else:
        output().print("\n".join(f"wrote {path}" for path in [*paths, folder / "truth.json"]), soft_wrap=True)


def _roles(given: list[str]) -> list[Json]:
    pairs = [each.partition("=") for each in given]
    if not all(column and role for column, _, role in pairs):
        raise CommandError.of(Exit.USAGE, "A role cannot be read", f"--role takes COLUMN=ROLE, got {', '.join(given)}.")
    return [{"name": column, "role": role} for column, _, role in pairs]


def _datasets(found: list[Json]) -> Any:
    return render.table("Data sets", COLUMNS, ([item[column] for column in COLUMNS] for item in found))


def _dataset(found: Json) -> Any:
    title = f"{found['name']} version {found['version']}: {found['rows']:,} rows"
    rows = (
        (
            column["name"],
            column["kind"],
            column["role"] + (" (guessed)" if column.get("role_guessed") else ""),
            column.get("unit"),
            ", ".join(column.get("synonyms") or []),
            column["statistics"]["missing"],
        )
        for column in found["columns"]
    )
    return render.table(title, ("column", "kind", "role", "unit", "synonyms", "missing"), rows)
