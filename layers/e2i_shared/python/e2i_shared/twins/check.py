"""Whether a data set can carry a twin: read what the spec names, refuse with a reason what cannot be learned from.

``gather(data, spec)`` returns ``Material``, the aligned arrays that every step of training works on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from e2i_shared.api.common import Filter
from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.causal.inference import cluster_codes
from e2i_shared.datasets.filters import find_column, nearest
from e2i_shared.datasets.frame import Categories, Numbers
from e2i_shared.errors import (
    EstimationError,
    InsufficientDataError,
    NoOverlapError,
    NoVariationError,
    UnprocessableError,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import DataSource, Frame
    from e2i_shared.twins.spec import TwinSpec

    Floats = NDArray[np.float64]

FEWEST_ROWS = 1_000
FEWEST_PER_ARM, LEAST_ARM_SHARE = 30, 0.01
MOST_MISSING = 0.4
FEWEST_CLUSTERS = 20
FEATURE_ROLES = frozenset({ColumnRole.COVARIATE, ColumnRole.SEGMENT, ColumnRole.TIME})
NO_FEATURE_KINDS = frozenset({ColumnKind.ID, ColumnKind.TEXT})


@dataclass(frozen=True, slots=True)
class Intervention:
    """A recorded treatment: 0/1 or a dose, ``values`` (n,) without missing; ``labels`` name 0 and 1 where they were words."""

    name: str
    values: Floats
    kind: Literal["binary", "dose"]
    labels: tuple[str, str] | None
    synonyms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Material:
    """What a twin is trained on: ``frame`` holds the features of the n usable rows, the arrays are aligned with it."""

    dataset: Dataset
    frame: Frame
    outcome: Floats
    outcome_name: str
    interventions: tuple[Intervention, ...]
    clusters: NDArray[np.intp] | None
    cluster_name: str | None
    left_out: int
    warnings: tuple[str, ...]

    @property
    def n(self) -> int:
        """Rows."""
        return self.frame.n


def gather(data: DataSource, spec: TwinSpec) -> Material:
    """Read and check.

    Raises
    ------
    UnknownColumnError, UnknownDatasetError
        A name that does not exist, with the nearest ones.
    InsufficientDataError
        Fewer than 1,000 usable rows, or too few on one side of an intervention.
    NoVariationError
        An intervention or the outcome never varies.
    NoOverlapError
        A feature alone decides an intervention.
    EstimationError
        More than 40% missing in the outcome, an intervention or a feature; infinite values.
    """
    dataset = data.describe(spec.dataset)
    outcome = _numeric(find_column(dataset, spec.outcome), "outcome")
    treatments = [find_column(dataset, name) for name in spec.interventions]
    cluster = _cluster(dataset, spec)
    features = _features(dataset, spec, cluster)
    wanted = dict.fromkeys(
        [outcome.name, *(t.name for t in treatments), *(f.name for f in features), *([cluster] if cluster else [])]
    )
    frame = data.read(spec.dataset, list(wanted), _brand(dataset, spec))
    _enough(frame.n, "rows")
    for column in [outcome, *treatments, *features]:
        _check_values(frame, column)
    usable = ~np.isnan(frame.numbers(outcome.name))
    for treatment in treatments:
        usable &= ~np.isnan(frame.numbers(treatment.name))
    _enough(int(usable.sum()), "rows with outcome and every intervention")
    kept = frame.take(usable)
    y = kept.numbers(outcome.name)
    _refuse_constant(y, outcome.name, "outcome")
    codes = _codes(kept, cluster)
    return Material(
        dataset=dataset,
        frame=type(kept)(kept.n, {f.name: kept.columns[f.name] for f in features}),
        outcome=y,
        outcome_name=outcome.name,
        interventions=tuple(_intervention(kept, t, features) for t in treatments),
        clusters=codes,
        cluster_name=cluster if codes is not None else None,
        left_out=frame.n - kept.n,
        warnings=_warnings(frame.n, kept.n, features),
    )


def _numeric(column: Column, field: str) -> Column:
    if column.kind in {ColumnKind.NUMBER, ColumnKind.INTEGER, ColumnKind.BOOLEAN}:
        return column
    raise UnprocessableError(
        f"{column.name!r} holds {column.kind.value} values and cannot be the {field}.",
        field=field,
        expected="a column of numbers or true/false",
        got=column.name,
    )


def _brand(dataset: Dataset, spec: TwinSpec) -> list[Filter]:
    column = dataset.column("brand")
    return [Filter(column="brand", op="eq", value=spec.brand)] if spec.brand and column else []


def _cluster(dataset: Dataset, spec: TwinSpec) -> str | None:
    if spec.cluster_col:
        return find_column(dataset, spec.cluster_col).name
    return next((c.name for c in dataset.columns if c.role is ColumnRole.CLUSTER), None)


def _features(dataset: Dataset, spec: TwinSpec, cluster: str | None) -> list[Column]:
    taken = {spec.outcome, *spec.interventions, cluster}
    if spec.features is None:
        chosen = [c for c in dataset.columns if c.role in FEATURE_ROLES and c.kind not in NO_FEATURE_KINDS]
        found = [c for c in chosen if c.name not in taken and not (c.name == "brand" and spec.brand)]
    else:
        found = [_feature(find_column(dataset, name), taken) for name in dict.fromkeys(spec.features)]
    if found:
        return found
    raise UnprocessableError(
        f"Data set {dataset.name!r} has no column to describe a twin by.",
        field="features",
        expected="at least one covariate or segment",
        got="none",
        candidates=nearest("", (c.name for c in dataset.columns if c.name not in taken)),
    )


def _feature(column: Column, taken: set[str | None]) -> Column:
    if column.name in taken or column.kind in NO_FEATURE_KINDS:
        why = "is outcome, intervention or cluster" if column.name in taken else f"holds {column.kind.value} values"
        raise UnprocessableError(
            f"{column.name!r} {why} and cannot be a feature.",
            field="features",
            expected="another column",
            got=column.name,
        )
    return column


def _enough(rows: int, what: str) -> None:
    if rows < FEWEST_ROWS:
        raise InsufficientDataError(
            f"{rows:,} {what} are too few to learn a twin from.",
            field="dataset",
            expected=f"at least {FEWEST_ROWS:,} {what}",
            got=f"{rows:,}",
            hint="Load more rows, or leave out the brand.",
        )


def _check_values(frame: Frame, column: Column) -> None:
    values = frame.columns[column.name]
    numbers = frame.numbers(column.name)
    infinite = int(np.isinf(numbers).sum()) if isinstance(values, Numbers) else 0
    missing = float(np.isnan(numbers).mean())
    if infinite:
        raise EstimationError(
            f"Column {column.name!r} holds {infinite} infinite values.",
            field=column.name,
            expected="finite numbers, or missing",
            got=f"{infinite} infinite",
        )
    if missing > MOST_MISSING:
        raise EstimationError(
            f"Column {column.name!r} is missing in {missing:.0%} of the rows.",
            field=column.name,
            expected=f"at most {MOST_MISSING:.0%} missing",
            got=f"{missing:.0%}",
            hint="Leave the column out, or load it completely.",
        )


def _refuse_constant(values: Floats, name: str, what: str) -> None:
    if float(np.ptp(values)) == 0.0:
        raise NoVariationError(
            f"The {what} {name!r} never varies: every value is {values[0]:g}.",
            field=name,
            expected="at least two different values",
            got=f"{name} = {values[0]:g}",
            hint="A twin learns an effect only from units that differ in what they received.",
        )


def _intervention(frame: Frame, column: Column, features: list[Column]) -> Intervention:
    values, held = frame.numbers(column.name), frame.columns[column.name]
    _refuse_constant(values, column.name, "intervention")
    levels = np.unique(values)
    labels = None
    if isinstance(held, Categories):
        if len(levels) > 2:
            raise UnprocessableError(
                f"Intervention {column.name!r} has {len(levels)} named levels; a twin needs 0/1, two levels or a dose.",
                field="interventions",
                expected="a number, true/false or two levels",
                got=f"{len(levels)} levels",
                hint="Load one 0/1 column per level.",
            )
        labels = (held.levels[int(levels[0])], held.levels[int(levels[1])])
    if len(levels) > 2:
        _positive_dose(values, column.name)
        return Intervention(column.name, values, "dose", None, tuple(column.synonyms))
    coded = (values == levels[1]).astype(np.float64)
    if labels is None and (levels[0], levels[1]) != (0.0, 1.0):
        labels = (f"{levels[0]:g}", f"{levels[1]:g}")
    _positive_arms(coded, column.name)
    for feature in features:
        _refuse_copy(coded, frame.numbers(feature.name), column.name, feature.name)
    return Intervention(column.name, coded, "binary", labels, tuple(column.synonyms))


def _positive_arms(coded: Floats, name: str) -> None:
    treated = int(coded.sum())
    smaller, floor = min(treated, len(coded) - treated), max(FEWEST_PER_ARM, LEAST_ARM_SHARE * len(coded))
    if smaller < floor:
        raise InsufficientDataError(
            f"Intervention {name!r} was received by {treated:,} of {len(coded):,} rows: one side is too small to learn from.",
            field="interventions",
            expected=f"at least {int(np.ceil(floor))} rows on each side",
            got=f"{smaller} on the smaller side",
            hint=f"Leave {name!r} out, or load rows that differ in it.",
        )


def _positive_dose(values: Floats, name: str) -> None:
    most = float(np.unique(values, return_counts=True)[1].max()) / len(values)
    if (1 - most) * len(values) < max(FEWEST_PER_ARM, LEAST_ARM_SHARE * len(values)):
        raise InsufficientDataError(
            f"Intervention {name!r} has one and the same dose in {most:.1%} of the rows.",
            field="interventions",
            expected=f"at least {max(FEWEST_PER_ARM, int(LEAST_ARM_SHARE * len(values)))} rows with another dose",
            got=f"{round((1 - most) * len(values))} rows",
        )


def _refuse_copy(coded: Floats, feature: Floats, name: str, other: str) -> None:
    present = ~np.isnan(feature)
    levels, codes = np.unique(feature[present], return_inverse=True)
    if len(levels) > 50:
        return
    shares = np.bincount(codes.ravel(), weights=coded[present]) / np.bincount(codes.ravel())
    if np.isin(shares, (0.0, 1.0)).all():
        raise NoOverlapError(
            f"Feature {other!r} decides intervention {name!r} completely: no two alike units differ in it.",
            field="features",
            expected="features that leave the intervention some variation",
            got=other,
            hint=f"Leave {other!r} out if it is a copy or a consequence of the intervention.",
        )


def _codes(frame: Frame, cluster: str | None) -> NDArray[np.intp] | None:
    if cluster is None:
        return None
    column = frame.columns[cluster]
    codes = cluster_codes(column.codes if isinstance(column, Categories) else frame.numbers(cluster))
    if codes is not None and int(codes.max()) + 1 < FEWEST_CLUSTERS:
        raise InsufficientDataError(
            f"{int(codes.max()) + 1} clusters are too few for an interval that holds.",
            field="cluster_col",
            expected=f"at least {FEWEST_CLUSTERS} clusters",
            got=f"{int(codes.max()) + 1}",
        )
    return codes


def _warnings(read: int, kept: int, features: list[Column]) -> tuple[str, ...]:
    found = []
    if read > kept:
        found.append(f"{read - kept:,} of {read:,} rows lack the outcome or an intervention and are left out.")
    found += [
        f"{f.name!r} is an outcome by its role: as a feature it can hide or fake an effect."
        for f in features
        if f.role is ColumnRole.OUTCOME
    ]
    return tuple(found)
