"""Data sets as users and tools see them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from e2i_shared.api.common import Json, Wire

DatasetName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z][A-Za-z0-9_\-. ]*$")]


class ColumnKind(StrEnum):
    """What a column holds. ``category`` is text with few levels; ``id`` is text whatever its digits."""

    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    TEXT = "text"
    DATE = "date"
    DATETIME = "datetime"
    ID = "id"


class ColumnRole(StrEnum):
    """What a column is for in an analysis."""

    ID = "id"
    TREATMENT = "treatment"
    OUTCOME = "outcome"
    COVARIATE = "covariate"
    SEGMENT = "segment"
    TIME = "time"
    CLUSTER = "cluster"
    IGNORE = "ignore"


class ColumnStatistics(Wire):
    """Profile of a column; numbers are in the column's unit."""

    missing: int
    distinct: int
    minimum: float | str | None = None
    maximum: float | str | None = None
    mean: float | None = None
    std: float | None = None
    quantiles: list[float] = []  # 0.05, 0.25, 0.5, 0.75, 0.95
    top_values: list[tuple[str, int]] = []  # up to 50, most frequent first


class ColumnSpec(Wire):
    """What a user may say about a column when loading or later; unset fields are guessed or kept."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    kind: ColumnKind | None = None
    role: ColumnRole | None = None
    unit: str | None = None
    description: str | None = None
    synonyms: list[str] | None = None


class Column(Wire):
    """A column of the catalogue."""

    name: str
    kind: ColumnKind
    role: ColumnRole
    role_guessed: bool = True
    unit: str | None = None
    description: str | None = None
    synonyms: list[str] = []
    statistics: ColumnStatistics


class Dataset(Wire):
    """A data set of the catalogue at one version. ``unit`` is what one row stands for."""

    dataset_id: str
    name: str
    version: int
    rows: int
    unit: str | None = None
    description: str | None = None
    randomised: bool = False
    columns: list[Column]
    warnings: list[str] = []
    created_at: str

    def column(self, name: str) -> Column | None:
        """Return the column of that exact name, or None."""
        return next((c for c in self.columns if c.name == name), None)


class DatasetSummary(Wire):
    """One line of ``GET /datasets``."""

    dataset_id: str
    name: str
    version: int
    rows: int
    columns: int
    unit: str | None = None
    created_at: str


class LoadRequest(Wire):
    """``POST /datasets``: inline content (≤ 1 MiB) or the key of an uploaded object."""

    name: DatasetName
    format: Literal["csv", "parquet"] = "csv"
    content: str | None = None
    upload_key: str | None = None
    unit: str | None = None
    description: str | None = None
    randomised: bool = False
    columns: list[ColumnSpec] = []


class UploadTicket(Wire):
    """Where to PUT a large file before ``POST /datasets`` with its ``upload_key``."""

    upload_key: str
    url: str
    expires_in_seconds: int


class ColumnPatch(Wire):
    """``PATCH /datasets/{id}/columns/{name}``: what to change."""

    role: ColumnRole | None = None
    unit: str | None = None
    description: str | None = None
    synonyms: list[str] | None = None


class DatasetChange(Wire):
    """A data set created or replaced, with what the load found."""

    dataset: Dataset
    seconds: float
    details: Json = {}
