"""One function per estimator, ours and the peers': a case in, the average effect, its standard error and each unit's effect out.

Every XGBoost peer gets the trees that serve it best here (400 of depth 2, rate 0.05): with their defaults all of them cover less.
Libraries are imported inside, so that a process pays for one only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.peer_cases import Case

    Floats = NDArray[np.float64]

SEED = 1


@dataclass(frozen=True, slots=True)
class Found:
    """An average effect; the standard error and the units' effects where the method gives them."""

    effect: float
    std_error: float | None
    effects: Floats | None = None


def _arrays(case: Case) -> tuple[Floats, Floats, Floats]:
    study = case.study
    return study.outcome, study.treatment, np.nan_to_num(study.design.trees.astype(np.float64), nan=-1.0)


def _regressor(weight: float = 5.0) -> Any:
    from xgboost import XGBRegressor

    return XGBRegressor(
        n_estimators=400, max_depth=2, learning_rate=0.05, subsample=0.8, min_child_weight=weight, n_jobs=2
    )


def _classifier() -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(
        n_estimators=400, max_depth=2, learning_rate=0.05, subsample=0.8, min_child_weight=1.25, n_jobs=2
    )


def e2i(case: Case) -> Found:
    """Return our estimate as a user gets it: the estimator that ``auto`` chooses."""
    from e2i_shared.causal.estimators.choice import estimate
    from e2i_shared.causal.study import Settings

    settings = Settings(threads=2, estimand="att" if case.treated_only else "ate")
    found = estimate(case.study, settings).inference
    return Found(found.estimate, found.std_error)


def econml_dr(case: Case) -> Found:
    """LinearDRLearner: doubly robust scores, a linear final stage; for the treated, its effects averaged over them."""
    from econml.dr import LinearDRLearner

    y, a, x = _arrays(case)
    fitted = LinearDRLearner(
        model_propensity=_classifier(), model_regression=_regressor(), cv=5, min_propensity=0.01, random_state=SEED
    ).fit(y, a, X=x)
    return _econml(fitted, case, x)


def econml_dml(case: Case) -> Found:
    """LinearDML: residual on residual, a linear final stage."""
    from econml.dml import LinearDML

    y, a, x = _arrays(case)
    fitted = LinearDML(
        model_y=_regressor(), model_t=_classifier(), discrete_treatment=True, cv=5, random_state=SEED
    ).fit(y, a, X=x)
    return _econml(fitted, case, x)


def econml_forest(case: Case) -> Found:
    """CausalForestDML: residual on residual, an honest forest."""
    from econml.dml import CausalForestDML

    y, a, x = _arrays(case)
    fitted = CausalForestDML(
        model_y=_regressor(), model_t=_classifier(), discrete_treatment=True, cv=5, random_state=SEED, n_jobs=2
    ).fit(y, a, X=x)
    return _econml(fitted, case, x, att=fitted.att_(T=1) if case.treated_only else fitted.ate_)


def _econml(fitted: Any, case: Case, x: Floats, att: Any = None) -> Found:
    rows = x[case.study.treatment == 1] if case.treated_only else x
    effects = np.ravel(fitted.effect(rows))
    if att is not None:
        error = fitted.att_stderr_(T=1) if case.treated_only else fitted.ate_stderr_
        return Found(float(np.ravel(att)[0]), float(np.ravel(error)[0]), effects)
    inference = fitted.ate_inference(rows)
    return Found(float(np.ravel(inference.mean_point)[0]), float(np.ravel(inference.stderr_mean)[0]), effects)


def doubleml_irm(case: Case) -> Found:
    """IRM: cross-fitted doubly robust scores."""
    import doubleml

    y, a, x = _arrays(case)
    data = doubleml.DoubleMLData.from_arrays(x, y, a)
    score = "ATTE" if case.treated_only else "ATE"
    np.random.seed(SEED)  # noqa: NPY002 - the library draws its folds from the global state
    fitted = doubleml.DoubleMLIRM(
        data, _regressor(), _classifier(), n_folds=5, score=score, trimming_threshold=0.01
    ).fit()
    return Found(float(fitted.coef[0]), float(fitted.se[0]))


def dowhy_linear(case: Case) -> Found:
    """Backdoor adjustment by linear regression."""
    return _dowhy(case, "backdoor.linear_regression")


def dowhy_weighting(case: Case) -> Found:
    """Backdoor adjustment by propensity weighting."""
    return _dowhy(case, "backdoor.propensity_score_weighting")


def _dowhy(case: Case, method: str) -> Found:
    import pandas as pd
    from dowhy import CausalModel

    study = case.study
    names = [f"x{j}" for j in range(study.design.linear.shape[1])]
    table = pd.DataFrame(study.design.linear, columns=names).assign(y=study.outcome, a=study.treatment.astype(bool))
    model = CausalModel(table, treatment="a", outcome="y", common_causes=names)
    known = model.identify_effect(proceed_when_unidentifiable=True)
    units = "att" if case.treated_only else "ate"
    found = model.estimate_effect(known, method_name=method, target_units=units, test_significance=False)
    error: float | None = None
    if "linear" in method:
        error = float(np.ravel(found.get_standard_error())[0])
    return Found(float(found.value), error)


def causalml_x(case: Case) -> Found:
    """X-learner with XGBoost."""
    from causalml.inference.meta import BaseXRegressor

    y, a, x = _arrays(case)
    learner = BaseXRegressor(learner=_regressor())
    propensity = _classifier().fit(x, a).predict_proba(x)[:, 1]
    if case.treated_only:
        effects = np.ravel(learner.fit_predict(x, a.astype(int), y, p=propensity))
        return Found(float(effects[a == 1].mean()), None, effects)
    value, low, high = learner.estimate_ate(x, a.astype(int), y, p=propensity)
    effects = np.ravel(learner.predict(x, p=propensity))
    return Found(float(value[0]), float((high[0] - low[0]) / (2 * 1.96)), effects)


METHODS: dict[str, Callable[[Case], Found]] = {
    "E2I": e2i,
    "EconML LinearDRLearner": econml_dr,
    "EconML LinearDML": econml_dml,
    "EconML CausalForestDML": econml_forest,
    "DoubleML IRM": doubleml_irm,
    "DoWhy linear": dowhy_linear,
    "DoWhy weighting": dowhy_weighting,
    "CausalML X-learner": causalml_x,
}
IMPORTS = {
    "E2I": "e2i_shared.causal.estimators.choice",
    "EconML": "econml.dml, econml.dr",
    "DoubleML": "doubleml",
    "DoWhy": "dowhy",
    "CausalML": "causalml.inference.meta",
}
