"""The data that ships: two published studies and the pharma sample, ready to load."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from cli.waiting import bar

if TYPE_CHECKING:
    from pathlib import Path

    Json = dict[str, Any]


def write_sample(folder: Path) -> list[Path]:
    """Draw the sample and write its tables and ``truth.json``; return the tables' paths."""
    from e2i_shared.datasets.sample import generate

    with bar() as progress:
        progress.add_task("Drawing the sample", total=None)
        return [path for path in generate().write(folder) if path.suffix == ".csv"]


def write_study(name: str, folder: Path) -> Path:
    """Write a published study (``nhefs`` or ``nsw``) as CSV; return its path."""
    from e2i_shared.datasets.examples import load_example

    with bar() as progress:
        progress.add_task(f"Reading {name}", total=None)
        _, source = load_example(name)
        path = folder / f"{name}.csv"
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(source.chunks()))
    return path


def description_of(path: Path) -> Json:
    """Return what ships about a data set of that file's name, with every column of the file.

    Columns the description leaves out are ignored in analyses where it says so.
    """
    from e2i_shared.datasets.specs import shipped

    spec = shipped(path.stem)
    columns = [column.model_dump(mode="json", exclude_none=True) for column in spec.columns]
    if spec.ignore_other_columns:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            header = next(csv.reader(stream))
        known = {column["name"] for column in columns}
        columns += [{"name": name, "role": "ignore"} for name in header if name not in known]
    said = spec.model_dump(mode="json", include={"name", "unit", "description", "randomised"}, exclude_none=True)
    return said | {"columns": columns}
