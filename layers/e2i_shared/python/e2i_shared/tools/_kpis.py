"""The KPI catalogue, and the arithmetic of its formulas on grouped rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from e2i_shared.datasets.frame import Categories
from e2i_shared.tools._columns import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from e2i_shared.datasets.frame import Frame
    from e2i_shared.tools._columns import Groups

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

Aggregate = Literal["sum", "mean", "distinct"]
_COMPARE = {"ge": np.greater_equal, "gt": np.greater, "le": np.less_equal, "lt": np.less, "eq": np.equal}


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Where(_Entry):
    """A condition on a numeric column; rows where it is missing do not pass."""

    column: str
    op: Literal["ge", "gt", "le", "lt", "eq"]
    value: float


class Measure(_Entry):
    """One aggregate of one column; written ``{sum: trx}`` in the catalogue."""

    aggregate: Aggregate
    column: str
    where: Where | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        """Read the catalogue's short form."""
        named = [key for key in ("sum", "mean", "distinct") if isinstance(data, dict) and key in data]
        if not named:
            return data
        rest = {key: value for key, value in data.items() if key != named[0]}
        return rest | {"aggregate": named[0], "column": data[named[0]]}

    def columns(self) -> Iterator[str]:
        """Yield the columns that must exist."""
        yield self.column
        if self.where:
            yield self.where.column

    def text(self) -> str:
        """Return the measure as a formula."""
        words = {"sum": "sum of", "mean": "mean of", "distinct": "number of distinct"}
        signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "eq": "="}
        condition = f" where {self.where.column} {signs[self.where.op]} {self.where.value:g}" if self.where else ""
        return f"{words[self.aggregate]} {self.column}{condition}"


class Definition(_Entry):
    """One way to compute a KPI."""

    formula: Literal["sum", "mean", "distinct", "ratio", "share"]
    unit: str
    value: Measure | None = None
    top: Measure | None = None
    bottom: Measure | None = None
    over: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Definition:
        """Refuse a formula without its parts."""
        parts = (self.top, self.bottom) if self.formula == "ratio" else (self.value,)
        if None in parts or (self.formula == "share") != (self.over is not None):
            raise ValueError(
                f"a {self.formula} needs {'top and bottom' if self.formula == 'ratio' else 'value, share over'}"
            )
        return self

    def measures(self) -> list[Measure]:
        """Return the measures, numerator first."""
        return [m for m in (self.value, self.top, self.bottom) if m]

    def columns(self) -> list[str]:
        """Return the columns that must exist."""
        names = [name for measure in self.measures() for name in measure.columns()]
        return list(dict.fromkeys([*names, *([self.over] if self.over else [])]))

    def text(self) -> str:
        """Return the formula in words."""
        if self.formula == "share":
            return f"{self.measures()[0].text()} / the same over every {self.over}"
        return " / ".join(m.text() for m in self.measures())

    def bound(self, names: Mapping[str, str]) -> Definition:
        """Return the definition over the data set's own column names."""

        def rename(measure: Measure | None) -> Measure | None:
            if measure is None:
                return None
            where = measure.where and measure.where.model_copy(update={"column": names[measure.where.column]})
            return measure.model_copy(update={"column": names[measure.column], "where": where})

        parts = {name: rename(getattr(self, name)) for name in ("value", "top", "bottom")}
        return self.model_copy(update=parts | {"over": names[self.over] if self.over else None})


class Kpi(_Entry):
    """A KPI of the catalogue."""

    name: str
    title: str
    synonyms: list[str] = []
    grain: Literal["month", "none"]
    higher_is_better: bool = True
    definitions: list[Definition]

    def names(self) -> set[str]:
        """Return all it is called, as compared."""
        return {plain(text) for text in (self.name, self.title, *self.synonyms)}


@dataclass(frozen=True, slots=True)
class Values:
    """A KPI by group: ``value`` (G,), NaN where it is undefined; ``rows`` and ``missing`` rows (G,)."""

    value: Floats
    rows: NDArray[np.intp]
    missing: NDArray[np.intp]


