"""Small data sets for tests of tools, from plain lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from e2i_shared.api.datasets import ColumnKind, ColumnRole, ColumnSpec
from e2i_shared.datasets.describe import describe_frame
from e2i_shared.datasets.frame import Categories, Dates, Frame, FrameColumn, Numbers
from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.tools._registry import ToolContext

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


NO_DATA = ToolContext(MemoryDataSource({}))


def column(values: Sequence[Any]) -> FrameColumn:
    """Return text as categories, ISO dates as dates, numbers and flags as numbers; None is missing."""
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, str) for value in known):
        if all(len(value) == 10 and value[4] == value[7] == "-" for value in known):
            return Dates(np.array([value or "NaT" for value in values], dtype="datetime64[s]"))
        levels = tuple(sorted(set(known)))
        return Categories(np.array([-1 if v is None else levels.index(v) for v in values], dtype=np.int32), levels)
    return Numbers(np.array([np.nan if value is None else float(value) for value in values]))


def frame_of(columns: Mapping[str, Sequence[Any]]) -> Frame:
    """Return the columns as a frame."""
    return Frame(len(next(iter(columns.values()))), {name: column(values) for name, values in columns.items()})


def context(
    columns: Mapping[str, Sequence[Any]],
    *,
    name: str = "data",
    roles: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    kinds: Mapping[str, str] | None = None,
    synonyms: Mapping[str, list[str]] | None = None,
) -> ToolContext:
    """Return a tool context over one data set."""
    roles, units, kinds, synonyms = roles or {}, units or {}, kinds or {}, synonyms or {}
    said = {*roles, *units, *kinds, *synonyms}
    spec = DatasetSpec(
        name=name,
        columns=[
            ColumnSpec(
                name=c,
                role=ColumnRole(roles[c]) if c in roles else None,
                unit=units.get(c),
                kind=ColumnKind(kinds[c]) if c in kinds else None,
                synonyms=synonyms.get(c),
            )
            for c in sorted(said)
        ],
    )
    frame = frame_of(columns)
    return ToolContext(MemoryDataSource({name: (describe_frame(frame, spec), frame)}))
