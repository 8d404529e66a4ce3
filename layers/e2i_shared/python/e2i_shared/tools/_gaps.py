"""Which columns a gap question means, and the values, benchmarks and noise of its entities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import Column, ColumnKind, ColumnRole, Dataset
from e2i_shared.causal import casemix
from e2i_shared.datasets.frame import Categories
from e2i_shared.errors import InsufficientDataError, UnknownColumnError, UnprocessableError
from e2i_shared.tools._columns import NUMERIC_KINDS, Groups, group, match_column, numeric_column
from e2i_shared.tools._design import matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.datasets.frame import Frame
    from e2i_shared.tools.gap_calculator import Params

    Floats = NDArray[np.float64]

_NAMES = {"territory": ("territory_id", "territory"), "hcp": ("hcp_id", "hcp"), "region": ("region",)}
_MOST_LEVELS = 200
_COVARIATE_LEVELS = 30


@dataclass(frozen=True, slots=True)
class GapColumns:
    """The columns a request means."""

    metric: Column
    entity: Column
    size: Column | None
    target: Column | None
    cluster: Column | None
    covariates: tuple[Column, ...]

    def names(self) -> list[str]:
        """Return every column to read, once."""
        columns = (self.metric, self.entity, self.size, self.target, self.cluster, *self.covariates)
        return list(dict.fromkeys(column.name for column in columns if column))


@dataclass(frozen=True, slots=True)
class Footing:
    """Values (G,) of all entities on one footing, raw or adjusted, with benchmarks (G,) and shortfalls ``gap`` (G,)."""

    values: Floats
    benchmark: Floats
    gap: Floats


@dataclass(frozen=True, slots=True)
class Comparison:
    """Entities in the order of ``labels``: rows ``count``, ``size``, both footings and standard ``errors`` (all (G,))."""

    labels: tuple[str, ...]
    count: NDArray[np.intp]
    size: Floats
    raw: Footing
    adjusted: Footing | None
    errors: Floats
    dropped: int
    empty: tuple[str, ...]
    adjusted_for: tuple[str, ...]
    inseparable: tuple[str, ...]
    pooled: bool

    @property
    def used(self) -> Footing:
        """The adjusted footing where there is one."""
        return self.adjusted or self.raw


def choose_columns(params: Params, dataset: Dataset) -> GapColumns:
    """Resolve the request's names; raise UnknownColumnError or UnprocessableError with candidates."""
    metric, entity = numeric_column(dataset, params.metric, "metric"), _entity_column(dataset, params)
    size = numeric_column(dataset, params.size_col, "size_col") if params.size_col else None
    target = numeric_column(dataset, params.target, "target") if isinstance(params.target, str) else None
    clusters = [c for c in dataset.columns if c.role is ColumnRole.CLUSTER and c.name != entity.name]
    taken = {column.name for column in (metric, entity, size, target) if column}
    if params.covariates is None:
        taken |= {f.column for f in params.filters if f.op == "eq"}
        covariates = [c for c in dataset.columns if c.name not in taken and _is_case_mix(c)]
    else:
        covariates = [match_column(dataset, name) for name in params.covariates]
    return GapColumns(metric, entity, size, target, next(iter(clusters), None), tuple(covariates))


def compare(params: Params, frame: Frame, columns: GapColumns) -> Comparison:
    """Measure every entity; raise InsufficientDataError with fewer than two."""
    entity = group(frame, columns.entity, most=_MOST_LEVELS, field="group_by")
    weights = frame.numbers(columns.size.name) if columns.size else np.ones(frame.n)
    known = (entity.codes >= 0) & ~np.isnan(frame.numbers(columns.metric.name)) & (weights > 0)
    held, packed = np.unique(entity.codes[known], return_inverse=True)
    groups = Groups(packed.ravel(), tuple(entity.labels[i] for i in held))
    _require_two(groups, columns)
    compared = set(groups.labels)
    rows, w, total = frame.take(known), weights[known], len(groups.labels)
    y = rows.numbers(columns.metric.name)
    targets = _targets(params, rows, columns, groups, w)
    raw = _footing(casemix.group_means(y, groups.codes, total, w), params, targets)
    x, owners = matrix(rows, [c.name for c in columns.covariates])
    mix = casemix.adjust(y, groups.codes, total, x, w)
    used = {owner for owner, kept in zip(owners, mix.used, strict=True) if kept}
    return Comparison(
        labels=groups.labels,
        count=np.bincount(groups.codes, minlength=total),
        size=np.asarray(np.bincount(groups.codes, w, total), dtype=np.float64),
        raw=raw,
        adjusted=_footing(mix.values, params, targets) if used else None,
        errors=casemix.clustered_errors(mix.residuals, groups.codes, total, w, _clusters(rows, columns)),
        dropped=int(frame.n - known.sum()),
        empty=tuple(label for label in entity.labels if label not in compared),
        adjusted_for=tuple(sorted(used)),
        inseparable=tuple(sorted({c.name for c in columns.covariates} - used)),
        pooled=mix.slopes_from == "pooled",
    )


