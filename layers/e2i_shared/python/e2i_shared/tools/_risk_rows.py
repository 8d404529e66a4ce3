"""The rows a risk model learns from: one per row of the data set, or one per entity and horizon of dated activity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.causal.design import Covariate
from e2i_shared.causal.risk_model import grouped_splits
from e2i_shared.datasets.frame import Categories, Dates
from e2i_shared.errors import InsufficientDataError, NoVariationError, UnprocessableError
from e2i_shared.tools._analysis import covariate
from e2i_shared.tools._columns import NUMERIC_KINDS, match_column, numeric_column, time_column
from e2i_shared.tools._periods import covered
from e2i_shared.tools._risk_label import choose_predictors, entity_column, find_label, no_label

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import Frame
    from e2i_shared.tools._registry import ToolContext
    from e2i_shared.tools.risk_scorer import Params

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

FEWEST_ROWS, FEWEST_EVENTS = 100, 20
_FOLDS = 5
_DAYS_PER_MONTH = 30.4375
_MOST_HELD = 3  # horizons judged


@dataclass(frozen=True, slots=True)
class RiskRows:
    """``label`` (n,) is 0/1 or NaN where not known; ``entity`` (n,) codes into ``names``; ``scored`` (n,) rows make the scores."""

    entity: Rows
    names: tuple[str, ...]
    entity_column: str
    covariates: tuple[Covariate, ...]
    label: Floats
    clusters: Rows | None
    splits: list[tuple[Rows, Rows]]
    scored: NDArray[np.bool_]
    text: str
    validation: str
    excluded: dict[str, str]
    notes: tuple[str, ...]


def rows_of(params: Params, context: ToolContext) -> RiskRows:
    """Return the rows; raise UnprocessableError without an event's column, InsufficientDataError with too few events."""
    dataset = context.data.describe(params.dataset)
    entity = entity_column(params, dataset)
    if params.risk_type == "churn" and (activity := _activity(params, dataset, entity)) is not None:
        found = _from_activity(params, dataset, entity, activity, context)
    else:
        found = _from_rows(params, dataset, entity, context)
    _check(found)
    return found


def _from_rows(params: Params, dataset: Dataset, entity: Column, context: ToolContext) -> RiskRows:
    event = find_label(params, dataset)
    if event is None:
        raise no_label(params, dataset)
    cluster = _cluster(params, dataset, entity)
    predictors, excluded = choose_predictors(
        params, dataset, event.column, {entity.name, *([cluster] if cluster else [])}
    )
    names = dict.fromkeys([entity.name, event.column.name, *predictors, *([cluster] if cluster else [])])
    frame = context.data.read(params.dataset, list(names), params.filters)
    codes, labels = _entities(frame, entity)
    kept = codes >= 0
    frame, codes = frame.take(kept), codes[kept]
    values = frame.numbers(event.column.name)
    happened = values < event.below if event.below is not None else values > (event.above or 0.0)
    label = np.where(np.isnan(values), np.nan, happened.astype(np.float64))
    clusters, cluster = _clusters(frame, cluster, codes, named=params.cluster_col is not None)
    columns = []
    for name in predictors:
        column = covariate(frame, name)
        if params.predictors is None and _gives_away(column, label):
            excluded[name] = "tells the event from the rest without error: likely known only afterwards"
        else:
            columns.append(column)
    return RiskRows(
        entity=codes,
        names=labels,
        entity_column=entity.name,
        covariates=tuple(columns),
        label=label,
        clusters=clusters,
        splits=grouped_splits(label, clusters, _FOLDS, context.seed),
        scored=np.ones(frame.n, dtype=np.bool_),
        text=event.text,
        validation=f"{_FOLDS} folds that keep each {cluster or entity.name} whole",
        excluded=excluded,
        notes=event.notes,
    )


