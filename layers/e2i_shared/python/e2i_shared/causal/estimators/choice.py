"""Which estimator fits a study, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from e2i_shared.causal.estimators.aipw import Aipw
from e2i_shared.causal.estimators.aipw_att import AipwTreated
from e2i_shared.causal.estimators.average_partial_effect import AveragePartialEffect
from e2i_shared.causal.estimators.difference_in_means import DifferenceInMeans
from e2i_shared.causal.threads import one_thread_each
from e2i_shared.errors import UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_shared.causal.estimators.base import Estimator
    from e2i_shared.causal.results import Estimate
    from e2i_shared.causal.study import Settings, Study

ESTIMATORS: Mapping[str, Estimator] = {
    e.name: e for e in (DifferenceInMeans(), Aipw(), AipwTreated(), AveragePartialEffect())
}


def choose(study: Study, method: str = "auto", estimand: str = "ate") -> tuple[Estimator, str]:
    """Return the estimator of that name, or the one ``auto`` picks, with the reason.

    Raises UnprocessableError for an unknown name, or one that is not made for the treatment's kind.
    """
    if estimand == "att":
        return _of_the_treated(study, method)
    if method == "auto":
        return _automatic(study)
    if method not in ESTIMATORS:
        raise UnprocessableError(
            f"There is no method {method!r}.", field="method", got=method, candidates=["auto", *ESTIMATORS]
        )
    estimator = ESTIMATORS[method]
    if not estimator.suits(study):
        raise UnprocessableError(
            f"Method {method!r} needs a 0/1 treatment; {study.treatment_name!r} is a dose.",
            field="method",
            expected="a method for doses, or a treatment_contrast of two levels",
            got=method,
            candidates=["auto", AveragePartialEffect.name],
        )
    return estimator, f"{method} was asked for."


def estimate(study: Study, settings: Settings, method: str = "auto") -> Estimate:
    """Choose and run an estimator; the estimate carries why it was chosen."""
    estimator, reason = choose(study, method, settings.estimand)
    with one_thread_each():
        return replace(estimator.estimate(study, settings), reason=reason)


def _of_the_treated(study: Study, method: str) -> tuple[Estimator, str]:
    if study.kind != "binary" or method not in {"auto", Aipw.name, AipwTreated.name}:
        raise UnprocessableError(
            "The effect on the treated (att) is estimated for 0/1 treatments, by doubly robust weighting.",
            field="estimand",
            expected="a 0/1 treatment with method auto or aipw",
            got=f"{study.kind} treatment with method {method}",
            hint="Ask for the ate, or give a treatment_contrast of two levels.",
        )
    return ESTIMATORS[AipwTreated.name], "The effect on the treated was asked for."


def _automatic(study: Study) -> tuple[Estimator, str]:
    if study.kind == "dose":
        return ESTIMATORS[
            AveragePartialEffect.name
        ], "The treatment is a dose: the effect is an average slope per unit."
    if study.randomised:
        return ESTIMATORS[DifferenceInMeans.name], "The data set is randomised: the groups differ by treatment only."
    return ESTIMATORS[Aipw.name], "Observational data with a 0/1 treatment: doubly robust, cross-fitted adjustment."
