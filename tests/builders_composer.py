"""Classifications, decompositions, tools with scripted outputs and services for tests of the composer."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from e2i_shared.api.classification import (
    Clarification,
    Classification,
    Dependency,
    Domain,
    DomainScore,
    Entity,
    Features,
    Period,
    RoutingPattern,
    SubQuestion,
)
from e2i_shared.api.datasets import Column, ColumnKind, ColumnRole, ColumnStatistics, Dataset
from e2i_shared.api.tools import ToolCategory
from e2i_shared.composer.binding import KpiName
from e2i_shared.composer.model import Decomposition, DetailedSubQuestion, NewComposition
from e2i_shared.composer.phases import ComposerServices
from e2i_shared.composer.words import key
from e2i_shared.ids import new_id
from e2i_shared.testing import FakeCompositions
from e2i_shared.tools._registry import DataParams, ToolContext, ToolParams, ToolResult, ToolSpec
from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.datasets.sample import Sample

Parts = list[tuple[Domain, str]]

KISQALI = "Did more rep visits raise Kisqali TRx in the Northeast, which specialties responded most, and how large a test would confirm it?"
KISQALI_PARTS: Parts = [
    (Domain.CAUSAL, "Did more rep visits raise Kisqali TRx in the Northeast"),
    (Domain.SEGMENTATION, "which specialties responded most"),
    (Domain.EXPERIMENT, "how large a test would confirm it?"),
]
KISQALI_EDGES = [("Q1", "Q2"), ("Q1", "Q3")]


@cache
def sample() -> Sample:
    """The pharma sample, drawn once per process."""
    from e2i_shared.datasets.sample import generate

    return generate()


def datasets() -> list[Dataset]:
    return list(sample().datasets.values())


def decomposition(parts: Parts, edges: Sequence[tuple[str, str]] = (), **details: Any) -> Decomposition:
    """Sub-questions Q1, Q2 …; ``details`` go to all of them."""
    return Decomposition(
        sub_questions=[
            DetailedSubQuestion(id=f"Q{i}", text=text, domain=domain, **details)
            for i, (domain, text) in enumerate(parts, 1)
        ],
        dependencies=[dependency(a, b) for a, b in edges],
    )


def dependency(source: str, target: str) -> Dependency:
    return Dependency.model_validate({"from": source, "to": target, "type": "REFERENCE_CHAIN"})


def classification(
    query: str,
    parts: Parts,
    edges: Sequence[tuple[str, str]] = (),
    *,
    entities: Sequence[Entity] = (),
    periods: Sequence[Period] = (),
    clarification: Clarification | None = None,
) -> Classification:
    pattern = RoutingPattern.CLARIFICATION_NEEDED if clarification else RoutingPattern.TOOL_COMPOSER
    domains = list(dict.fromkeys(d for d, _ in parts)) or [Domain.CAUSAL]
    return Classification(
        classification_id=new_id(),
        query=query,
        routing_pattern=pattern,
        target_agents=[],
        domains=[DomainScore(domain=d, confidence=0.9) for d in domains],
        sub_questions=[SubQuestion(id=f"Q{i}", text=t, domain=d) for i, (d, t) in enumerate(parts, 1)],
        dependencies=[dependency(a, b) for a, b in edges],
        confidence=0.9,
        reason="a test",
        clarification=clarification,
        features=Features(clauses=[t for _, t in parts], entities=list(entities), periods=list(periods)),
        latency_ms={},
    )


def column(name: str, kind: str = "number", role: str = "covariate", **details: Any) -> Column:
    """A column; ``values`` become its top values."""
    values = details.pop("values", [])
    statistics = ColumnStatistics(
        missing=0,
        distinct=details.pop("distinct", len(values) or 50),
        minimum=details.pop("minimum", None),
        maximum=details.pop("maximum", None),
        mean=details.pop("mean", 10.0),
        std=details.pop("std", 2.0),
        top_values=[(v, 10) for v in values],
    )
    return Column(name=name, kind=ColumnKind(kind), role=ColumnRole(role), statistics=statistics, **details)


def dataset(name: str, columns: list[Column], **details: Any) -> Dataset:
    return Dataset(
        dataset_id=details.pop("dataset_id", f"id-{name}"),
        name=name,
        version=details.pop("version", 1),
        rows=details.pop("rows", 1000),
        columns=columns,
        created_at="2026-01-01T00:00:00+00:00",
        **details,
    )


def shop() -> Dataset:
    """A user's own data, with columns no vocabulary has seen."""
    return dataset(
        "shop_orders",
        [
            column("order_id", "id", "id", distinct=1000),
            column("discount", "boolean", "covariate", distinct=2),
            column("basket_size", "number", "outcome", unit="items"),
            column("store_type", "category", "segment", values=["premium", "outlet", "express"]),
            column("loyalty_tier", "category", "covariate", values=["gold", "silver", "none"]),
            column("visits_last_year", "integer", "covariate"),
        ],
    )