def _from_activity(
    params: Params, dataset: Dataset, entity: Column, activity: Column, context: ToolContext
) -> RiskRows:
    """Return a row per entity and horizon: what was so before, and whether activity then fell by the drop asked for.

    Horizons are counted back from the last complete month; a row's predictors are means over its horizon, its label compares the
    activity of the next. The latest horizon, whose next is not known, is scored.
    """
    time = time_column(dataset, "dataset")
    months = max(1, round(params.time_horizon_days / _DAYS_PER_MONTH))
    predictors, excluded = choose_predictors(params, dataset, activity, {entity.name, time.name})
    frame = context.data.read(
        params.dataset, list(dict.fromkeys([entity.name, time.name, activity.name, *predictors])), params.filters
    )
    codes, names = _entities(frame, entity)
    horizon, count = _horizons(frame, time, months)
    usable = (codes >= 0) & (horizon >= 0) & (horizon < count) & ~np.isnan(frame.numbers(activity.name))
    frame, codes, horizon = frame.take(usable), codes[usable], horizon[usable]
    total = np.bincount(codes * count + horizon, frame.numbers(activity.name), len(names) * count).reshape(-1, count)
    after = np.column_stack([np.full(len(names), np.nan), total[:, :-1]])
    fell = np.where(np.isnan(after), np.nan, after <= (1.0 - params.churn_drop) * total).astype(np.float64)
    active = total > 0
    who, when = np.nonzero(active)
    cells = codes * count + horizon
    columns = [
        _averaged(covariate(frame, name), cells, len(names) * count, (who * count + when), frame, time)
        for name in predictors
    ]
    columns.append(Covariate(f"{activity.name} in the horizon", total[who, when].astype(np.float64)))
    earlier = np.column_stack([total[:, 1:], np.full(len(names), np.nan)])
    columns.append(Covariate(f"{activity.name} in the horizon before", earlier[who, when]))
    judged = range(1, min(_MOST_HELD, count - 2) + 1)
    return RiskRows(
        entity=who,
        names=names,
        entity_column=entity.name,
        covariates=tuple(columns),
        label=fell[who, when],
        clusters=who,
        splits=[(np.flatnonzero(when > j), np.flatnonzero(when == j)) for j in judged],
        scored=when == 0,
        text=f"{activity.name} of the next {months} months is at least {params.churn_drop:.0%} below that of the last {months}",
        validation=f"the latest {len(judged)} horizons of {months} months, each by models of earlier ones",
        excluded=excluded,
        notes=(
            f"A horizon of {params.time_horizon_days} days is taken as {months} months; only entities active in it are at risk.",
        ),
    )


