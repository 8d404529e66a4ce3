"""Which estimator fits a study, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from e2i_shared.causal.estimators.aipw import Aipw
from e2i_shared.causal.estimators.aipw_att import AipwTreated
from e2i_shared.causal.estimators.average_partial_effect import AveragePartialEffect
from e2i_shared.causal.estimators.difference_in_differences import DifferenceInDifferences
from e2i_shared.causal.estimators.difference_in_means import DifferenceInMeans
from e2i_shared.causal.estimators.ipw import Ipw, IpwTreated
from e2i_shared.causal.estimators.multi_arm import MultiArm
from e2i_shared.causal.estimators.partially_linear import PartiallyLinear
from e2i_shared.causal.estimators.regression_adjustment import RegressionAdjustment
from e2i_shared.causal.threads import one_thread_each
from e2i_shared.errors import UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_shared.causal.estimators.base import Estimator
    from e2i_shared.causal.results import Estimate
    from e2i_shared.causal.study import Settings, Study

_ALL: tuple[Estimator, ...] = (
    DifferenceInMeans(),
    RegressionAdjustment(),
    Ipw(),
    IpwTreated(),
    Aipw(),
    AipwTreated(),
    PartiallyLinear(),
    AveragePartialEffect(),
    DifferenceInDifferences(),
    MultiArm(),
)
ESTIMATORS: Mapping[str, Estimator] = {each.name: each for each in _ALL}
OF_THE_TREATED = {
    "auto": AipwTreated.name,
    Aipw.name: AipwTreated.name,
    AipwTreated.name: AipwTreated.name,
    Ipw.name: IpwTreated.name,
    IpwTreated.name: IpwTreated.name,
    DifferenceInDifferences.name: DifferenceInDifferences.name,
}


def choose(study: Study, method: str = "auto", estimand: str = "ate") -> tuple[Estimator, str]:
    """Return the estimator of that name, or the one ``auto`` picks, with the reason.

    Raises UnprocessableError for an unknown name, or one that is not made for the treatment's kind.
    """
    if method != "auto" and method not in ESTIMATORS:
        raise UnprocessableError(
            f"There is no method {method!r}.", field="method", got=method, candidates=["auto", *ESTIMATORS]
        )
    if estimand == "att":
        return _of_the_treated(study, method)
    if method == "auto":
        return _automatic(study)
    if study.arms is not None and method not in {MultiArm.name, Aipw.name}:
        raise UnprocessableError(
            f"Method {method!r} compares two values; {study.treatment_name!r} has {len(study.arms.labels)} levels.",
            field="method",
            expected="method auto for all levels, or a treatment_contrast of two",
            got=method,
            candidates=["auto", Aipw.name],
        )
    estimator = ESTIMATORS[MultiArm.name if study.arms is not None else method]
    if not estimator.suits(study):
        raise _unsuited(study, method)
    return estimator, f"{method} was asked for."


def _unsuited(study: Study, method: str) -> UnprocessableError:
    if method == MultiArm.name:
        return UnprocessableError(
            f"Method {method!r} needs a treatment of several levels.", field="method", got=method, candidates=["auto"]
        )
    if method == DifferenceInDifferences.name and study.panel is None:
        return UnprocessableError(
            "A difference in differences needs to know which rows are one unit seen again, and when.",
            field="unit_col",
            expected="unit_col and time_col",
            got="neither",
        )
    return UnprocessableError(
        f"Method {method!r} needs a 0/1 treatment; {study.treatment_name!r} is a dose.",
        field="method",
        expected="a method for doses, or a treatment_contrast of two levels",
        got=method,
        candidates=["auto", AveragePartialEffect.name, PartiallyLinear.name],
    )


def estimate(study: Study, settings: Settings, method: str = "auto") -> Estimate:
    """Choose and run an estimator; the estimate carries why it was chosen."""
    estimator, reason = choose(study, method, settings.estimand)
    with one_thread_each():
        return replace(estimator.estimate(study, settings), reason=reason)


def _of_the_treated(study: Study, method: str) -> tuple[Estimator, str]:
    if study.kind != "binary" or study.arms is not None or method not in OF_THE_TREATED:
        got = f"{len(study.arms.labels)} levels" if study.arms is not None else f"{study.kind} treatment"
        raise UnprocessableError(
            "The effect on the treated (att) is estimated for 0/1 treatments, by weighting or differences in differences.",
            field="estimand",
            expected="a 0/1 treatment with method auto, aipw, ipw or difference_in_differences",
            got=f"{got} with method {method}",
            hint="Ask for the ate, or give a treatment_contrast of two levels.",
        )
    estimator = ESTIMATORS[OF_THE_TREATED[method]]
    if not estimator.suits(study):
        raise _unsuited(study, method)
    return estimator, "The effect on the treated was asked for."


def _automatic(study: Study) -> tuple[Estimator, str]:
    if study.arms is not None:
        return ESTIMATORS[
            MultiArm.name
        ], "The treatment has several levels: each is compared with the reference, doubly robust."
    if study.kind == "dose":
        return ESTIMATORS[
            AveragePartialEffect.name
        ], "The treatment is a dose: the effect is an average slope per unit."
    if study.randomised:
        more = (
            " Method regression_adjustment would use the covariates for a narrower interval."
            if study.design.linear.shape[1]
            else ""
        )
        return (
            ESTIMATORS[DifferenceInMeans.name],
            f"The data set is randomised: the groups differ by treatment only.{more}",
        )
    return ESTIMATORS[Aipw.name], "Observational data with a 0/1 treatment: doubly robust, cross-fitted adjustment."
