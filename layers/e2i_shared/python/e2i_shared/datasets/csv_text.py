"""Frames as CSV text: UTF-8, comma, LF, empty for missing; whole numbers without a point, dates in ISO 8601."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import ColumnKind
from e2i_shared.datasets.frame import Categories, Dates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2i_shared.api.datasets import Dataset
    from e2i_shared.datasets.frame import Frame, FrameColumn


def write(frame: Frame, dataset: Dataset, path: Path) -> Path:
    """Write the frame with a header line; return the path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for line in lines(frame, dataset):
            file.write(line)
    return path


def lines(frame: Frame, dataset: Dataset) -> Iterator[str]:
    """Yield the header, then the rows, as CSV lines."""
    kinds = {column.name: column.kind for column in dataset.columns}
    columns = [_texts(values, kinds[name]) for name, values in frame.columns.items()]
    sink = _Line()
    # With \r in its line end, csv.writer also quotes the values that hold one.
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow(frame.columns)
    yield sink.text
    for row in zip(*columns, strict=True):
        writer.writerow(row)
        yield sink.text


class _Line:
    """The last line that a csv.writer wrote."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text.removesuffix("\r\n") + "\n"


def _texts(values: FrameColumn, kind: ColumnKind) -> list[str]:
    if isinstance(values, Categories):
        levels = [*values.levels, ""]
        return [levels[code] for code in values.codes.tolist()]
    if isinstance(values, Dates):
        unit = "D" if kind is ColumnKind.DATE else "s"
        texts = values.values.astype(f"datetime64[{unit}]").astype(np.str_)
        return [str(text) for text in np.where(np.isnat(values.values), "", texts)]
    return ["" if v != v else _number(v, kind) for v in values.values.tolist()]  # noqa: PLR0124 -- NaN is unlike itself


def _number(value: float, kind: ColumnKind) -> str:
    if kind is ColumnKind.BOOLEAN:
        return "true" if value else "false"
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