def _horizons(frame: Frame, time: Column, months: int) -> tuple[Rows, int]:
    """Return how many horizons back (n,) each row lies, 0 the latest, -1 without a date or in an incomplete month; and how many there are."""
    values, available = frame.columns[time.name], covered(time)
    if not isinstance(values, Dates) or available is None:
        raise InsufficientDataError(f"Column {time.name!r} holds no dates.", field="dataset", got=time.name)
    month = values.values.astype("datetime64[M]")
    end = available.end.astype("datetime64[M]")
    back = np.where(np.isnat(month), -1, (end - month).astype(np.int64) - 1)
    count = int((end - available.start.astype("datetime64[M]")).astype(np.int64)) // months
    if count < 3:
        raise InsufficientDataError(
            f"{time.name!r} covers {count} horizons of {months} months: churn needs three, to learn from one change and judge on the next.",
            field="time_horizon_days",
            expected="at least three horizons of dates",
            got=f"{count}",
            hint="Ask for a shorter horizon or load more history.",
        )
    return np.where(back < 0, -1, back // months).astype(np.intp), count


def _averaged(column: Covariate, cells: Rows, size: int, wanted: Rows, frame: Frame, time: Column) -> Covariate:
    """Return a column by cell: the mean of numbers, the latest of categories."""
    if column.levels is None:
        known = ~np.isnan(column.values)
        n = np.bincount(cells[known], minlength=size)
        sums = np.bincount(cells[known], column.values[known], size)
        means = np.divide(sums, n, out=np.full(size, np.nan), where=n > 0)
        return Covariate(column.name, means[wanted])
    latest = np.full(size, -1.0)
    order = np.argsort(frame.numbers(time.name), kind="stable")
    latest[cells[order]] = column.values[order]
    return Covariate(column.name, latest[wanted], column.levels)


def _activity(params: Params, dataset: Dataset, entity: Column) -> Column | None:
    """Return the column whose fall is churn: the one named, else the first outcome, where entities recur by date; else None."""
    dated = any(c.kind in {ColumnKind.DATE, ColumnKind.DATETIME} for c in dataset.columns)
    if not dated or entity.statistics.distinct >= dataset.rows:
        return None
    if params.outcome_col is not None:
        column = numeric_column(dataset, params.outcome_col, "outcome_col")
        return None if column.kind is ColumnKind.BOOLEAN else column
    if find_label(params, dataset) is not None:
        return None
    numeric = (
        c for c in dataset.columns if c.role is ColumnRole.OUTCOME and c.kind in NUMERIC_KINDS - {ColumnKind.BOOLEAN}
    )
    return next(numeric, None)


def _entities(frame: Frame, entity: Column) -> tuple[Rows, tuple[str, ...]]:
    values = frame.columns[entity.name]
    if not isinstance(values, Categories):
        raise UnprocessableError(
            f"Column {entity.name!r} holds no names of entities.", field="entity_type", got=entity.name
        )
    held, codes = np.unique(values.codes, return_inverse=True)
    shift = int(len(held) > 0 and held[0] < 0)
    return codes.ravel().astype(np.intp) - shift, tuple(values.levels[i] for i in held if i >= 0)


def _cluster(params: Params, dataset: Dataset, entity: Column) -> str | None:
    if params.cluster_col:
        return match_column(dataset, params.cluster_col).name
    return next((c.name for c in dataset.columns if c.role is ColumnRole.CLUSTER and c.name != entity.name), None)


def _codes(frame: Frame, name: str) -> Rows:
    values = frame.columns[name]
    labels = values.codes if isinstance(values, Categories) else frame.numbers(name)
    return np.unique(labels, return_inverse=True)[1].ravel().astype(np.intp)


def _clusters(frame: Frame, name: str | None, entities: Rows, *, named: bool) -> tuple[Rows, str | None]:
    """Return what stays in one fold and its column: entities where the cluster's column has fewer values than there are folds."""
    if name is None:
        return entities, None
    codes = _codes(frame, name)
    held = int(codes.max(initial=-1)) + 1
    if held >= _FOLDS:
        return codes, name
    if named:
        raise InsufficientDataError(
            f"{held} values of {name!r} are too few to hold some out.",
            field="cluster_col",
            expected=f"at least {_FOLDS} values",
            got=str(held),
            hint="Name a finer column, or leave cluster_col out.",
        )
    return entities, None


def _gives_away(column: Covariate, label: Floats) -> bool:
    from e2i_shared.causal.diagnostics import auc

    known = ~np.isnan(label) & ~np.isnan(column.values)
    y = label[known]
    if column.levels is not None or not 0 < y.sum() < len(y):
        return False
    return abs(auc(y, column.values[known]) - 0.5) > 0.495


def _check(found: RiskRows) -> None:
    known = found.label[~np.isnan(found.label)]
    events = int(known.sum())
    if len(known) >= FEWEST_ROWS and events in {0, len(known)}:
        raise NoVariationError(
            f"{'All' if events else 'None'} of the {len(known)} rows had the event ({found.text}): there is nothing to learn.",
            field="outcome_col",
            expected="rows with and without the event",
            got=f"{events} events",
        )
    if len(known) < FEWEST_ROWS or min(events, len(known) - events) < FEWEST_EVENTS:
        raise InsufficientDataError(
            f"{len(known)} rows with {events} events ({found.text}) are too few to learn a risk and judge it.",
            field="filters",
            expected=f"at least {FEWEST_ROWS} rows, {FEWEST_EVENTS} with and {FEWEST_EVENTS} without the event",
            got=f"{len(known)} rows, {events} events",
            hint="Widen the filters or the horizon.",
        )
