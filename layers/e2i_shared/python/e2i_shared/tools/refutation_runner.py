"""Try to refute a reported effect: placebo treatments, random and unobserved confounders, subsets, bootstrap, negative controls."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.tools import ToolCategory, ToolEdge
from e2i_shared.causal.refuters.gate import gate, refute
from e2i_shared.causal.refuters.negative_control import NegativeControlOutcome
from e2i_shared.tools import _charts
from e2i_shared.tools._analysis import CausalResult
from e2i_shared.tools._negative_control import control_column, negative_control
from e2i_shared.tools._registry import ToolParams, ToolResult, ToolSpec
from e2i_shared.tools._rerun import EFFECT_EXAMPLE, as_case, rerun

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.tools._registry import ToolContext

TestName = Literal[
    "placebo_treatment",
    "random_common_cause",
    "data_subset",
    "bootstrap",
    "unobserved_common_cause",
    "negative_control_outcome",
]
ALL: list[TestName] = [
    "placebo_treatment",
    "random_common_cause",
    "data_subset",
    "bootstrap",
    "unobserved_common_cause",
]
EXAMPLES: list[Json] = [
    {"causal_result": EFFECT_EXAMPLE},
    {"causal_result": EFFECT_EXAMPLE, "tests": ["placebo_treatment", "bootstrap"]},
    {
        "causal_result": {
            **EFFECT_EXAMPLE,
            "specification": {
                "dataset": "patients",
                "treatment_col": "copay_card",
                "outcome_col": "adherence_pdc",
                "confounders": ["brand", "age", "sex", "region", "payer", "nurse_support"],
            },
        },
        "tests": ["negative_control_outcome"],
        "negative_control_col": "comorbidities",
    },
]


class Params(ToolParams):
    """The effect to attack and how."""

    causal_result: CausalResult = Field(description="the output of causal_effect_estimator")
    tests: list[TestName] = Field(
        ALL,
        min_length=1,
        description="which tests to run; left out: all five, and the negative control where one is named",
    )
    negative_control_col: str | None = Field(
        None,
        description=(
            "an outcome with the same confounders that the treatment cannot change; left out: a column whose description or "
            "synonyms say 'negative control'"
        ),
    )


class TestResult(BaseModel):
    """One test's finding."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: TestName
    passed: bool
    detail: str
    estimate: float | None = Field(description="what the test found in place of the effect, outcome units")
    statistic: float = Field(description="what was judged; see detail")
    threshold: float = Field(description="what it was judged against")
    reuses: str = Field(description="what was taken from the first fit instead of fitted again")


class Result(ToolResult):
    """Whether the effect survived."""

    passed: bool
    confidence_score: float = Field(description="weighted share of tests passed, 0 to 1")
    gate_decision: Literal["proceed", "review", "block"]
    gate_reason: str
    test_results: list[TestResult]
    ate: float = Field(description="the reported effect, outcome units per unit of treatment")


def run(params: Params, context: ToolContext) -> Result:
    """Run the tests; raise what estimating the effect again raises."""
    control = control_column(params, context)
    again = rerun(params.causal_result, context)
    case = as_case(params.causal_result, again, context)
    values, warnings = negative_control(control, params, again, context) if control else (None, [])
    extra = [NegativeControlOutcome.name] if values else []
    names = list(dict.fromkeys([*params.tests, *extra]))
    case = replace(case, negative_control=values)
    results = refute(case, names)
    verdict = gate(results)
    fields = ("name", "passed", "detail", "estimate", "statistic", "threshold", "reuses")
    return Result(
        n=again.prepared.study.n,
        method="refutation tests on " + again.estimate.method,
        assumptions=["A claim that survives is not proven: no test can see every hidden confounder."],
        warnings=[*again.warnings, *warnings],
        seed=context.seed,
        passed=verdict.verdict == "proceed",
        confidence_score=verdict.confidence,
        gate_decision=verdict.verdict,
        gate_reason=verdict.reason,
        test_results=[TestResult.model_validate({f: getattr(r, f) for f in fields}) for r in results],
        ate=params.causal_result.ate,
    )


def charts(output: Json) -> list[Json]:
    """Draw what each test found beside the reported effect."""
    rows = [{"label": "reported", "value": output["ate"]}]
    rows += [{"label": t["name"], "value": t["estimate"]} for t in output["test_results"] if t["estimate"] is not None]
    return [_charts.bar_chart("What each test finds in place of the effect", rows, unit="effect")]


TOOL = ToolSpec(
    name="refutation_runner",
    category=ToolCategory.CAUSAL,
    source_agent="causal_analyst",
    description=(
        "Whether a reported effect holds up: placebo treatments, a random common cause, data subsets, bootstrap, a simulated "
        "unobserved common cause and a negative-control outcome, each passed or failed, with a gate decision proceed, review or block."
    ),
    params=Params,
    result=Result,
    run=run,
    examples=EXAMPLES,
    edges=(ToolEdge(producer="causal_effect_estimator", output_field="", input_field="causal_result"),),
    runtime="image",
    charts=charts,
)
