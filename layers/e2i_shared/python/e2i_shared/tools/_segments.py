"""Groups of rows to compare effects between, and the effects in them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import ColumnKind
from e2i_shared.causal import heterogeneity
from e2i_shared.causal.estimators.choice import estimate
from e2i_shared.causal.heterogeneity import Groups
from e2i_shared.causal.inference import unweighted
from e2i_shared.datasets.frame import Categories
from e2i_shared.errors import InsufficientDataError, UnprocessableError
from e2i_shared.tools._analysis import prepare, settings_of
from e2i_shared.tools._columns import match_column
from e2i_shared.tools._rerun import differences

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Column
    from e2i_shared.causal.results import Estimate, HeterogeneityTest
    from e2i_shared.causal.study import Study
    from e2i_shared.datasets.frame import Frame
    from e2i_shared.tools._analysis import Prepared, Specification
    from e2i_shared.tools._registry import ToolContext
    from e2i_shared.tools.cate_analyzer import Params

    Floats = NDArray[np.float64]

FEWEST_ROWS, FEWEST_PER_ARM, FEWEST_CLUSTERS = 30, 10, 5
MOST_LEVELS, LISTED_NUMBERS = 60, 10
IMPORTANCE_GROUPS = 5


@dataclass(frozen=True, slots=True)
class Segments:
    """One column's groups: ``members`` (n, K) and the text of each."""

    column: str
    members: Floats
    levels: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SegmentedEffect:
    """What cate_analyzer reports."""

    prepared: Prepared
    estimate: Estimate
    rows: list[Json]
    high: list[str]
    low: list[str]
    importance: dict[str, float]
    tests: list[HeterogeneityTest]
    warnings: list[str]


def segmented_effect(specification: Specification, params: Params, context: ToolContext) -> SegmentedEffect:
    """Estimate the effect with the segments as modifiers, and average its scores within them."""
    prepared = prepare(specification, context, params.segment_cols)
    taken = {prepared.specification.treatment_col, prepared.specification.outcome_col}
    warnings: list[str] = []
    families = [
        _usable(prepared, cut(prepared.frame, column, params.quantile_groups), warnings)
        for column in _columns(prepared, params.segment_cols, taken)
    ]
    families = _distinct_labels([family for family in families if len(family.levels) > 1])
    if not families:
        raise InsufficientDataError(
            "No segment column has two groups large enough to compare.",
            field="segment_cols",
            expected=f"two groups of at least {FEWEST_ROWS} rows, {FEWEST_PER_ARM} of them on each side",
            got=", ".join(params.segment_cols),
        )
    members = np.column_stack([family.members for family in families])
    study = replace(prepared.study, modifiers=_indicators(families))
    found = estimate(study, settings_of(context, prepared.specification), prepared.specification.method)
    if params.causal_result is not None:
        warnings += differences(params.causal_result, found) if study.kind == "binary" else []
    groups = Groups(members, tuple(label for family in families for label in family.labels))
    high, low = _responders(found, groups, study, context.seed)
    return SegmentedEffect(
        prepared,
        found,
        _rows(found, families, groups, study, context.seed),
        high,
        low,
        _importance(prepared, found),
        _tests(found, families, study),
        warnings,
    )


def cut(frame: Frame, column: Column, quantile_groups: int) -> Segments:
    """Return a column's groups: its categories, its few numbers, or quantile groups labelled "age 25–33"."""
    values = frame.columns[column.name]
    if isinstance(values, Categories):
        held = np.unique(values.codes[values.codes >= 0])
        names = tuple(values.levels[i] for i in held)
        return Segments(column.name, _one_hot(values.codes, held), names, names)
    numbers = frame.numbers(column.name)
    held = np.unique(numbers[~np.isnan(numbers)])
    if column.kind is ColumnKind.BOOLEAN:
        names = tuple("true" if value else "false" for value in held)
        return Segments(column.name, _one_hot(numbers, held), names, tuple(f"{column.name} = {n}" for n in names))
    if len(held) <= LISTED_NUMBERS:
        names = tuple(f"{value:g}" for value in held)
        return Segments(column.name, _one_hot(numbers, held), names, tuple(f"{column.name} {n}" for n in names))
    return _quantiles(column.name, numbers, quantile_groups)


def _quantiles(name: str, numbers: Floats, count: int) -> Segments:
    present = numbers[~np.isnan(numbers)]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, count + 1)[1:-1]))
    codes = np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers, side="left"))
    held = np.unique(codes[codes >= 0])
    spans = [(numbers[codes == k].min(), numbers[codes == k].max()) for k in held]
    levels = tuple(f"{low:.4g}–{high:.4g}" if low < high else f"{low:.4g}" for low, high in spans)
    return Segments(name, _one_hot(codes, held), levels, tuple(f"{name} {level}" for level in levels))


def _one_hot(values: NDArray[np.generic], held: NDArray[np.generic]) -> Floats:
    return np.asarray(values[:, None] == held, dtype=np.float64)


def _columns(prepared: Prepared, names: list[str], taken: set[str]) -> list[Column]:
    found = []
    for name in dict.fromkeys(names):
        column = match_column(prepared.dataset, name)
        if column.name in taken or column.kind in {ColumnKind.ID, ColumnKind.TEXT}:
            raise UnprocessableError(
                f"{column.name!r} cannot be a segment: it is the treatment, the outcome, or identifies rows.",
                field="segment_cols",
                expected="a category, a number or a true/false column",
                got=column.name,
            )
        found.append(column)
    return found


