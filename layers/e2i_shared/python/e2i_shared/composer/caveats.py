"""What to keep in mind about an answer, and what to do next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.composition import CompositionStatus
from e2i_shared.composer.pointers import has, lookup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from e2i_shared.api.composition import AnswerPart, MissingPart
    from e2i_shared.composer.model import Plan, StepRecord

_BAD = {CompositionStatus.FAILED, CompositionStatus.SKIPPED}
_MOST_CAVEATS = 12
_SELF_EVIDENT = re.compile(
    r"^(?:Compared with \d|Arms are rounded up|Each row is one entity|The event: |\d+ density ratios were clipped"
    r"|Freshness is judged on|Periods ahead are counted|The effect acts on 1 units)"
)
_CONFOUNDING = re.compile(r"^(?:No unmeasured confounding|Treatment was assigned at random)")
_FEW_CLUSTERS = 30
_WEAK_OVERLAP = 0.1

_FOLLOW_UPS = {
    "roi_estimator": "Ask who should get the money's worth first: name a number of treatments to give.",
    "policy_optimizer": "Ask how large a test would have to be to confirm the gain before treating everyone in line.",
    "counterfactual_simulator": "Ask whether the effect behind the simulation holds up against refutation tests.",
    "change_attributor": "Ask what it would take to reverse the main cause, for example what more of that lever would do.",
    "driver_ranker": "Ask whether the effect of the first lever holds up against refutation tests.",
    "risk_scorer": "Ask which support lowers the risk, and for whom most.",
    "psi_calculator": "Ask whether the data is healthy, to see if other columns moved at the same time.",
    "kpi_monitor": "Ask why the measure changed in the periods that stand out.",
    "propensity_estimator": "Ask for the effect of the treatment, now that it is known who can be compared.",
}


def caveats_of(plan: Plan, book: Mapping[int, StepRecord], missing: Sequence[str] = ()) -> list[str]:
    """Return what was guessed, what failed, what the diagnostics warn of, and what the estimates assume; most pressing first.

    Steps that failed are left to the parts that are ``missing`` because of them.
    """
    failed = [s for s in book.values() if s.status in _BAD and not set(s.step.serves.split(",")) <= set(missing)]
    found = [
        *_guesses(plan),
        *(f"{s.step.name}: {s.error_message or 'it did not run'}" for s in failed),
        *(c for _, s in sorted(book.items()) for c in _of_step(s)),
        *plan.notes,
        *(a for _, s in sorted(book.items()) for a in _assumptions(s)),
    ]
    return sorted(dict.fromkeys(found), key=_lightness)[:_MOST_CAVEATS]


def _lightness(caveat: str) -> int:
    """Return 1 for what an answer shows anyway, which comes last; else 0."""
    return int(bool(_SELF_EVIDENT.search(caveat)))


def _assumptions(step: StepRecord) -> list[str]:
    """Return the two assumptions that carry most: whether treatment is as good as random before all others."""
    stated = [a for a in (step.output or {}).get("assumptions", []) if isinstance(a, str)]
    return sorted(stated, key=lambda a: not _CONFOUNDING.search(a))[:2]


def _randomised(book: Mapping[int, StepRecord]) -> bool:
    """Return whether every effect comes from an experiment."""
    effects = [s.output or {} for s in book.values() if s.step.tool == "causal_effect_estimator"]
    return all("Treatment was assigned at random." in e.get("assumptions", []) for e in effects)


def _guesses(plan: Plan) -> Iterator[str]:
    for binding in plan.bindings:
        if binding.fuzzy:
            yield f"{binding.phrase} was read as {binding.bound_to}."


def _of_step(step: StepRecord) -> Iterator[str]:
    output = step.output or {}
    if output.get("gate_decision") in {"review", "block"}:
        yield "The effect did not pass every refutation test."
    told = any("outside [0.05" in str(w) for w in output.get("warnings", []))
    if not told and has(output, "/overlap/share_outside") and lookup(output, "/overlap/share_outside") > _WEAK_OVERLAP:
        yield "Treated and untreated rows overlap weakly: part of the estimate rests on extrapolation."
    if isinstance(output.get("n_clusters"), int) and output["n_clusters"] < _FEW_CLUSTERS:
        yield "There are few clusters: the interval may be too narrow."
    if has(output, "/overlap_assessment/verdict") and lookup(output, "/overlap_assessment/verdict") == "poor":
        yield "Treated and untreated rows can hardly be compared: their propensities overlap poorly."
    yield from output.get("warnings", [])
    yield from (c for c in output.get("caveats") or [] if isinstance(c, str))


def next_step_of(
    parts: Sequence[AnswerPart], missing: Sequence[MissingPart], book: Mapping[int, StepRecord]
) -> str | None:
    """Return what would help most next, from what was run and what was not."""
    tools = {s.step.tool for s in book.values() if s.status == CompositionStatus.COMPLETED}
    gate = next(
        (str((s.output or {}).get("gate_decision")) for s in book.values() if s.step.tool == "refutation_runner"), ""
    )
    if gate in {"review", "block"}:
        return "Look at the failed refutation tests, and add confounders that are missing from the data set."
    if missing and not parts:
        return None
    return _of_effects(tools, book) or next((text for tool, text in _FOLLOW_UPS.items() if tool in tools), None)


def _of_effects(tools: set[str], book: Mapping[int, StepRecord]) -> str | None:
    """Return what an effect, a ranking of segments or a gap asks for next."""
    if "causal_effect_estimator" in tools and "refutation_runner" not in tools:
        if not _randomised(book):
            return "Ask whether the effect holds up against refutation tests before acting on it."
        if "segment_ranker" not in tools:
            return "Ask who gained most, to see whom to treat first."
    if "segment_ranker" in tools and "power_calculator" not in tools:
        return "Ask how large a test would have to be to confirm the effect in the first-ranked segment."
    if "gap_calculator" in tools and not tools & {"causal_effect_estimator", "roi_estimator"}:
        return "Ask which lever raises the metric, and by how much, to see how the gap could be closed."
    return None