@cache
def kpis() -> dict[str, Kpi]:
    """Return the catalogue by name."""
    text = files("e2i_shared.tools").joinpath("kpis.yaml").read_text(encoding="utf-8")
    entries = [Kpi.model_validate(entry) for entry in yaml.safe_load(text)["kpis"]]
    return {entry.name: entry for entry in entries}


def find_kpi(phrase: str) -> Kpi | None:
    """Return the KPI of that name, title or synonym; names win over synonyms."""
    wanted = plain(phrase)
    named = [kpi for kpi in kpis().values() if plain(kpi.name) == wanted]
    return next(iter(named or [kpi for kpi in kpis().values() if wanted in kpi.names()]), None)


def evaluate(definition: Definition, frame: Frame, groups: Groups, chosen: Mask, market: Groups) -> Values:
    """Compute a KPI in each group over the ``chosen`` rows (n,).

    A row that lacks any column of the formula counts in neither part, so numerator and denominator are over the same rows. The
    denominator of a share is its group's ``market``, of all rows; other formulas ignore ``market``.
    """
    total, own = len(groups.labels), (groups.codes >= 0) & chosen
    unknown = np.zeros(frame.n, dtype=np.bool_)
    for column in {name for measure in definition.measures() for name in measure.columns()}:
        unknown |= _is_missing(frame, column)
    parts = [_measure(measure, frame, groups, own & ~unknown) for measure in definition.measures()]
    if definition.formula == "share":
        whole = _measure(definition.measures()[0], frame, market, (market.codes >= 0) & ~unknown)
        parts.append(whole[_market_of(groups, market)])
    return Values(
        parts[0] if len(parts) == 1 else _divide(parts[0], parts[1]),
        np.bincount(groups.codes[own], minlength=total),
        np.bincount(groups.codes[own & unknown], minlength=total),
    )


def _market_of(groups: Groups, market: Groups) -> NDArray[np.intp]:
    """Return the market (G,) each group lies in."""
    of = np.zeros(len(groups.labels), dtype=np.intp)
    inside = (groups.codes >= 0) & (market.codes >= 0)
    of[groups.codes[inside]] = market.codes[inside]
    return of


def _measure(measure: Measure, frame: Frame, groups: Groups, rows: Mask) -> Floats:
    """Return one aggregate (G,) over rows whose columns are known; NaN in a group without rows, but 0 distinct values."""
    total, known = len(groups.labels), rows
    if measure.where:
        known = rows & _COMPARE[measure.where.op](frame.numbers(measure.where.column), measure.where.value)
    codes = groups.codes[known]
    if measure.aggregate == "distinct":
        _, ids = np.unique(_identity(frame, measure.column)[known], return_inverse=True)
        width = int(ids.max(initial=0)) + 1
        pairs = np.unique(codes * width + ids.ravel())
        return np.bincount(pairs // width, minlength=total).astype(np.float64)
    counts = np.bincount(codes, minlength=total)
    sums = np.bincount(codes, frame.numbers(measure.column)[known], total).astype(np.float64)
    divisor = counts if measure.aggregate == "mean" else np.minimum(counts, 1)
    return _divide(sums, divisor.astype(np.float64))


def _divide(top: Floats, bottom: Floats) -> Floats:
    defined = (bottom != 0) & ~np.isnan(bottom)
    return np.asarray(np.divide(top, bottom, out=np.full(len(top), np.nan), where=defined))


def _is_missing(frame: Frame, column: str) -> Mask:
    values = frame.columns[column]
    if isinstance(values, Categories):
        return np.asarray(values.codes < 0)
    return np.isnan(frame.numbers(column))


def _identity(frame: Frame, column: str) -> NDArray[Any]:
    values = frame.columns[column]
    return values.codes if isinstance(values, Categories) else frame.numbers(column)
