"""Risks, factors and performance as the fields of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.design import PRODUCTS, encode
from e2i_shared.causal.learners import expit
from e2i_shared.causal.risk_model import contributions, fit_risk, performance
from e2i_shared.errors import InsufficientDataError
from e2i_shared.tools._risk_rows import rows_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.common import Json
    from e2i_shared.causal.design import Design
    from e2i_shared.causal.risk_model import Performance, RiskFit
    from e2i_shared.tools._registry import ToolContext
    from e2i_shared.tools._risk_rows import RiskRows
    from e2i_shared.tools.risk_scorer import Params

    Floats = NDArray[np.float64]

_LINEAR_BELOW = 500
_DRIVERS = 3
_WEAK_AUC, _PERFECT_AUC = 0.6, 0.99


def scored(params: Params, context: ToolContext) -> Json:
    """Return the fields of Result."""
    rows = rows_of(params, context)
    design = encode(rows.covariates, len(rows.label))
    known = ~np.isnan(rows.label)
    fit = fit_risk(
        design,
        rows.label,
        rows.splits,
        trees=params.learner == "auto" and known.sum() >= _LINEAR_BELOW,
        seed=context.seed,
    )
    judged = known & ~np.isnan(fit.odds)
    _require_both(rows.label[judged])
    found = performance(
        rows.label[judged], fit.odds[judged], None if rows.clusters is None else _packed(rows.clusters[judged])
    )
    parts = contributions(design, fit.line)
    risks, order = _by_entity(rows, expit(fit.odds))
    high = max(1, round(params.high_risk_share * len(order)))
    threshold = float(risks[order[high - 1]])
    count = int((risks[order] >= threshold).sum())
    return {
        "n": len(rows.label),
        "method": (
            f"Penalised logistic regression{f' with {fit.trees} boosted trees on its margin' if fit.trees else ''}; "
            f"validated on {rows.validation}."
        ),
        "assumptions": _assumptions(params, rows),
        "warnings": _warnings(params, rows, design, found),
        "seed": context.seed,
        "entity_type": params.entity_type,
        "entity_column": rows.entity_column,
        "risk_type": params.risk_type,
        "time_horizon_days": params.time_horizon_days,
        "label": rows.text,
        "event_rate": float(rows.label[known].mean()),
        "entities": len(order),
        "scores": _scores(rows, risks, order[: params.limit], parts, len(order)),
        "high_risk_entities": [rows.names[i] for i in order[: min(count, params.limit)]],
        "high_risk_count": count,
        "risk_threshold": threshold,
        "mean_risk": float(risks[order].mean()),
        "risk_factors": _factors(rows, design, fit, parts),
        "model_performance": _performance(params, rows, fit, judged, found),
        "predictors": [c.name for c in rows.covariates],
        "excluded": rows.excluded,
    }


def _require_both(label: Floats) -> None:
    if 0 < label.sum() < len(label):
        return
    raise InsufficientDataError(
        "The rows held out all have the same outcome: the risks cannot be judged.",
        field="filters",
        expected="rows with and without the event among those held out",
        got=f"{int(label.sum())} events in {len(label)} rows",
        hint="Widen the filters or the horizon.",
    )


def _packed(codes: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.unique(codes, return_inverse=True)[1].ravel().astype(np.intp)


def _by_entity(rows: RiskRows, risk: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return the mean risk (G,) of each entity's scored rows, and the entities that have any, highest first."""
    here = rows.scored & ~np.isnan(risk)
    n = np.bincount(rows.entity[here], minlength=len(rows.names))
    total = np.bincount(rows.entity[here], risk[here], len(rows.names))
    risks = np.divide(total, n, out=np.full(len(n), -1.0), where=n > 0)
    order = np.argsort(-risks, kind="stable")
    return risks, order[: int((n > 0).sum())]


