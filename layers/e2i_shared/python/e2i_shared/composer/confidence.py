"""Confidence of a part, from the diagnostics of the tools behind it.

Each tool starts from a base (randomised or counted data: 0.95; adjusted observational estimates: 0.85; power and other arithmetic:
0.9) and is multiplied by a factor for each weakness its output shows:

==========================================================  ======
share outside [0.05, 0.95] of the propensity above 10%       0.7
largest standardised difference after weighting above 0.1   0.75
fewer than 30 clusters, or fewer than 100 rows               0.8
interval wider than four times the estimate                  0.85
refutation: review / block                                   0.6 / 0.25
E-value of the interval below 1.2                            0.75
heterogeneity p above 0.05 behind a ranking of segments      0.6
overlap of treated and untreated limited / poor              0.7 / 0.5
above 5% of rows moved to levels rows like them never had    0.7
no contribution to a change that stands out from noise       0.7
risk scores with an AUC below 0.6                            0.6
forecasts that did no better than repeating the past         0.7
each warning (at most three)                                 0.95
==========================================================  ======

A part's confidence is the smallest of its steps', and no larger than that of the steps they depend on. It is a grade of the
evidence, not a probability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.pointers import has, lookup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from e2i_shared.api.common import Json
    from e2i_shared.composer.model import StepRecord

_OBSERVATIONAL, _COUNTED, _ARITHMETIC = 0.85, 0.95, 0.9
_CAUSAL = {
    "causal_effect_estimator",
    "cate_analyzer",
    "segment_ranker",
    "refutation_runner",
    "sensitivity_analyzer",
    "change_attributor",
    "driver_ranker",
    "policy_optimizer",
    "counterfactual_simulator",
    "roi_estimator",
}
_COUNTING = {"kpi_lookup", "cohort_builder", "result_explainer", "kpi_monitor"}
_MOST_WARNINGS = 3


def part_confidence(numbers: list[int], steps: Mapping[int, StepRecord]) -> float:
    """Return the confidence (0 to 1) of a part that rests on these steps and on what they depend on."""
    needed = set(numbers)
    for number in sorted(steps, reverse=True):
        if number in needed:
            needed |= set(steps[number].step.depends_on)
    grades = [step_confidence(steps[n].step.tool, steps[n].output or {}) for n in needed if n in steps]
    return round(min(grades, default=0.0), 2)


def step_confidence(tool: str, output: Json) -> float:
    """Return the confidence (0 to 1) that a tool's own diagnostics support."""
    grade = _base(tool, output)
    for factor in _weaknesses(output):
        grade *= factor
    return max(0.05, min(1.0, grade))


def _base(tool: str, output: Json) -> float:
    if tool in _CAUSAL:
        return _COUNTED if output.get("method") == "difference_in_means" else _OBSERVATIONAL
    return _COUNTED if tool in _COUNTING else _ARITHMETIC


def _weaknesses(output: Json) -> Iterator[float]:
    if (outside := _number(output, "/overlap/share_outside")) is not None and outside > 0.1:
        yield 0.7
    differences = [
        abs(b["smd_after"]) for b in output.get("balance") or [] if isinstance(b.get("smd_after"), (int, float))
    ]
    if differences and max(differences) > 0.1:
        yield 0.75
    clusters, rows = output.get("n_clusters"), output.get("n")
    few_clusters = isinstance(clusters, int) and clusters < 30
    if few_clusters or (isinstance(rows, int) and rows < 100 and "ate" in output):
        yield 0.8
    if all(isinstance(output.get(k), (int, float)) for k in ("ate", "ci_lower", "ci_upper")):
        width = output["ci_upper"] - output["ci_lower"]
        yield 0.85 if width > 4 * abs(output["ate"]) else 1.0
    yield {"review": 0.6, "block": 0.25}.get(str(output.get("gate_decision")), 1.0)
    if (bound := _number(output, "/e_value_ci")) is not None and bound < 1.2:
        yield 0.75
    if isinstance(output.get("heterogeneity_p"), (int, float)) and output["heterogeneity_p"] > 0.05:
        yield 0.6
    yield from _weak_predictions(output)
    yield 0.95 ** min(len(output.get("warnings") or []), _MOST_WARNINGS)


def _weak_predictions(output: Json) -> Iterator[float]:
    """Yield the factors of weaknesses that tools of the kinds beside estimation show."""
    yield {"limited": 0.7, "poor": 0.5}.get(str(_found(output, "/overlap_assessment/verdict")), 1.0)
    if (beyond := _number(output, "/share_beyond_support")) is not None and beyond > 0.05:
        yield 0.7
    if "main_cause" in output and output["main_cause"] is None:
        yield 0.7
    if (auc := _number(output, "/model_performance/auc")) is not None and auc < 0.6:
        yield 0.6
    if (scaled := _number(output, "/backtest/mase")) is not None and scaled >= 1:
        yield 0.7


def _found(output: Json, pointer: str) -> object:
    return lookup(output, pointer) if has(output, pointer) else None


def _number(output: Json, pointer: str) -> float | None:
    value = _found(output, pointer)
    return value if isinstance(value, (int, float)) else None
