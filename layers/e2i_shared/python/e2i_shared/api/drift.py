"""Drift of a data set's columns, as ``GET /datasets/{id}/drift`` answers it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from e2i_shared.api.common import Wire

DriftSeverity = Literal["none", "minor", "moderate", "severe"]


class DriftQuery(Wire):
    """Which periods are compared: the last complete one of this length, with all before it."""

    grain: Annotated[Literal["month", "quarter", "year"], Field(description="length of the period")] = "month"


class ColumnDrift(Wire):
    """One column; ``threshold`` is what chance exceeds in 5% of data sets that did not drift, all columns together."""

    column: str
    psi: float
    severity: DriftSeverity
    threshold: float
    largest_contribution: str
    reference_mean: float | None = None
    comparison_mean: float | None = None
    reference_missing_share: float
    comparison_missing_share: float


class DatasetDrift(Wire):
    """Every comparable column, the largest index first; periods are dates, end exclusive."""

    dataset_id: str
    dataset: str
    version: int
    grain: Literal["month", "quarter", "year"]
    reference: tuple[str, str]
    comparison: tuple[str, str]
    reference_rows: int
    comparison_rows: int
    severity: DriftSeverity
    columns: list[ColumnDrift]
    skipped: list[str]
