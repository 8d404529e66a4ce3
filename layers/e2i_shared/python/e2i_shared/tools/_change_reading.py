"""What a question about a change means on a data set: outcome, two samples, levers, covariates; and the rows of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.common import Filter
from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.datasets.frame import Dates
from e2i_shared.errors import InsufficientDataError, UnknownColumnError, UnprocessableError
from e2i_shared.tools._columns import DATE_KINDS, NUMERIC_KINDS, group, match_column, numeric_column, time_column
from e2i_shared.tools._kpis import find_kpi
from e2i_shared.tools._periods import Span, covered, last_complete

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import DataSource, Frame
    from e2i_shared.tools._kpis import Kpi
    from e2i_shared.tools.change_attributor import Params

    Mask = NDArray[np.bool_]

FEWEST_ROWS = 50
_MOST_LEVELS = 50
_UNFIT = frozenset({ColumnKind.ID, ColumnKind.TEXT})


@dataclass(frozen=True, slots=True)
class ChangeColumns:
    """The columns a question means; ``total`` asks for the sum over rows, else the mean per row."""

    dataset: Dataset
    outcome: Column
    title: str
    total: bool
    split: Column
    levers: tuple[Column, ...]
    covariates: tuple[Column, ...]
    dimensions: tuple[Column, ...]
    cluster: Column | None
    notes: tuple[str, ...]

    def names(self) -> list[str]:
        """Return every column to read, once."""
        columns = (self.outcome, self.split, *self.levers, *self.covariates, *self.dimensions, self.cluster)
        return list(dict.fromkeys(column.name for column in columns if column))


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared: two spans of dates, or two groups' labels; ``a`` comes before, ``b`` after."""

    a: Span | str
    b: Span | str

    def labels(self) -> tuple[str, str]:
        """Return both sides in words."""
        first, second = (side if isinstance(side, str) else side.text() for side in (self.a, self.b))
        return first, second


@dataclass(frozen=True, slots=True)
class ChangeRows:
    """The rows with an outcome on either side; ``after`` (n,) marks side b; ``dropped`` rows have no outcome."""

    frame: Frame
    after: Mask
    dropped: int


def choose(params: Params, dataset: Dataset) -> ChangeColumns:
    """Resolve names by the request, else by roles; raise UnknownColumnError or UnprocessableError with candidates."""
    outcome, title, total, notes = _outcome(params, dataset)
    split = match_column(dataset, params.group_col) if params.group_col else _time(params, dataset)
    cluster = _cluster(params, dataset, outcome)
    fixed = {f.column for f in params.filters if f.op == "eq"}
    taken = {outcome.name, split.name, *fixed, *([cluster.name] if cluster else [])}
    levers = _named(dataset, params.levers, "levers") or (
        _by_role(dataset, ColumnRole.TREATMENT, taken) if params.levers is None else ()
    )
    taken |= {c.name for c in levers}
    dimensions = _named(dataset, params.dimensions, "dimensions") or (
        _dimensions(dataset, taken) if params.dimensions is None else ()
    )
    covariates = _named(dataset, params.covariates, "covariates")
    if params.covariates is None:
        chosen = (
            *dimensions,
            *_by_role(dataset, ColumnRole.SEGMENT, taken),
            *_by_role(dataset, ColumnRole.COVARIATE, taken),
        )
        covariates = tuple({c.name: c for c in chosen}.values())
    _refuse_overlap(outcome, split, levers, covariates)
    return ChangeColumns(dataset, outcome, title, total, split, levers, covariates, dimensions, cluster, tuple(notes))


def sides(params: Params, columns: ChangeColumns) -> tuple[Sides, list[str]]:
    """Return what is compared, with notes on what was settled; raise UnprocessableError where it is not said."""
    if params.group_col:
        if params.group_a is None or params.group_b is None:
            raise UnprocessableError(
                "Comparing groups needs both groups.",
                field="group_a" if params.group_a is None else "group_b",
                expected=f"a value of {columns.split.name}",
                got="none",
                candidates=[value for value, _ in columns.split.statistics.top_values[:10]],
            )
        return Sides(params.group_a, params.group_b), []
    available, notes = covered(columns.split), []
    if available is None:
        raise InsufficientDataError(
            f"Column {columns.split.name!r} holds no dates.", field="time_col", got=columns.split.name
        )
    after = params.period_b.span() if params.period_b else None
    before = params.period_a.span() if params.period_a else None
    if after is None:
        after = last_complete(available, "quarter")
        notes.append(f"No period_b was named: the last complete quarter, {after.text()}, is explained.")
    if before is None:
        before = after.earlier(params.compare)
        notes.append(f"Compared with {before.text()}.")
    if before.start < after.end and after.start < before.end:
        raise UnprocessableError(
            f"The periods overlap: {before.text()} and {after.text()}.",
            field="period_a",
            expected="two periods without a common day",
            got=before.text(),
        )
    return Sides(before, after), notes


def read(params: Params, columns: ChangeColumns, compared: Sides, data: DataSource) -> ChangeRows:
    """Read the rows of both sides; raise InsufficientDataError where either has fewer than 50 with an outcome."""
    limits: list[Filter] = []
    if isinstance(compared.a, Span) and isinstance(compared.b, Span):
        name = columns.split.name
        first, last = min(compared.a.start, compared.b.start), max(compared.a.end, compared.b.end)
        limits = [Filter(column=name, op="ge", value=str(first)), Filter(column=name, op="lt", value=str(last))]
    frame = data.read(params.dataset, columns.names(), [*params.filters, *limits])
    before, after = (_on(frame, columns, side, field) for side, field in ((compared.a, "a"), (compared.b, "b")))
    known = ~np.isnan(frame.numbers(columns.outcome.name))
    for mask, label in zip((before, after), compared.labels(), strict=True):
        if (found := int((mask & known).sum())) < FEWEST_ROWS:
            raise InsufficientDataError(
                f"{found} rows of {label} have {columns.outcome.name!r}: too few to explain a change.",
                field="group_col" if params.group_col else "period_a" if mask is before else "period_b",
                expected=f"at least {FEWEST_ROWS} rows on each side",
                got=f"{found} rows",
                hint="Widen the filters or choose other periods.",
            )
    kept = (before | after) & known
    return ChangeRows(frame.take(kept), after[kept], int(((before | after) & ~known).sum()))