def half_width(measured: Comparison) -> float | None:
    """Return 1.96 standard errors of the total opportunity: entities behind vary independently, the benchmark is taken as fixed."""
    behind = measured.raw.gap > 0
    errors = measured.errors[behind] * measured.size[behind]
    return float(1.96 * np.sqrt((errors**2).sum())) if np.isfinite(errors).all() else None


def _entity_column(dataset: Dataset, params: Params) -> Column:
    if params.group_by:
        return match_column(dataset, params.group_by)
    if params.entity_type == "segment":
        raise UnprocessableError(
            "Segments need the column that names them.",
            field="group_by",
            expected="a column of segments",
            candidates=[c.name for c in dataset.columns if c.role is ColumnRole.SEGMENT],
        )
    for name in _NAMES[params.entity_type]:
        try:
            return match_column(dataset, name)
        except UnknownColumnError:
            continue
    raise UnknownColumnError(
        f"Data set {dataset.name!r} has no column of {params.entity_type} names.",
        field="entity_type",
        expected=f"a column named {' or '.join(_NAMES[params.entity_type])}, or with that synonym",
        got=params.entity_type,
        candidates=[
            c.name for c in dataset.columns if c.role in (ColumnRole.ID, ColumnRole.SEGMENT, ColumnRole.CLUSTER)
        ],
        hint="Name the column in group_by.",
    )


def _is_case_mix(column: Column) -> bool:
    if column.role not in (ColumnRole.COVARIATE, ColumnRole.SEGMENT):
        return False
    few = column.kind is ColumnKind.CATEGORY and column.statistics.distinct <= _COVARIATE_LEVELS
    return few or column.kind in NUMERIC_KINDS


def _require_two(groups: Groups, columns: GapColumns) -> None:
    if len(groups.labels) < 2:
        raise InsufficientDataError(
            f"A gap needs two or more {columns.entity.name!r} with a known {columns.metric.name!r}; there are {len(groups.labels)}.",
            field="entity_type",
            expected="two or more entities",
            got=str(len(groups.labels)),
            hint="Widen the filters, or choose another entity_type or group_by.",
        )


def _targets(params: Params, rows: Frame, columns: GapColumns, groups: Groups, weights: Floats) -> Floats | None:
    if params.target is None:
        return None
    if columns.target is None:
        return np.full(len(groups.labels), float(params.target))
    values = rows.numbers(columns.target.name)
    if np.isnan(values).any():
        raise UnprocessableError(
            f"{int(np.isnan(values).sum()):,} rows have no {columns.target.name!r}, so their target is unknown.",
            field="target",
            expected="a target for every row",
            hint="Filter those rows out or give the target as a number.",
        )
    return casemix.group_means(values, groups.codes, len(groups.labels), weights)


def _footing(values: Floats, params: Params, targets: Floats | None) -> Footing:
    benchmark = np.full(len(values), _benchmark(values, params)) if targets is None else targets
    sign = 1.0 if params.higher_is_better else -1.0
    return Footing(values, benchmark, (benchmark - values) * sign)


def _benchmark(values: Floats, params: Params) -> float:
    if params.benchmark == "mean":
        return float(values.mean())
    share = {"median": 0.5, "top_decile": 0.9 if params.higher_is_better else 0.1}[params.benchmark]
    return float(np.quantile(values, share))


def _clusters(rows: Frame, columns: GapColumns) -> NDArray[np.intp] | None:
    if columns.cluster is None:
        return None
    values = rows.columns[columns.cluster.name]
    if isinstance(values, Categories):
        return values.codes.astype(np.intp) + 1
    return np.unique(rows.numbers(columns.cluster.name), return_inverse=True)[1].ravel()
