"""A KPI period by period, complete periods only, as forecasts and control charts need it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from e2i_shared.errors import InsufficientDataError, UnprocessableError
from e2i_shared.tools._kpi_answer import Answer
from e2i_shared.tools._kpi_reading import Question, load, understand
from e2i_shared.tools.kpi_lookup import Params as KpiParams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.common import Json
    from e2i_shared.datasets.frame import DataSource

CYCLE = {"month": 12, "quarter": 4, "year": 1}


@dataclass(frozen=True, slots=True)
class KpiSeries:
    """``values`` (T,) of consecutive complete periods that begin on ``starts`` (T,); ``notes`` say what was left out."""

    question: Question
    labels: tuple[str, ...]
    starts: tuple[str, ...]
    values: NDArray[np.float64]
    rows: int
    notes: tuple[str, ...]


def read_series(data: DataSource, **asked: Any) -> KpiSeries:
    """Read a KPI by ``grain``; ``asked`` are inputs of kpi_lookup.

    Raises UnprocessableError for data without dates, InsufficientDataError where no complete period has a value.
    """
    params = KpiParams(**asked)
    question = understand(params, data.describe(params.dataset))
    if question.time is None:
        raise UnprocessableError(
            f"Data set {question.dataset.name!r} has no date column, so {question.kpi.title} has no course over time.",
            field="dataset",
            expected="a data set with a column of dates",
            got=question.dataset.name,
        )
    points = list(Answer(question, load(params, question, data)).series(params.grain, []))
    kept, notes = _consecutive(points)
    if not kept:
        raise InsufficientDataError(
            f"No complete {params.grain} has a value of {question.kpi.title}.",
            field="filters" if params.filters else "kpi",
            expected=f"complete {params.grain}s with values",
            got=f"{len(points)} periods, none complete with a value",
        )
    return KpiSeries(
        question,
        tuple(p["period"] for p in kept),
        tuple(p["start"] for p in kept),
        np.array([p["value"] for p in kept]),
        sum(p["n"] for p in kept),
        tuple(notes),
    )


def _consecutive(points: list[Json]) -> tuple[list[Json], list[str]]:
    """Return the run of complete periods with values up to the last of them, and what is said of the others."""
    complete = [p for p in points if p["complete"]]
    while complete and complete[-1]["value"] is None:
        complete = complete[:-1]
    gaps = [i for i, p in enumerate(complete) if p["value"] is None]
    kept = complete[gaps[-1] + 1 :] if gaps else complete
    partial = [p["period"] for p in points if not p["complete"]]
    lacking = [p["period"] for p in kept if p["missing"]]
    notes = [
        f"Incomplete and left out: {', '.join(partial)}." if partial else "",
        f"{complete[gaps[-1]]['period']} has no value: only later periods are used." if gaps else "",
        f"Rows without a value in {_listed(lacking)}: sums are too low there." if lacking else "",
    ]
    return kept, [note for note in notes if note]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
