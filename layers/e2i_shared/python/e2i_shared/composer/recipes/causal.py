"""Effects, and whether they hold up."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from e2i_shared.composer.intents import DECISION
from e2i_shared.composer.recipes.inputs import MOST_EFFECTS, cluster_column, data_inputs, effects, lacking
from e2i_shared.composer.recipes.segments import by_segment, segment_columns
from e2i_shared.composer.references import reference

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

_CHECKS = (
    ("refutation_runner", "Refutation tests"),
    ("sensitivity_analyzer", "Sensitivity to hidden confounding"),
)
_HIDDEN_ONLY = re.compile(
    r"^(?!.*\b(?:refut\w*|placebo|surviv\w*|robust(?!ness value)\w*|hold\w* up|held up|stand\w* up|trust\w*|believ\w*)\b)"
    r".*\b(?:hidden|unobserved|unmeasured|sensitiv\w*|e-?value|robustness value)\b",
    re.IGNORECASE | re.DOTALL,
)
_TOGETHER = re.compile(r"\b(?:together|combin\w*|synerg\w*|interact\w*|reinforc\w*|in concert)\b", re.IGNORECASE)
_PAIR = 2
_PLACEBO_ONLY = re.compile(r"\b(?:run|do|perform|apply)\b.*\b(?:placebo|refutation) tests?\b", re.IGNORECASE)


def effect(bench: Workbench, bound: Bound) -> str | None:
    """Estimate the effect of each named treatment on each named outcome, and by segment where the question splits it."""
    if not bench.has("causal_effect_estimator"):
        return lacking("Estimating an effect", "causal_effect_estimator")
    if not effects(bench, bound, asked=True):
        return "The cause and the outcome are the same column."
    if DECISION.search(bound.question.text):
        lever, outcome = bound.treatments[0], bound.outcomes[0]
        bench.note(
            f"Taken as: what does {lever} do to {outcome}? Whether that is worth its cost needs the price, and what a unit of the outcome is worth."
        )
    _together(bench, bound)
    columns = segment_columns(bound)
    if columns and bench.has("cate_analyzer"):
        by_segment(bench, bound, columns)
    return None


def _together(bench: Workbench, bound: Bound) -> None:
    """Compare the first lever's effect with and without the second, where the question asks what they do together."""
    if not _TOGETHER.search(bound.question.text) or len(bound.treatments) != _PAIR:
        return
    if not bench.has("cate_analyzer"):
        bench.note("Whether the two reinforce each other is not told; each one's own effect is.")
        return
    first, second = bound.treatments
    by_segment(bench, replace(bound, treatments=(first,)), [second])
    bench.note(f"Taken as: does the effect of {first} differ with {second}?")


def robustness(bench: Workbench, bound: Bound) -> str | None:
    """Refute the effect that the question depends on, and ask how strong a hidden confounder would have to be."""
    checks = [(t, name) for t, name in _checks(bound.question.text) if bench.has("causal_effect_estimator", t)]
    if not checks:
        return lacking("Refuting an effect", "refutation_runner")
    numbers = effects(bench, bound, asked=False)
    for number in numbers:
        for tool, name in checks:
            bench.add(tool, name, {"causal_result": reference(number)}, bound.question.id)
    return None if numbers else "The cause and the outcome are the same column."


def _checks(text: str) -> tuple[tuple[str, str], ...]:
    """Return the checks a question asks for: one where it names one kind, else both."""
    if _HIDDEN_ONLY.search(text):
        return _CHECKS[1:]
    return _CHECKS[:1] if _PLACEBO_ONLY.search(text) else _CHECKS


def drivers(bench: Workbench, bound: Bound) -> str | None:
    """Rank the named levers, or all of the data set's, by what they do to each named outcome; one named lever is estimated."""
    if len(bound.treatments) == 1 and bound.outcomes:
        return effect(bench, bound)
    if not bench.has("driver_ranker"):
        return lacking("Ranking what drives an outcome", "driver_ranker")
    outcomes = [o for o in (bound.outcomes or bound.measures) if o not in bound.treatments]
    cluster = cluster_column(bound.dataset)
    for outcome in outcomes[:MOST_EFFECTS]:
        inputs: Json = {**data_inputs(bound), "outcome_col": outcome}
        inputs |= {"levers": list(bound.treatments)} if bound.treatments else {}
        inputs |= {"cluster_col": cluster} if cluster else {}
        bench.add("driver_ranker", f"Drivers of {outcome}", inputs, bound.question.id)
    return None if outcomes else "The question does not say which outcome is driven."
