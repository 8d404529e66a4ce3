"""Whether to deploy, skip or refine, why, and how large a test would have to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.twins.results import Advice
from e2i_shared.twins.sizing import real_test

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.twins.results import Recommendation
    from e2i_shared.twins.sizing import Place
    from e2i_shared.twins.spec import Direction, Thresholds

NEARLY_ZERO = 0.1  # standard deviations: a smaller baseline is no scale for a threshold


@dataclass(frozen=True, slots=True)
class Finding:
    """What a recommendation looks at; ``effect`` and its interval are in outcome units.

    ``place`` is what a real test would have to work with, ``duration_weeks`` how long it is wanted to take.
    """

    effect: float
    lower: float
    upper: float
    baseline: float
    sd: float
    confidence: float
    fidelity: float
    extrapolation: bool
    place: Place
    duration_weeks: int | None
    best_segment: str | None


def min_effect(baseline: float, sd: float, thresholds: Thresholds) -> float:
    """Return the least effect worth having, in outcome units: a share of the baseline, or of ``sd`` where that is nearly zero."""
    scale = abs(baseline) if abs(baseline) >= NEARLY_ZERO * sd else sd
    return thresholds.min_effect_threshold * scale


def advise(found: Finding, header: Json, thresholds: Thresholds, direction: Direction) -> Advice:
    """Return the recommendation.

    Skip when the effect or its interval's better bound is under the least effect worth having; deploy when the effect passes it, the
    interval excludes zero, and confidence and fidelity reach their thresholds; else refine, and say what to change. The test is sized for
    the simulated effect, or for the least worth having where that is larger.
    """
    sign = 1.0 if direction == "increase" else -1.0
    least = min_effect(found.baseline, found.sd, thresholds)
    gain, worst, best = sorted_gain(found, sign)
    size = max(abs(found.effect), least)
    test = real_test(size if found.effect >= 0 else -size, found.place, found.duration_weeks, thresholds)
    lacking = _lacking(found, thresholds, worst)
    kind: Recommendation
    if best < least or gain < least:
        kind, why = "skip", _skipped(gain, best, least, header)
        change = [f"Among {found.best_segment} the effect may be worth a test."] if found.best_segment else []
    elif not lacking:
        kind = "deploy"
        why = f"The effect ({gain:.4g}) passes the least worth having ({least:.4g}), and its interval excludes zero."
        change = []
    else:
        kind, why = (
            "refine",
            f"The effect ({gain:.4g}) passes {least:.4g}, but " + "; ".join(w for w, _ in lacking) + ".",
        )
        change = [c for _, c in lacking]
    return Advice(
        recommendation=kind,
        rationale=" ".join(filter(None, [why, test.why])),
        change=[*change, *([test.change] if test.change else [])],
        min_effect=least,
        confidence=found.confidence,
        sample_size_per_arm=test.size,
        sample_unit=found.place.unit,
        available_per_arm=found.place.available,
        smallest_detectable=test.smallest,
        duration_weeks=test.weeks,
    )


def sorted_gain(found: Finding, sign: float) -> tuple[float, float, float]:
    """Return effect, worse and better bound with the wanted direction positive."""
    bounds = sorted((sign * found.lower, sign * found.upper))
    return sign * found.effect, bounds[0], bounds[1]


def _lacking(found: Finding, thresholds: Thresholds, worst: float) -> list[tuple[str, str]]:
    lacking = []
    if worst <= 0:
        lacking.append(("its interval includes zero", "More data, or a larger population, would narrow the interval."))
    if found.confidence < thresholds.min_confidence:
        lacking.append(
            (
                f"the confidence is {found.confidence:.2f}, under {thresholds.min_confidence:.2f}",
                "Try a larger dose, a population in which both groups occur, or load more data.",
            )
        )
    if found.fidelity < thresholds.min_fidelity:
        lacking.append(
            (
                f"the twin's fidelity is {found.fidelity:.2f}, under {thresholds.min_fidelity:.2f}",
                "Validate the twin against a real test, or train it again.",
            )
        )
    if found.extrapolation:
        lacking.append(("part of it is extrapolated", "Choose a dose inside the recorded ones."))
    return lacking


def _skipped(gain: float, best: float, least: float, header: Json) -> str:
    unit = header["outcome"]["unit"] or header["outcome"]["name"]
    if best < least:
        return f"Even the better end of the interval ({best:.4g} {unit}) is under the least effect worth having ({least:.4g})."
    return f"The effect ({gain:.4g} {unit}) is under the least worth having ({least:.4g})."
