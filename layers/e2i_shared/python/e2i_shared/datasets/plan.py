"""How a file is loaded: the storage of each column, and what its cells go through on the way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from e2i_shared.api.datasets import ColumnKind

if TYPE_CHECKING:
    from e2i_shared.datasets.dialect import Dialect

Storage = Literal["double precision", "boolean", "date", "timestamptz", "text"]
Form = Literal["plain", "decimal_comma", "month", "flag"]

STORAGE: dict[ColumnKind, Storage] = {
    ColumnKind.NUMBER: "double precision",
    ColumnKind.INTEGER: "double precision",
    ColumnKind.BOOLEAN: "boolean",
    ColumnKind.DATE: "date",
    ColumnKind.DATETIME: "timestamptz",
    ColumnKind.CATEGORY: "text",
    ColumnKind.TEXT: "text",
    ColumnKind.ID: "text",
}


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """One column: its name, its kind so far (the profile settles number or integer, category or text), and its cells' form."""

    name: str
    kind: ColumnKind
    form: Form = "plain"
    declared: bool = False

    @property
    def storage(self) -> Storage:
        """Return the column type that holds the kind."""
        return STORAGE[self.kind]


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """A whole file. ``missing`` are the spellings that stand for a missing value in every column, besides the empty cell.

    ``clean`` files are copied as they are; the others are staged as text and converted.
    """

    columns: tuple[ColumnPlan, ...]
    dialect: Dialect
    missing: frozenset[str] = frozenset()
    empties: bool = True
    date_order: Literal["MDY", "DMY"] = "MDY"
    staged: bool = False
    warnings: tuple[str, ...] = field(default=())

    @property
    def clean(self) -> bool:
        """Return whether COPY can read the cells as they are."""
        plain = all(column.form == "plain" for column in self.columns)
        return plain and not self.staged and len(self.missing) + bool(self.missing and self.empties) <= 1

    @property
    def null(self) -> str:
        """Return the one spelling that COPY takes for missing."""
        return next(iter(self.missing)) if self.clean and self.missing else ""

    def cleaned(self, token: str) -> LoadPlan:
        """Return the plan that also takes ``token`` for missing, by way of staging."""
        return replace(self, missing=self.missing | {token} - {""}, staged=True)
