"""Who receives an intervention: a cross-fitted propensity model, judged before anything is built on it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from e2i_shared.causal import diagnostics, learners
from e2i_shared.causal.learners import Trees, expit
from e2i_shared.twins.regress import Learner, regress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from e2i_shared.causal.design import Design

    Floats = NDArray[np.float64]

CLIP = 0.01
OVERLAP = (0.05, 0.95)
BINS = 10
SEARCH_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class PropensityModel:
    """ê(X) out of fold (n,), clipped to [0.01, 0.99], the same with half the trees, and how good it is.

    ``accuracy`` is at 0.5; ``calibration_slope`` and ``calibration_intercept`` are of the logistic recalibration (1 and 0 when
    calibrated; Cox 1958); ``calibration_error`` is the mean gap over ten bins of equal size; ``trimmed`` units were clipped.
    """

    values: Floats
    smoother: Floats
    auc: float
    accuracy: float
    brier: float
    calibration_slope: float
    calibration_intercept: float
    calibration_error: float
    share_outside: float
    effective_size: float
    trimmed: int
    trees: Mapping[str, float]

    def figures(self) -> dict[str, Any]:
        """Return what is reported, without the arrays."""
        found = asdict(replace(self, values=np.empty(0), smoother=np.empty(0)))
        return {k: v for k, v in found.items() if k not in {"values", "smoother"}}


def train_propensity_model(
    treatment: Floats, design: Design, learner: Learner, *, search_seconds: float = 0.0, again: Sequence[Learner] = ()
) -> PropensityModel:
    """Return P(A = 1 | X) for treatment (n,), each unit predicted by gradient-boosted trees fitted without its fold.

    ``again`` are learners with other folds: the mean of their log odds is less noisy. With ``search_seconds`` the trees' depth, rate and leaf size are searched with Optuna for that long, by out-of-fold log loss,
    and the model is grown further than that loss asks for, since effects are then estimated with it (see ``causal.learners``).
    """
    size = learner.trees or learners.tree_settings(int(len(treatment) * (1 - 1 / (learner.folds.max() + 1))))[1]
    if search_seconds > 0:
        size = search(treatment, design, learner, size, search_seconds)
    settle: Literal["least", "under"] = "under" if search_seconds > 0 else "least"
    runs = [
        regress(treatment, design, replace(one, binary=True, trees=size, settle=settle)) for one in (learner, *again)
    ]
    odds = np.mean([run.held_out for run in runs], axis=0)
    raw = expit(odds)
    e = raw.clip(CLIP, 1 - CLIP)
    overlap = diagnostics.binary_overlap(treatment, e)
    line = learners.logistic(odds[:, None], treatment, penalty=1e-9)
    return PropensityModel(
        values=e,
        smoother=expit(np.mean([run.smoother for run in runs], axis=0)).clip(CLIP, 1 - CLIP),
        auc=diagnostics.auc(treatment, raw),
        accuracy=float(((raw >= 0.5) == (treatment == 1)).mean()),
        brier=float(((raw - treatment) ** 2).mean()),
        calibration_slope=float(line.coefficients[0]),
        calibration_intercept=line.mean,
        calibration_error=calibration_error(treatment, raw),
        share_outside=overlap.share_outside,
        effective_size=overlap.ess,
        trimmed=int((e != raw).sum()),
        trees={**asdict(size), "used": float(runs[0].trees)},
    )


def calibration_error(label: Floats, chance: Floats, bins: int = BINS) -> float:
    """Return the mean of |share of ones − mean prediction| over bins of equal size, (n,) each."""
    parts = np.array_split(np.argsort(chance, kind="stable"), bins)
    gaps = [abs(float(label[p].mean() - chance[p].mean())) * len(p) for p in parts if len(p)]
    return sum(gaps) / len(label)


def search(treatment: Floats, design: Design, learner: Learner, start: Trees, seconds: float) -> Trees:
    """Return the trees of least out-of-fold log loss found within ``seconds``, never worse there than ``start``."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows = np.random.default_rng(learner.seed).permutation(len(treatment))[:SEARCH_ROWS]
    part, a, halves = (
        design.take(rows),
        treatment[rows],
        replace(learner, folds=(np.arange(len(rows)) % 2).astype(np.intp)),
    )

    def loss(trial: optuna.Trial) -> float:
        size = replace(
            start,
            depth=trial.suggest_int("depth", 1, 5),
            rate=trial.suggest_float("rate", 0.02, 0.3, log=True),
            min_child_weight=trial.suggest_float("min_child_weight", 0.5, 50.0, log=True),
        )
        margins = regress(a, part, replace(halves, binary=True, settle="least", trees=size)).held_out
        return float(np.logaddexp(0.0, (1 - 2 * a) * margins).mean())

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=learner.seed))
    study.enqueue_trial({"depth": start.depth, "rate": start.rate, "min_child_weight": start.min_child_weight})
    until = time.monotonic() + seconds
    study.optimize(loss, timeout=max(0.01, until - time.monotonic()))
    best = study.best_params
    return replace(start, depth=best["depth"], rate=best["rate"], min_child_weight=best["min_child_weight"])
