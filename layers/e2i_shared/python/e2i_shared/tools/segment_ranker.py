"""Rank segments by effect, return, volume or uplift, and say whom to target first and what that gains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.tools import ToolCategory, ToolEdge
from e2i_shared.causal.targeting import Gain, targeting_gain
from e2i_shared.errors import InsufficientDataError
from e2i_shared.tools import _charts
from e2i_shared.tools._ranking import Z95, Scored, direction, recommend, score_segments, warn
from e2i_shared.tools._registry import ToolParams, ToolResult, ToolSpec

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.tools._registry import ToolContext

RankBy = Literal["effect", "roi", "volume", "uplift"]


def _example(label: str, column: str, effect: float, half: float, n: int) -> Json:
    return {
        "segment": label,
        "column": column,
        "level": label,
        "n": n,
        "effect": effect,
        "ci_lower": effect - half,
        "ci_upper": effect + half,
    }


_CATE: Json = {
    "segments": [
        _example("Oncology", "specialty", 2.2, 0.2, 6720),
        _example("Hematology", "specialty", 1.4, 0.3, 3600),
        _example("Allergy", "specialty", 0.6, 0.3, 2880),
    ],
    "overall_effect": 1.63,
    "heterogeneity_p": 0.0004,
}
EXAMPLES: list[Json] = [
    {"cate_result": _CATE},
    {"cate_result": _CATE, "rank_by": "roi", "value_per_unit": 4200.0, "cost_per_unit": 250.0, "top_n": 2},
    {"cate_result": _CATE, "rank_by": "volume"},
]


class Segment(BaseModel):
    """What is read of a segment; other fields of cate_analyzer's output are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    segment: str
    column: str
    level: str
    n: Annotated[int, Field(ge=1)]
    effect: float
    ci_lower: float
    ci_upper: float


class CateResult(BaseModel):
    """What is read of cate_analyzer's output."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    segments: list[Segment]
    overall_effect: float
    heterogeneity_p: float | None = None


class Params(ToolParams):
    """The segments to rank and how."""

    cate_result: CateResult = Field(description="the output of cate_analyzer")
    rank_by: RankBy = Field(
        "effect",
        description=(
            "effect per unit of treatment; roi: (effect × value − cost) / cost; volume: effect × rows; "
            "uplift: (effect − overall effect) × rows"
        ),
    )
    top_n: Annotated[int, Field(ge=1, le=100)] = Field(10, description="how many segments to return")
    value_per_unit: float | None = Field(None, description="worth of one unit of the outcome; needed for roi")
    cost_per_unit: Annotated[float, Field(gt=0)] | None = Field(
        None, description="cost of one unit of treatment, same currency; needed for roi"
    )
    higher_is_better: bool = Field(default=True, description="false where the treatment should lower the outcome")


class RankedSegment(BaseModel):
    """One segment; effects in outcome units per unit of treatment."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rank: int = Field(description="by the point estimate of the score")
    rank_by_lower_bound: int = Field(description="by the score at the cautious end of the interval")
    segment: str
    column: str
    level: str
    n: int = Field(description="rows")
    effect: float = Field(description="outcome units per unit of treatment")
    lower_bound: float = Field(description="the end of the 95% interval nearer to no benefit, outcome units")
    ci_lower: float = Field(description="outcome units")
    ci_upper: float = Field(description="outcome units")
    shrunken_effect: float = Field(description="drawn towards the mean by the estimate's noise, outcome units")
    score: float = Field(description="what was ranked, in the unit of rank_by")
    score_lower_bound: float = Field(description="the score at the lower bound")


