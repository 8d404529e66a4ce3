"""Scores of segments, and what to say about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.normal import normal_quantile
from e2i_shared.causal.targeting import shrink
from e2i_shared.errors import UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.tools.segment_ranker import ExpectedGain, Params, Segment

    Floats = NDArray[np.float64]

Z95 = normal_quantile(0.975)


@dataclass(frozen=True, slots=True)
class Scored:
    """Segments with their arrays (K,): benefits are effects with the good direction positive."""

    segments: Sequence[Segment]
    benefit: Floats
    lower: Floats
    errors: Floats
    shrunken: Floats
    score: Floats
    score_lower: Floats
    sizes: Floats


def score_segments(params: Params) -> Scored:
    """Return all scores; raise UnprocessableError for roi without value and cost."""
    segments, sign = params.cate_result.segments, direction(params)
    effect = np.array([s.effect for s in segments])
    bounds = np.array([[s.ci_lower, s.ci_upper] for s in segments])
    sizes = np.array([float(s.n) for s in segments])
    errors = np.maximum((bounds[:, 1] - bounds[:, 0]) / (2.0 * Z95), 1e-12)
    benefit, lower = sign * effect, (sign * bounds).min(axis=1)
    shrunken = np.empty(len(segments))
    for column in {s.column for s in segments}:
        rows = np.array([s.column == column for s in segments])
        shrunken[rows] = shrink(benefit[rows], errors[rows], sizes[rows])
    overall = sign * params.cate_result.overall_effect
    score, score_lower = (_scores(params, value, sizes, overall) for value in (benefit, lower))
    return Scored(segments, benefit, lower, errors, shrunken, score, score_lower, sizes)


def direction(params: Params) -> float:
    """Return 1 where a higher outcome is better, else −1."""
    return 1.0 if params.higher_is_better else -1.0


def _scores(params: Params, benefit: Floats, sizes: Floats, overall: float) -> Floats:
    if params.rank_by == "effect":
        return benefit
    if params.rank_by == "volume":
        return benefit * sizes
    if params.rank_by == "uplift":
        return (benefit - overall) * sizes
    if params.value_per_unit is None or params.cost_per_unit is None:
        raise UnprocessableError(
            "Ranking by roi needs what a unit of the outcome is worth and what a unit of treatment costs.",
            field="value_per_unit" if params.value_per_unit is None else "cost_per_unit",
            expected="value_per_unit and cost_per_unit in one currency",
            hint="Give both, or rank by effect, volume or uplift.",
        )
    return (benefit * params.value_per_unit - params.cost_per_unit) / params.cost_per_unit


def recommend(params: Params, scored: Scored, order: NDArray[np.intp], gain: ExpectedGain) -> list[str]:
    """Return what to do: the first three segments, then the gain."""
    p, texts = params.cate_result.heterogeneity_p, []
    if p is not None and p > 0.05:
        texts.append(
            f"Treat all segments alike for now: the test that they respond alike is not rejected (p = {p:.3g})."
        )
    texts += [_advice(params, scored, int(i)) for i in order[: min(params.top_n, 3)]]
    if gain.targeted:
        texts.append(
            f"Targeting {', '.join(gain.targeted)} gains {gain.per_unit:.3g} per unit of treatment over treating at random "
            f"(95% interval {gain.ci_lower:.3g} to {gain.ci_upper:.3g}; {gain.shrunken_per_unit:.3g} after shrinkage)."
        )
    return texts


def _advice(params: Params, scored: Scored, i: int) -> str:
    s, proven = scored.segments[i], scored.lower[i] > 0.0
    if scored.benefit[i] <= 0.0:
        verdict = "do not target"
    elif params.rank_by == "roi" and scored.score[i] < 0.0:
        verdict = "do not target at this cost"
    else:
        verdict = "target" if proven else "test before targeting: the interval includes no benefit"
    return f"{s.segment}: {verdict} (effect {s.effect:.3g} per unit, 95% interval {s.ci_lower:.3g} to {s.ci_upper:.3g}, {s.n:,} rows)."


def warn(params: Params, scored: Scored, gain: ExpectedGain) -> list[str]:
    """Return what weakens the ranking."""
    p, columns = params.cate_result.heterogeneity_p, {s.column for s in scored.segments}
    hidden = len(scored.segments) - params.top_n
    found = {
        f"Differences between segments are not significant (heterogeneity p = {p:.3g}): the ranking may be chance."
        if p is not None
        else "": p is not None and p > 0.05,
        "No heterogeneity test came with the segments: whether they differ at all is not known.": p is None,
        "Segments of different columns overlap; the expected gain uses one column only.": len(columns) > 1,
        "No listed segment is better than the average of its column, so targeting gains nothing.": not gain.targeted,
        "The gain's interval includes zero.": bool(gain.targeted) and gain.ci_lower <= 0.0,
        f"{hidden} lower-ranked segments are not listed.": hidden > 0,
    }
    return [text for text, applies in found.items() if applies]
