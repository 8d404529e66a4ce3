"""What a training found, as JSON: figures to keep with the model, metrics to log, warnings to show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2i_shared.causal.diagnostics import r_squared
from e2i_shared.twins.rules import AtMost, Decided, Within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_shared.api.common import Json
    from e2i_shared.twins.check import Material
    from e2i_shared.twins.matching import Matching
    from e2i_shared.twins.propensity import PropensityModel
    from e2i_shared.twins.regress import Regression
    from e2i_shared.twins.rules import Rule


def figures_of(
    material: Material,
    models: Mapping[str, PropensityModel],
    pairs: Mapping[str, Matching],
    quality: Mapping[str, Mapping[str, float]],
    baseline: Regression,
    population_figures: Json,
) -> Json:
    """Return everything that a training found, as JSON."""
    return {
        "rows": material.n,
        "left_out": material.left_out,
        "baseline_r2": r_squared(material.outcome, baseline.held_out),
        "propensity": {name: model.figures() for name, model in models.items()},
        "matching": {name: _matched(found) for name, found in pairs.items()},
        "effects": {name: dict(parts) for name, parts in quality.items()},
        "population": population_figures,
    }


def unbalanced(found: Matching) -> str:
    """Return the features in which pairs differ, each with its standardised mean difference."""
    unlike = [b for b in found.balance if b.column in found.unbalanced]
    return ", ".join(f"{b.column} ({b.after:+.2f})" for b in sorted(unlike, key=lambda b: -abs(b.after)))


def _matched(found: Matching) -> Json:
    worst = found.worst
    return {
        "caliper": found.caliper,
        "worst": None if worst is None else {"feature": worst.column, "before": worst.before, "after": worst.after},
        "pairs": len(found.treated),
        "unmatched": found.unmatched,
        "valid": found.valid,
        "unbalanced": list(found.unbalanced),
        "balance": [{"feature": b.column, "before": b.before, "after": b.after} for b in found.balance],
    }


def metrics_of(figures: Json) -> dict[str, float]:
    """Return the figures that are single numbers, named for a tracking server."""
    found = {"rows": float(figures["rows"]), "baseline_r2": figures["baseline_r2"]}
    for name, model in figures["propensity"].items():
        found |= {f"{name}_{k}": float(model[k]) for k in ("auc", "accuracy", "brier", "calibration_error", "trimmed")}
        worst = figures["matching"][name]["worst"]
        found[f"{name}_worst_smd"] = abs(worst["after"]) if worst else 0.0
    for name, parts in figures["effects"].items():
        found |= {f"{name}_{k}": float(v) for k, v in parts.items()}
    people: dict[str, Any] = figures["population"]
    found |= {f"population_{k}": float(people[k]) for k in ("ks_complement", "spearman", "c2st_auc", "rules_broken")}
    return found


def warnings_of(figures: Json) -> list[str]:
    """Return what a user should know before believing the twin."""
    people = figures["population"]
    found = []
    if people["c2st_auc"] > 0.75:
        found.append(
            f"Twins can be told from real units (AUC {people['c2st_auc']:.2f}): read their distribution with care."
        )
    found += [
        f"{model['share_outside']:.0%} of rows have a probability of {name!r} outside [0.05, 0.95]."
        for name, model in figures["propensity"].items()
        if model["share_outside"] > 0.2
    ]
    return found


def said(rule: Rule) -> str:
    """Return a rule in words."""
    if isinstance(rule, AtMost):
        return f"{rule.column} ≤ {rule.bound}"
    if isinstance(rule, Within):
        return f"{rule.column} ≥ {rule.low:g}" + (f" and ≤ {rule.high:g}" if rule.high < float("inf") else "")
    if isinstance(rule, Decided):
        return f"{rule.column} is decided by {rule.by}"
    return f"{rule.column} is computed from {', '.join(rule.sources)}"
