"""What a KPI question means on a data set, and the rows that answer it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.common import Filter
from e2i_shared.datasets import filters as conditions
from e2i_shared.datasets.frame import Dates
from e2i_shared.errors import ContractError, E2IError, UnknownColumnError, UnprocessableError
from e2i_shared.tools._columns import DATE_KINDS, NUMERIC_KINDS, match_column, plain, time_column
from e2i_shared.tools._kpis import Definition, Kpi, Measure, find_kpi, kpis
from e2i_shared.tools._periods import Span, covered, is_monthly, last_complete, observed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import DataSource, Frame
    from e2i_shared.tools.kpi_lookup import Params

    Days = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Question:
    """A KPI bound to a data set: ``span`` is what is asked, ``before`` what it is compared with, ``available`` what there is."""

    dataset: Dataset
    kpi: Kpi
    definition: Definition
    dimensions: tuple[Column, ...]
    time: Column | None
    span: Span | None
    before: Span | None
    available: Span | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows read: ``days`` (n,) are NaT without a time column; ``chosen`` (n,) pass the filters on a share's own column.

    ``span`` is the period the rows stand for: the one asked for, or what the filters left of the dates.
    """

    frame: Frame
    days: Days
    chosen: NDArray[np.bool_]
    span: Span | None


def understand(params: Params, dataset: Dataset) -> Question:
    """Resolve names and dates; raise UnknownColumnError or UnprocessableError with candidates."""
    kpi, definition, notes = _resolve(params, dataset)
    dimensions = [match_column(dataset, name) for name in params.dimensions]
    held = {c.name for c in dimensions} | {f.column for f in params.filters}
    if definition.over and definition.over not in held:
        dimensions.append(match_column(dataset, definition.over))
        notes.append(f"No {definition.over} was named, so the share is broken down by it; together they are the whole.")
    if definition.formula == "share":
        notes.append(f"The market is every {definition.over} of the data set, not the whole market.")
    dated = params.period or params.compare or params.grain != "none"
    has_dates = any(c.kind in DATE_KINDS for c in dataset.columns)
    time = time_column(dataset, "period") if dated or has_dates else None
    available = covered(time) if time else None
    span = params.period.span() if params.period else None
    if params.compare and span is None and available is not None:
        grain = "quarter" if params.grain == "none" else params.grain
        span = last_complete(available, grain)
        notes.append(f"No period was named: the last complete {grain} is compared.")
    before = span.earlier(params.compare) if params.compare and span else None
    return Question(dataset, kpi, definition, tuple(dimensions), time, span, before, available, tuple(notes))


def load(params: Params, question: Question, data: DataSource) -> Rows:
    """Read the columns and dates that answer the question."""
    over = question.definition.over
    own = [f for f in params.filters if over and f.column == over]
    rest = [f for f in params.filters if f not in own]
    names = [*question.definition.columns(), *(c.name for c in question.dimensions)]
    names += [question.time.name] if question.time else []
    frame = data.read(params.dataset, list(dict.fromkeys(names)), [*rest, *_date_filters(question)])
    chosen = conditions.mask(frame, conditions.resolve(question.dataset, own))
    days = _days(frame, question.time)
    return Rows(frame, days, chosen, question.span or _remaining(params, question, days))


def _remaining(params: Params, question: Question, days: Days) -> Span | None:
    if question.time is None or question.time.name not in {f.column for f in params.filters}:
        return question.available
    return observed(days, monthly=is_monthly(question.time))


def _days(frame: Frame, time: Column | None) -> Days:
    if time is None:
        return np.full(frame.n, np.datetime64("NaT", "D"))
    values = frame.columns[time.name]
    if not isinstance(values, Dates):
        raise ContractError(
            f"Column {time.name!r} is listed as {time.kind.value} but was read as {type(values).__name__}."
        )
    return values.values.astype("datetime64[D]")


def _date_filters(question: Question) -> list[Filter]:
    if question.time is None or question.span is None:
        return []
    first = min(s.start for s in (question.span, question.before) if s)
    last = max(s.end for s in (question.span, question.before) if s)
    name = question.time.name
    return [Filter(column=name, op="ge", value=str(first)), Filter(column=name, op="lt", value=str(last))]


def _resolve(params: Params, dataset: Dataset) -> tuple[Kpi, Definition, list[str]]:
    """Return the KPI and the first definition whose columns the data set has; else a column taken as a KPI."""
    kpi = find_kpi(params.kpi)
    if kpi and (params.aggregate is None or not _is_column(params.kpi, dataset)):
        for definition in kpi.definitions:
            bound = _bind(definition, dataset)
            if bound:
                return kpi, bound, []
    column = _column(params.kpi, dataset)
    if column is not None:
        return _bare(column, params)
    if kpi is None:
        raise _unknown(params.kpi, dataset)
    wanted = list(dict.fromkeys(name for d in kpi.definitions for name in d.columns()))
    lacking = [name for name in wanted if not _is_column(name, dataset)]
    raise UnprocessableError(
        f"{kpi.title} needs {', '.join(wanted)}; data set {dataset.name!r} has no {', '.join(lacking)}.",
        field="kpi",
        expected=f"a data set with {', '.join(wanted)}",
        got=dataset.name,
        candidates=_available(dataset),
        hint="Choose a data set that has these columns, or one of the KPIs this one can answer.",
    )


def _bind(definition: Definition, dataset: Dataset) -> Definition | None:
    try:
        return definition.bound({name: match_column(dataset, name).name for name in definition.columns()})
    except UnknownColumnError:
        return None


def _column(phrase: str, dataset: Dataset) -> Column | None:
    try:
        return match_column(dataset, phrase)
    except UnknownColumnError:
        return None


def _is_column(phrase: str, dataset: Dataset) -> bool:
    return _column(phrase, dataset) is not None


def _bare(column: Column, params: Params) -> tuple[Kpi, Definition, list[str]]:
    if column.kind not in NUMERIC_KINDS:
        raise UnprocessableError(
            f"Column {column.name!r} holds {column.kind.value} values, which cannot be summed or averaged.",
            field="kpi",
            expected="a KPI or a numeric column",
            got=params.kpi,
            hint=f"Use it in dimensions, to break a KPI down by {column.name}.",
        )
    aggregate = params.aggregate or "mean"
    measure = Measure(aggregate=aggregate, column=column.name)
    definition = Definition(formula=aggregate, unit=column.unit or "", value=measure)
    title = column.description or column.name
    note = f"{column.name} is not in the KPI catalogue; its {aggregate} over rows is given."
    return Kpi(name=column.name, title=title, grain="none", definitions=[definition]), definition, [note]


def _unknown(phrase: str, dataset: Dataset) -> E2IError:
    known = {plain(text): kpi.name for kpi in kpis().values() for text in (kpi.name, *kpi.synonyms)}
    known |= {plain(c.name): c.name for c in dataset.columns if c.kind in NUMERIC_KINDS}
    near = difflib.get_close_matches(plain(phrase), known, n=5, cutoff=0.5)
    return UnknownColumnError(
        f"There is no KPI {phrase!r}, and data set {dataset.name!r} has no such column.",
        field="kpi",
        expected="a KPI of the catalogue or a numeric column",
        got=phrase,
        candidates=list(dict.fromkeys(known[text] for text in near)) or _available(dataset),
    )


def _available(dataset: Dataset) -> Sequence[str]:
    return [kpi.name for kpi in kpis().values() if any(_bind(d, dataset) for d in kpi.definitions)]
