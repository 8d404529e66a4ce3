"""One causal question as arrays, and the checks that refuse what cannot be answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.errors import EstimationError, InsufficientDataError, NoOverlapError, NoVariationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.arms import Arms
    from e2i_shared.causal.design import Design
    from e2i_shared.causal.panel import Panel
    from e2i_shared.causal.results import TreatmentKind

    Floats = NDArray[np.float64]

FEWEST_ROWS = 50
FEWEST_PER_ARM = 10
FEWEST_CLUSTERS = 10


@dataclass(frozen=True, slots=True)
class Study:
    """Outcome (n,), treatment (n,) (0/1 or a dose), encoded covariates, and who belongs together.

    ``clusters`` are codes 0 … G−1 or None; ``randomised`` says the treatment was assigned by chance; ``modifiers`` (n, k) are
    further columns by which a dose's effect may differ. ``weights`` (n,) say how many units each row stands for. ``arms`` hold a
    treatment of several levels, of which ``treatment`` then marks one; ``panel`` says which rows are one unit seen again.
    """

    outcome: Floats
    treatment: Floats
    design: Design
    clusters: NDArray[np.intp] | None = None
    randomised: bool = False
    treatment_name: str = "treatment"
    outcome_name: str = "outcome"
    modifiers: Floats | None = None
    weights: Floats | None = None
    arms: Arms | None = None
    panel: Panel | None = None

    @property
    def n(self) -> int:
        """Units."""
        return len(self.outcome)

    @property
    def kind(self) -> TreatmentKind:
        """``binary`` for 0/1, else ``dose``."""
        return "binary" if np.isin(self.treatment, (0.0, 1.0)).all() else "dose"

    @property
    def binary_outcome(self) -> bool:
        """Whether the outcome is 0/1."""
        return bool(np.isin(self.outcome, (0.0, 1.0)).all())

    @property
    def groups(self) -> int:
        """Independent units: clusters where there are any, else rows."""
        return self.n if self.clusters is None else int(self.clusters.max()) + 1

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Study:
        """Return the study of the rows given; clusters and arms keep their numbers, so that some may be empty."""
        return replace(
            self,
            outcome=self.outcome[rows],
            treatment=self.treatment[rows],
            design=self.design.take(rows),
            clusters=None if self.clusters is None else self.clusters[rows],
            modifiers=None if self.modifiers is None else self.modifiers[rows],
            weights=None if self.weights is None else self.weights[rows],
            arms=None if self.arms is None else self.arms.take(rows),
            panel=None if self.panel is None else self.panel.take(rows),
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """How to estimate. ``folds`` and ``learner`` left open are chosen by size; ``clip`` bounds propensities to [clip, 1 − clip].

    ``repeats`` > 1 repeats the cross-fitting of ``aipw`` with other folds and averages its scores; left open, 2 where trees meet
    fewer than 3,000 units, for which the draw of the folds matters, else 1.
    """

    seed: int = 20260101
    threads: int = 1
    level: float = 0.95
    folds: int | None = None
    learner: str = "auto"
    clip: float = 0.01
    repeats: int | None = None
    estimand: str = "ate"


def check(study: Study) -> None:
    """Refuse a study that cannot be estimated.

    Raises
    ------
    InsufficientDataError
        Fewer than 50 rows, 10 rows in an arm, or 10 clusters.
    NoVariationError
        Treatment or outcome never varies, or a dose hardly; names the column.
    EstimationError
        Infinite or missing values, the outcome is the treatment, or weights that cannot be weights.
    NoOverlapError
        A covariate equals the treatment: it decides the treatment alone.
    """
    check_rows(study)
    if study.kind == "binary":
        _check_arms(study)
    else:
        _check_dose(study)
    _check_copies(study)


def check_rows(study: Study) -> None:
    """Refuse too few rows or clusters, values that are no numbers or never vary, and weights that cannot be; see ``check``."""
    _check_size(study)
    _check_values(study.outcome, study.outcome_name, "outcome_col")
    _check_values(study.treatment, study.treatment_name, "treatment_col")
    if study.weights is not None:
        check_weights(study.weights)


def _check_size(study: Study) -> None:
    if study.n < FEWEST_ROWS:
        raise InsufficientDataError(
            f"{study.n} usable rows are too few to estimate an effect of {study.treatment_name!r} on {study.outcome_name!r}.",
            field="filters",
            expected=f"at least {FEWEST_ROWS} rows with treatment and outcome",
            got=f"{study.n} rows",
            hint="Widen the filters or load more rows.",
        )
    if study.groups < FEWEST_CLUSTERS:
        raise InsufficientDataError(
            f"{study.groups} clusters are too few for a cluster-robust interval.",
            field="cluster_col",
            expected=f"at least {FEWEST_CLUSTERS} clusters",
            got=f"{study.groups} clusters",
            hint="Widen the filters, or choose a finer cluster_col.",
        )


def _check_values(values: Floats, name: str, field: str) -> None:
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise EstimationError(
            f"Column {name!r} holds {bad} values that are no finite numbers.",
            field=field,
            expected="finite numbers",
            got=name,
            hint="Remove or correct these rows, or filter them out.",
        )
    if values.std() <= 1e-12 * max(1.0, float(np.abs(values).max())):
        raise NoVariationError(
            f"Column {name!r} never varies in the {len(values)} rows: every value is {values[0]:g}.",
            field=field,
            expected="at least two different values",
            got=f"{name} = {values[0]:g}",
            hint="Widen the filters or choose another column.",
        )


def _check_arms(study: Study) -> None:
    treated = int(study.treatment.sum())
    if min(treated, study.n - treated) < FEWEST_PER_ARM:
        raise InsufficientDataError(
            f"Only {treated} of {study.n} rows have {study.treatment_name!r} = 1: one side is too small to compare.",
            field="treatment_col",
            expected=f"at least {FEWEST_PER_ARM} rows on each side",
            got=f"{treated} treated, {study.n - treated} untreated",
            hint="Widen the filters.",
        )


def _check_dose(study: Study) -> None:
    values, counts = np.unique(study.treatment, return_counts=True)
    others = study.n - int(counts.max())
    if others < FEWEST_PER_ARM:
        raise NoVariationError(
            f"Column {study.treatment_name!r} is almost constant: all but {others} of {study.n} rows have "
            f"{values[counts.argmax()]:g}.",
            field="treatment_col",
            expected=f"at least {FEWEST_PER_ARM} rows with another value",
            got=f"{others} rows",
            hint="Widen the filters or choose another column.",
        )


def check_weights(weights: Floats, name: str = "weights") -> None:
    """Raise EstimationError for weights (n,) that are missing, infinite, negative or all zero."""
    wrong = "infinite or missing" if not np.isfinite(weights).all() else "negative" if (weights < 0).any() else None
    if wrong is None and weights.any():
        return
    raise EstimationError(
        f"Column {name!r} holds {wrong} values, which cannot be weights."
        if wrong
        else f"All weights in {name!r} are zero.",
        field="weight_col",
        expected="finite numbers, none negative, some positive",
        got=name,
        hint="Correct the weights, or leave weight_col out.",
    )


def _check_copies(study: Study) -> None:
    if _same(study.outcome, study.treatment):
        raise EstimationError(
            f"Outcome {study.outcome_name!r} and treatment {study.treatment_name!r} hold the same values.",
            field="outcome_col",
            expected="an outcome that is not the treatment",
            got=study.outcome_name,
        )
    standard = (study.treatment - study.treatment.mean()) / study.treatment.std()
    near = np.abs(study.design.linear.T @ standard) / study.n
    if near.size and near.max() > 1 - 1e-6:
        owner = study.design.linear_owners[int(near.argmax())]
        raise NoOverlapError(
            f"Covariate {owner!r} decides {study.treatment_name!r} completely: no two alike units differ in treatment.",
            field="confounders",
            expected="covariates that leave the treatment some variation",
            got=owner,
            hint=f"Leave {owner!r} out of the confounders if it is a copy or a consequence of the treatment.",
        )


def _same(left: Floats, right: Floats) -> bool:
    if left.shape != right.shape:
        return False
    return bool(abs(float(np.corrcoef(left, right)[0, 1])) > 1 - 1e-12)