class EffectParams(DataParams):
    treatment_col: str
    outcome_col: str
    confounders: list[str] | None = None
    cluster_col: str | None = None
    method: str = "auto"


class Specification(BaseModel):
    dataset: str
    treatment_col: str
    outcome_col: str
    treatment_kind: str = "dose"


class EffectResult(ToolResult):
    ate: float
    ci_lower: float
    ci_upper: float
    std_error: float
    p_value: float
    outcome_sd: float
    outcome_mean: float
    n_clusters: int | None = None
    cluster_size: float | None = None
    outcome_icc: float | None = None
    specification: Specification


class CausalInput(BaseModel):
    ate: float
    ci_lower: float
    ci_upper: float
    specification: Specification


class OnEffectParams(ToolParams):
    causal_result: CausalInput


class Test(BaseModel):
    name: str
    passed: bool
    detail: str = ""


class RefutationResult(ToolResult):
    passed: bool
    confidence_score: float
    test_results: list[Test]
    gate_decision: str


class SensitivityResult(ToolResult):
    e_value_point: float
    e_value_ci: float
    robustness_value: float


class CateParams(ToolParams):
    causal_result: CausalInput
    segment_cols: list[str]


class SegmentRow(BaseModel):
    segment: str
    column: str
    level: str
    n: int
    effect: float
    ci_lower: float
    ci_upper: float


class CateResult(ToolResult):
    segments: list[SegmentRow]
    overall_effect: float
    heterogeneity_p: float | None = None
    treatment_col: str = "rep_visits"
    outcome_col: str = "trx"
    effect_by_segment: dict[str, dict[str, float]] = Field(default_factory=dict)


def effect_output(**changes: Any) -> Json:
    return {
        "n": 6720,
        "method": "average_partial_effect",
        "assumptions": ["No unmeasured confounding given the covariates."],
        "warnings": [],
        "seed": 20260101,
        "ate": 2.0531,
        "ci_lower": 1.8742,
        "ci_upper": 2.2318,
        "std_error": 0.0912,
        "p_value": 0.00000012,
        "outcome_sd": 6.4127,
        "outcome_mean": 11.38,
        "n_clusters": 280,
        "cluster_size": 24.0,
        "outcome_icc": 0.62,
        "specification": {
            "dataset": "hcp_monthly",
            "treatment_col": "rep_visits",
            "outcome_col": "trx",
            "treatment_kind": "dose",
        },
    } | changes


def cate_output(**changes: Any) -> Json:
    rows = [
        ("Oncology", 2.84, 2.6, 3.08, 1880),
        ("Hematology", 1.92, 1.6, 2.24, 1010),
        ("Nephrology", 0.97, 0.7, 1.24, 1000),
    ]
    rows += [("Allergy", 0.81, 0.5, 1.12, 800)]
    return {
        "n": 6720,
        "method": "group effects",
        "assumptions": [],
        "warnings": [],
        "seed": 20260101,
        "segments": [
            {"segment": s, "column": "specialty", "level": s, "n": n, "effect": e, "ci_lower": lo, "ci_upper": hi}
            for s, e, lo, hi, n in rows
        ],
        "overall_effect": 2.0531,
        "heterogeneity_p": 0.0002,
        "outcome_col": "trx",
        "effect_by_segment": {},
    } | changes


def refutation_output(**changes: Any) -> Json:
    names = ("placebo_treatment", "random_common_cause", "data_subset", "bootstrap", "unobserved_common_cause")
    return {
        "n": 6720,
        "method": "refutation",
        "assumptions": [],
        "warnings": [],
        "seed": 20260101,
        "passed": True,
        "confidence_score": 0.91,
        "test_results": [{"name": name, "passed": True, "detail": ""} for name in names],
        "gate_decision": "proceed",
    } | changes


