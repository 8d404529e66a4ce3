"""Who is likely to be treated, who is at risk, and what a measure will be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnRole
from e2i_shared.composer.amounts import days, longest, months
from e2i_shared.composer.recipes.inputs import cluster_column, data_inputs, lacking
from e2i_shared.composer.refusals import unnamed_column
from e2i_shared.composer.scope import time_column

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

_RISKS = (
    ("adverse_event", r"\badverse\b|\bside effects?\b|\bsafety event"),
    ("non_adherence", r"\bnon-?adheren\w*|\bnon-?complian\w*|\bnot (?:be )?(?:adherent|compliant)\b"),
    ("churn", r"\bchurn\w*|\bdefect\w*|\blapse\w*|\bleav(?:e|ing)\b|\bswitch\w*|\bstop (?:prescribing|writing)\b"),
)
_ENTITIES = (
    ("hcp", r"\b(?:hcps?|doctors?|physicians?|prescribers?|writers?)\b"),
    ("territory", r"\bterritor(?:y|ies)\b"),
    ("patient", r"\b(?:patients?|people|persons?|who)\b"),
)
_QUARTERLY = re.compile(r"\b(?:by|per|each|every) quarter\b|\bquarterly\b", re.IGNORECASE)
_QUARTER, _FARTHEST, _DEFAULT_MONTHS = 3, 60, 6
_EXPLAINING = {ColumnRole.COVARIATE, ColumnRole.SEGMENT}


def propensity(bench: Workbench, bound: Bound) -> str | None:
    """Estimate who gets the named treatment from the named covariates, else from all of the data set's."""
    if not bench.has("propensity_estimator"):
        return lacking("Estimating propensities", "propensity_estimator")
    treatments = _of_role(bound, bound.mentioned, {ColumnRole.TREATMENT})
    if not treatments:
        return unnamed_column(ColumnRole.TREATMENT, bound.dataset).message
    covariates = _of_role(bound, bound.mentioned, _EXPLAINING) or _all_covariates(bound)
    cluster = cluster_column(bound.dataset)
    for treatment in treatments:
        inputs: Json = {**data_inputs(bound), "treatment_col": treatment, "covariates": covariates}
        inputs |= {"cluster_col": cluster} if cluster else {}
        bench.add("propensity_estimator", f"Propensity of {treatment}", inputs, bound.question.id)
    return None


def forecast(bench: Workbench, bound: Bound) -> str | None:
    """Forecast each named KPI or measure for as many months as the question asks, counted from the last month of the data."""
    if not bench.has("forecaster"):
        return lacking("Forecasting", "forecaster")
    if time_column(bound.dataset) is None:
        return f"Data set {bound.dataset.name} has no column of dates, so nothing in it can be forecast."
    names = [bound.kpi] if bound.kpi else list(bound.measures or bound.outcomes)
    ahead = months(bound.question.text) or longest(bound.question.periods) or _DEFAULT_MONTHS
    quarterly = bool(_QUARTERLY.search(bound.question.text))
    horizon = -(-ahead // _QUARTER) if quarterly else ahead
    base = data_inputs(bound)
    dates = time_column(bound.dataset)
    base["filters"] = [
        f for f in base["filters"] if dates is None or f["column"] != dates.name
    ]  # history is not a scope
    for name in names:
        inputs: Json = {**base, "kpi": name, "horizon": min(horizon, _FARTHEST)}
        inputs |= {"grain": "quarter"} if quarterly else {}
        bench.add("forecaster", f"Forecast of {name}", inputs, bound.question.id)
    bench.note("Periods ahead are counted from the last complete one in the data.")
    return None if names else "The question names no KPI and no measure to forecast."


def risk(bench: Workbench, bound: Bound) -> str | None:
    """Score the named risk of the named kind of entity within the named number of days."""
    if not bench.has("risk_scorer"):
        return lacking("Scoring risk", "risk_scorer")
    text = bound.question.text
    kind = next((k for k, pattern in _RISKS if re.search(pattern, text, re.IGNORECASE)), "discontinuation")
    if kind == "adverse_event" and not any("adverse" in c.name.lower() for c in bound.dataset.columns):
        return f"Data set {bound.dataset.name} has no column of adverse events, so their risk cannot be learnt from it."
    entity = next(
        (e for e, pattern in _ENTITIES if re.search(pattern, text, re.IGNORECASE)), bound.dataset.unit or "patient"
    )
    inputs: Json = {**data_inputs(bound), "entity_type": entity, "risk_type": kind}
    span = days(text)
    inputs |= {"time_horizon_days": span} if span else {}
    bench.add("risk_scorer", f"Risk of {kind.replace('_', ' ')}", inputs, bound.question.id)
    return None


def _all_covariates(bound: Bound) -> list[str]:
    fixed = {f.column for f in bound.filters if f.op == "eq"}
    return [
        c.name
        for c in bound.dataset.columns
        if c.role in _EXPLAINING and c.name not in fixed and c.statistics.distinct > 1
    ]


def _of_role(bound: Bound, names: tuple[str, ...], roles: set[ColumnRole]) -> list[str]:
    return [n for n in names if (c := bound.dataset.column(n)) and c.role in roles]