def _on(frame: Frame, columns: ChangeColumns, side: Span | str, name: str) -> Mask:
    if isinstance(side, Span):
        values = frame.columns[columns.split.name]
        days = values.values if isinstance(values, Dates) else np.full(frame.n, np.datetime64("NaT"))
        return side.holds(days.astype("datetime64[D]"))
    groups = group(frame, columns.split, most=_MOST_LEVELS, field="group_col")
    known = {label.casefold(): i for i, label in enumerate(groups.labels)}
    if side.casefold() not in known:
        raise UnprocessableError(
            f"No row has {columns.split.name} = {side!r}.",
            field=f"group_{name}",
            expected=f"a value of {columns.split.name}",
            got=side,
            candidates=list(groups.labels[:10]),
        )
    return np.asarray(groups.codes == known[side.casefold()])


def _outcome(params: Params, dataset: Dataset) -> tuple[Column, str, bool, list[str]]:
    """Return the outcome's column, its title, whether it is summed, and notes."""
    kpi = find_kpi(params.outcome_col)
    for definition in kpi.definitions if kpi else ():
        measure = definition.value
        if (
            kpi
            and measure
            and measure.where is None
            and definition.formula in {"sum", "mean"}
            and dataset.column(measure.column)
        ):
            total = (params.aggregate or definition.formula) == "sum"
            return numeric_column(dataset, measure.column, "outcome_col"), kpi.title, total, []
    try:
        column = numeric_column(dataset, params.outcome_col, "outcome_col")
    except UnknownColumnError:
        if kpi is None:
            raise
        raise _ratio(kpi, params, dataset) from None
    note = [] if params.aggregate else [f"{column.name} is no sum of the KPI catalogue: its mean per row is explained."]
    return column, column.description or column.name, params.aggregate == "sum", note


def _ratio(kpi: Kpi, params: Params, dataset: Dataset) -> UnprocessableError:
    return UnprocessableError(
        f"{kpi.title} is {kpi.definitions[0].text()}: it is no sum or mean of one column of {dataset.name!r}, so rows cannot share its change.",
        field="outcome_col",
        expected="a KPI that is a sum or a mean of one column, or a numeric column",
        got=params.outcome_col,
        candidates=[c.name for c in dataset.columns if c.role is ColumnRole.OUTCOME],
        hint="Explain its numerator or its denominator.",
    )


def _time(params: Params, dataset: Dataset) -> Column:
    if params.time_col is None:
        return time_column(dataset, "time_col")
    column = match_column(dataset, params.time_col)
    if column.kind not in DATE_KINDS:
        raise UnprocessableError(
            f"Column {column.name!r} holds {column.kind.value} values, no dates.",
            field="time_col",
            expected="a column of dates",
            got=column.name,
            candidates=[c.name for c in dataset.columns if c.kind in DATE_KINDS],
        )
    return column


def _cluster(params: Params, dataset: Dataset, outcome: Column) -> Column | None:
    if params.cluster_col:
        return match_column(dataset, params.cluster_col)
    return next((c for c in dataset.columns if c.role is ColumnRole.CLUSTER and c.name != outcome.name), None)


def _named(dataset: Dataset, names: Sequence[str] | None, field: str) -> tuple[Column, ...]:
    found = tuple({c.name: c for c in (match_column(dataset, name) for name in names or [])}.values())
    for column in found:
        numeric = column.kind in NUMERIC_KINDS
        if (field == "levers" and not numeric) or (column.kind in _UNFIT | DATE_KINDS):
            raise UnprocessableError(
                f"Column {column.name!r} holds {column.kind.value} values and cannot be one of {field}.",
                field=field,
                expected="numeric or true/false columns" if field == "levers" else "numbers, true/false or categories",
                got=column.name,
            )
    return found


def _by_role(dataset: Dataset, role: ColumnRole, taken: set[str]) -> tuple[Column, ...]:
    fit = [c for c in dataset.columns if c.role is role and c.name not in taken and c.kind not in _UNFIT | DATE_KINDS]
    return tuple(c for c in fit if role is not ColumnRole.TREATMENT or c.kind in NUMERIC_KINDS)


def _dimensions(dataset: Dataset, taken: set[str]) -> tuple[Column, ...]:
    return tuple(c for c in _by_role(dataset, ColumnRole.SEGMENT, taken) if c.statistics.distinct <= _MOST_LEVELS)


def _refuse_overlap(outcome: Column, split: Column, levers: Sequence[Column], covariates: Sequence[Column]) -> None:
    reserved = {outcome.name: "the outcome", split.name: "what tells the two sides apart"}
    for field, chosen in (("levers", levers), ("covariates", covariates)):
        for column in chosen:
            if column.name in reserved or (field == "covariates" and column in levers):
                what = reserved.get(column.name, "a lever")
                raise UnprocessableError(
                    f"{column.name!r} is {what} and cannot be one of {field}.",
                    field=field,
                    expected="other columns",
                    got=column.name,
                )