def sensitivity_output(**changes: Any) -> Json:
    return {
        "n": 6720,
        "method": "sensitivity",
        "assumptions": [],
        "warnings": [],
        "seed": None,
        "e_value_point": 1.87,
        "e_value_ci": 1.71,
        "robustness_value": 0.243,
    } | changes


def tool(
    name: str, category: str, params: type[ToolParams], result: type[ToolResult], output: Json | None = None
) -> ToolSpec:
    def run(_params: Any, _context: ToolContext) -> ToolResult:
        return result.model_validate(output)

    return ToolSpec(
        name=name,
        category=ToolCategory(category),
        source_agent="tester",
        description=name,
        params=params,
        result=result,
        run=run,
        examples=[],
        runtime="image" if category in {"CAUSAL", "SEGMENTATION"} else "layer",
    )


def catalogue(**replaced: ToolSpec | None) -> dict[str, ToolSpec]:
    """Scripted causal tools beside the real ones; ``name=None`` takes a tool away."""
    scripted = (
        tool("causal_effect_estimator", "CAUSAL", EffectParams, EffectResult, effect_output()),
        tool("refutation_runner", "CAUSAL", OnEffectParams, RefutationResult, refutation_output()),
        tool("sensitivity_analyzer", "CAUSAL", OnEffectParams, SensitivityResult, sensitivity_output()),
        tool("cate_analyzer", "SEGMENTATION", CateParams, CateResult, cate_output()),
    )
    from e2i_shared.tools import gap_calculator, kpi_lookup, power_calculator, segment_ranker

    real = (m.TOOL for m in (gap_calculator, kpi_lookup, power_calculator, segment_ranker))
    tools: dict[str, ToolSpec | None] = {t.name: t for t in (*scripted, *real)} | replaced
    return {name: spec for name, spec in tools.items() if spec is not None}


def runner(tools: Mapping[str, ToolSpec]) -> Callable[[str, Json], Json]:
    """Validate, run and validate like the registry does, with these tools, on the sample."""
    context = ToolContext(sample().source())

    def run(name: str, inputs: Json) -> Json:
        spec = tools[name]
        result = spec.run(spec.params.model_validate(inputs), context)
        return result.model_dump(mode="json")

    return run


def kpi_names() -> dict[str, KpiName]:
    from e2i_shared.tools._kpis import kpis

    return {
        key(phrase): KpiName(kpi.name, tuple(frozenset(d.columns()) for d in kpi.definitions))
        for kpi in kpis().values()
        for phrase in kpi.names()
    }


def services(made: Classification, tools: Mapping[str, ToolSpec] | None = None, **changes: Any) -> ComposerServices:
    tools = tools or catalogue()
    values: dict[str, Any] = {
        "compositions": FakeCompositions(),
        "datasets": datasets,
        "tools": tools,
        "run": runner(tools),
        "classify": lambda _record: made,
        "kpis": kpi_names(),
        "now": lambda: __import__("datetime").datetime.now(__import__("datetime").UTC),
    } | changes
    return ComposerServices(**values)


def created(made: ComposerServices, query: str, **details: Any) -> str:
    identity = new_id()
    made.compositions.create(NewComposition(composition_id=identity, query=query, **details))
    return identity


def drive(
    query: str, parts: Parts, edges: Sequence[tuple[str, str]] = (), periods: Sequence[Period] = (), **changes: Any
):
    """Run a composition from question to answer; return its record and steps."""
    from datetime import datetime

    held: dict[str, Any] = {}

    def now() -> Any:
        return datetime.fromisoformat(held["services"].compositions.get(held["id"]).created_at)

    made = services(
        classification(query, parts, edges, periods=periods), changes.pop("tools", None), now=now, **changes
    )
    held |= {"services": made, "id": created(made, query)}
    return carried_out(made, held["id"])


def carried_out(made: Any, composition_id: str) -> tuple[Any, Any]:
    """Run every phase of a composition and each step level by level; return its record and its steps."""
    from e2i_shared.composer.phases import run_phase

    event = {"tenant_id": "t", "composition_id": composition_id}
    run_phase(event | {"phase": "decompose"}, made)
    for level in run_phase(event | {"phase": "plan"}, made)["levels"]:
        for step in level:
            run_phase(event | {"phase": "execute", "step_number": step["step_number"]}, made)
    run_phase(event | {"phase": "synthesize"}, made)
    return made.compositions.get(composition_id), made.compositions.steps(composition_id)