class ExpectedGain(BaseModel):
    """Treating the targeted segments instead of as many rows at random; outcome units per unit of treatment."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    column: str = Field(description="the segmentation used: segments of one column share no rows")
    targeted: list[str]
    treated: int = Field(description="rows in the targeted segments")
    per_unit: float = Field(description="mean effect among the targeted less the mean over all")
    ci_lower: float = Field(description="95% bound of per_unit")
    ci_upper: float = Field(description="95% bound of per_unit")
    total: float = Field(description="per_unit × treated, outcome units")
    total_ci_lower: float = Field(description="95% bound of total")
    total_ci_upper: float = Field(description="95% bound of total")
    shrunken_per_unit: float = Field(
        description="per_unit from shrunken effects: what to expect after choosing the best"
    )


class Result(ToolResult):
    """The ranking, what to do with it, and what it is worth."""

    rank_by: RankBy
    ranked_segments: list[RankedSegment]
    targeting_recommendations: list[str]
    expected_gain: ExpectedGain
    overall_effect: float = Field(description="outcome units per unit of treatment")
    heterogeneity_p: float | None = Field(description="of the test that all segments respond alike")


def run(params: Params, _context: ToolContext) -> Result:
    """Return the ranking; raise InsufficientDataError without segments, UnprocessableError for roi without value and cost."""
    given = params.cate_result
    if not given.segments:
        raise InsufficientDataError(
            "There is no segment to rank.", field="cate_result", expected="one or more segments"
        )
    scored = score_segments(params)
    order = np.argsort(-scored.score, kind="stable")
    cautious = np.argsort(np.argsort(-scored.score_lower, kind="stable"), kind="stable") + 1
    ranked = [
        _ranked(params, scored, int(i), rank, int(cautious[i])) for rank, i in enumerate(order[: params.top_n], 1)
    ]
    gain = _best_gain(scored, {int(i) for i in order[: params.top_n]})
    return Result(
        n=max(sum(s.n for s in given.segments if s.column == column) for column in {s.column for s in given.segments}),
        method=f"Segments by {params.rank_by}; gains over random treatment of as many rows; shrinkage by DerSimonian–Laird.",
        assumptions=[
            "Segment effects are causal under the assumptions of the analysis they come from.",
            "One more unit of treatment works as in the data, and segments of one column share no rows.",
        ],
        warnings=warn(params, scored, gain),
        rank_by=params.rank_by,
        ranked_segments=ranked,
        targeting_recommendations=recommend(params, scored, order, gain),
        expected_gain=gain,
        overall_effect=given.overall_effect,
        heterogeneity_p=given.heterogeneity_p,
    )


def charts(output: Json) -> list[Json]:
    """Return the ranked effects with their intervals."""
    rows = [
        {"label": s["segment"], "effect": s["effect"], "lower": s["ci_lower"], "upper": s["ci_upper"]}
        for s in output["ranked_segments"]
    ]
    title = f"Effect by segment, ranked by {output['rank_by']}"
    return [_charts.forest_chart(title, rows, unit="outcome per unit of treatment", overall=output["overall_effect"])]


def _ranked(params: Params, scored: Scored, i: int, rank: int, cautious: int) -> RankedSegment:
    segment, sign = scored.segments[i], direction(params)
    return RankedSegment(
        **segment.model_dump(),
        rank=rank,
        rank_by_lower_bound=cautious,
        lower_bound=sign * float(scored.lower[i]),
        shrunken_effect=sign * float(scored.shrunken[i]),
        score=float(scored.score[i]),
        score_lower_bound=float(scored.score_lower[i]),
    )


def _best_gain(scored: Scored, listed: set[int]) -> ExpectedGain:
    """Return the gain of the column whose listed, better-than-average segments gain most in total after shrinkage."""
    columns = dict.fromkeys(s.column for s in scored.segments)
    gains = [_gain(scored, column, listed) for column in columns]
    return max(gains, key=lambda gain: gain.shrunken_per_unit * gain.treated)


def _gain(scored: Scored, column: str, listed: set[int]) -> ExpectedGain:
    rows = np.array([i for i, s in enumerate(scored.segments) if s.column == column])
    sizes, benefit = scored.sizes[rows], scored.benefit[rows]
    mean = float(benefit @ sizes / sizes.sum())
    chosen = np.array([i in listed for i in rows]) & (benefit > mean) & (benefit > 0.0)
    none = Gain(0.0, 0.0, 0.0)
    gain = targeting_gain(benefit, scored.errors[rows], sizes, chosen) if chosen.any() else none
    cautious = targeting_gain(scored.shrunken[rows], scored.errors[rows], sizes, chosen) if chosen.any() else none
    low, high = gain.per_unit - Z95 * gain.std_error, gain.per_unit + Z95 * gain.std_error
    return ExpectedGain(
        column=column,
        targeted=[scored.segments[i].segment for i in rows[chosen]],
        treated=int(gain.treated),
        per_unit=gain.per_unit,
        ci_lower=low,
        ci_upper=high,
        total=gain.per_unit * gain.treated,
        total_ci_lower=low * gain.treated,
        total_ci_upper=high * gain.treated,
        shrunken_per_unit=cautious.per_unit,
    )


TOOL = ToolSpec(
    name="segment_ranker",
    category=ToolCategory.SEGMENTATION,
    source_agent="heterogeneous_optimizer",
    description=(
        "Ranks the segments of a heterogeneity analysis by effect, return on investment, volume or uplift (by estimate and by lower "
        "bound), recommends whom to target and gives the expected gain over untargeted treatment with an interval."
    ),
    params=Params,
    result=Result,
    run=run,
    charts=charts,
    examples=EXAMPLES,
    edges=(ToolEdge(producer="cate_analyzer", output_field="", input_field="cate_result"),),
)