def _usable(prepared: Prepared, segments: Segments, warnings: list[str]) -> Segments:
    """Leave out groups too small for an effect of their own; say which."""
    if len(segments.levels) > MOST_LEVELS:
        raise UnprocessableError(
            f"{segments.column!r} has {len(segments.levels)} groups; at most {MOST_LEVELS} can be compared.",
            field="segment_cols",
            expected=f"a column with at most {MOST_LEVELS} groups",
            got=segments.column,
        )
    kept = [k for k in range(len(segments.levels)) if _large_enough(prepared.study, segments.members[:, k] == 1)]
    dropped = [segments.labels[k] for k in range(len(segments.levels)) if k not in kept]
    if dropped:
        warnings.append(f"Too few rows for an effect of their own: {', '.join(dropped)}.")
    if len(kept) < 2:
        warnings.append(f"{segments.column!r} has fewer than two groups to compare.")
    return Segments(
        segments.column,
        segments.members[:, kept],
        tuple(segments.levels[k] for k in kept),
        tuple(segments.labels[k] for k in kept),
    )


def _large_enough(study: Study, rows: NDArray[np.bool_]) -> bool:
    if rows.sum() < FEWEST_ROWS:
        return False
    if study.clusters is not None and len(np.unique(study.clusters[rows])) < FEWEST_CLUSTERS:
        return False
    inside = study.treatment[rows]
    if study.kind == "binary":
        return bool(min(inside.sum(), (1 - inside).sum()) >= FEWEST_PER_ARM)
    return bool(inside.std() > 0)


def _distinct_labels(families: list[Segments]) -> list[Segments]:
    labels = [label for family in families for label in family.labels]
    twice = {label for label in labels if labels.count(label) > 1}
    return [
        replace(f, labels=tuple(f"{f.column} {label}" if label in twice else label for label in f.labels))
        for f in families
    ]


def _indicators(families: list[Segments]) -> Floats:
    return np.column_stack([family.members[:, 1:] for family in families])


def _rows(found: Estimate, families: list[Segments], groups: Groups, study: Study, seed: int) -> list[Json]:
    own = unweighted(found.scores, study.weights)
    effects = heterogeneity.group_effects(own, groups, study.clusters, seed=seed, weights=study.weights)
    places = [(f, level) for f in families for level in f.levels]
    fields = ("n", "n_clusters", "effect", "ci_lower", "ci_upper", "std_error", "p_value", "p_value_adjusted")
    rows = [
        {"segment": e.label, "column": f.column, "level": level} | {name: getattr(e, name) for name in fields}
        for e, (f, level) in zip(effects, places, strict=True)
    ]
    order = {f.column: i for i, f in enumerate(families)}
    return sorted(rows, key=lambda row: (order[row["column"]], -row["effect"]))


def _responders(found: Estimate, groups: Groups, study: Study, seed: int) -> tuple[list[str], list[str]]:
    lower, upper = heterogeneity.differences_from_average(
        unweighted(found.scores, study.weights), groups, study.clusters, seed=seed, weights=study.weights
    )
    centre = (lower + upper) / 2
    order = np.argsort(-centre)
    high = [groups.labels[k] for k in order if lower[k] > 0]
    return high, [groups.labels[k] for k in order[::-1] if upper[k] < 0]


def _tests(found: Estimate, families: list[Segments], study: Study) -> list[HeterogeneityTest]:
    tests = []
    own, w = unweighted(found.scores, study.weights), study.weights
    for family in families:
        test = heterogeneity.equal_effects(own, Groups(family.members, family.labels), study.clusters, weights=w)
        tests.append(replace(test, name=f"equal effects by {family.column}"))
    predicted = heterogeneity.cross_fitted_effect(own, study.design.linear, found.nuisances.folds, weights=w)
    slope = heterogeneity.best_linear_predictor(own, predicted, study.clusters, weights=w)
    ranking = heterogeneity.rank_weighted_effect(own, predicted, study.clusters, weights=w)
    return [
        *tests,
        replace(slope, name="best linear predictor of the effect"),
        replace(ranking, name="ranking by predicted effect (AUTOC)"),
    ]


def _importance(prepared: Prepared, found: Estimate) -> dict[str, float]:
    """Return the importance of every covariate and segment column for the effect."""
    columns = {}
    for name in [c for c in prepared.frame.columns if c not in _not_features(prepared)]:
        column = prepared.dataset.column(name)
        if column is None:
            continue
        segments = cut(prepared.frame, column, IMPORTANCE_GROUPS)
        sizes = segments.members.sum(axis=0)
        kept = [k for k in range(len(sizes)) if sizes[k] >= FEWEST_ROWS][:MOST_LEVELS]
        if len(kept) > 1:
            columns[name] = [segments.members[:, k] for k in kept]
    weights = prepared.study.weights
    own = unweighted(found.scores, weights)
    return heterogeneity.importance(own, columns, prepared.study.clusters, weights=weights)


def _not_features(prepared: Prepared) -> set[str | None]:
    settled = prepared.specification
    return {settled.treatment_col, settled.outcome_col, settled.cluster_col}