def _scores(
    rows: RiskRows, risks: Floats, listed: NDArray[np.intp], parts: dict[str, Floats], entities: int
) -> list[Json]:
    names = [name for name in parts if name != PRODUCTS]
    n = np.bincount(rows.entity[rows.scored], minlength=len(rows.names))
    raised = {
        name: np.bincount(rows.entity[rows.scored], parts[name][rows.scored], len(rows.names)) / np.maximum(n, 1)
        for name in names
    }
    return [
        {
            "entity": rows.names[i],
            "risk": float(risks[i]),
            "rows": int(n[i]),
            "percentile": float((entities - 1 - place) / max(entities - 1, 1)),
            "drivers": [k for k in sorted(names, key=lambda k: -raised[k][i])[:_DRIVERS] if raised[k][i] > 0],
        }
        for place, i in enumerate(listed)
    ]


def _factors(rows: RiskRows, design: Design, fit: RiskFit, parts: dict[str, Floats]) -> dict[str, Json]:
    spread = {name: float(values.std()) for name, values in parts.items()}
    whole = sum(spread.values()) or 1.0
    numeric = {c.name for c in rows.covariates if c.levels is None}
    found = {}
    for name in sorted(spread, key=lambda k: -spread[k]):
        first = design.linear_owners.index(name)
        slope = float(fit.line.coefficients[first])
        plain = name in numeric
        found[name] = {
            "importance": spread[name] / whole,
            "direction": ("raises" if slope >= 0 else "lowers") if plain else "differs",
            "odds_ratio_per_sd": float(np.exp(slope)) if plain else None,
        }
    return found


def _performance(params: Params, rows: RiskRows, fit: RiskFit, judged: NDArray[np.bool_], found: Performance) -> Json:
    label, odds = rows.label[judged], fit.odds[judged]
    top = np.argsort(-odds, kind="stable")[: max(1, round(params.high_risk_share * len(odds)))]
    events, rate = float(label[top].mean()), float(label.mean())
    return {
        "auc": found.auc,
        "auc_lower": found.auc_lower,
        "auc_upper": found.auc_upper,
        "brier": found.brier,
        "brier_reference": found.brier_reference,
        "calibration_slope": found.slope,
        "calibration_intercept": found.intercept,
        "calibration": [{"predicted": p, "observed": o, "n": n} for p, o, n in found.bins],
        "high_risk_events": events,
        "high_risk_captured": float(label[top].sum() / label.sum()),
        "lift": events / rate,
        "n": len(label),
        "events": int(label.sum()),
        "validation": rows.validation,
    }


def _assumptions(params: Params, rows: RiskRows) -> list[str]:
    found = [f"The event: {rows.text}.", *rows.notes]
    found.append("Predictors are known when the risk is asked for; those to be scored are like those learned from.")
    found.append("Risk factors go with the risk; they need not cause it.")
    if len(np.unique(rows.entity[rows.scored])) < int(rows.scored.sum()):
        found.append(f"The risk of one {params.entity_type} is the mean over its rows.")
    return found


def _warnings(params: Params, rows: RiskRows, design: Design, found: Performance) -> list[str]:
    unlabelled = int(np.isnan(rows.label[~rows.scored]).sum())
    late = [name for name, why in rows.excluded.items() if "after" in why]
    said = {
        f"Left out, since known only after the event could have happened: {', '.join(late)}.": late,
        f"The risks hardly tell events apart: AUC {found.auc:.2f} [{found.auc_lower:.2f}, {found.auc_upper:.2f}].": found.auc_lower
        < 0.5
        or found.auc < _WEAK_AUC,
        f"The risks tell events apart almost without error (AUC {found.auc:.3f}): a predictor may be known only afterwards.": found.auc
        > _PERFECT_AUC,
        f"Risks are too extreme (calibration slope {found.slope:.2f}): take the order, not the probability.": found.slope
        < 0.7,
        f"{unlabelled:,} rows have no known outcome.": unlabelled,
    }
    dropped = [
        f"{name} is not used: {why}." for name, why in design.dropped if why != "never varies" or params.predictors
    ]
    return [*(text for text, applies in said.items() if applies), *dropped]
