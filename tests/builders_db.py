"""Wire objects with sensible contents, for tests that store them."""

from __future__ import annotations

from typing import Any

from e2i_shared.api.classification import (
    Clarification,
    Classification,
    Dependency,
    DependencyType,
    Domain,
    DomainScore,
    Features,
    Period,
    RoutingPattern,
    SubQuestion,
)
from e2i_shared.api.common import Filter
from e2i_shared.api.composition import Answer, AnswerPart, Claim, MissingPart, ValueRef
from e2i_shared.api.datasets import Column, ColumnKind, ColumnRole, ColumnStatistics, Dataset
from e2i_shared.api.tools import ToolCategory, ToolDescription, ToolEdge
from e2i_shared.composer.model import (
    Binding,
    Decomposition,
    DetailedSubQuestion,
    NewComposition,
    Plan,
    PlanStep,
)
from e2i_shared.ids import new_id

DIMENSIONS = 1536


def a_classification(query: str = "Did rep visits raise TRx?", **changes: Any) -> Classification:
    values: dict[str, Any] = {
        "classification_id": new_id(),
        "query": query,
        "routing_pattern": RoutingPattern.TOOL_COMPOSER,
        "target_agents": ["causal_impact", "heterogeneous_optimizer"],
        "domains": [
            DomainScore(domain=Domain.CAUSAL, confidence=0.91),
            DomainScore(domain=Domain.GAP, confidence=1 / 3),
        ],
        "sub_questions": [
            SubQuestion(id="Q1", text="Did rep visits raise TRx?", domain=Domain.CAUSAL),
            SubQuestion(id="Q2", text="where?", domain=Domain.GAP),
        ],
        "dependencies": [Dependency(from_="Q1", to="Q2", type=DependencyType.REFERENCE_CHAIN)],
        "confidence": 0.87,
        "reason": "Two domains, and the second part needs the first.",
        "features": Features(
            clauses=["did rep visits raise trx"],
            question_words=["did"],
            periods=[Period(text="Q3", start="2026-07-01", end="2026-10-01")],
            causal_cues=["raise"],
        ),
        "used_llm": False,
        "latency_ms": {"features": 0.5, "domains": 0.25, "total": 1.5},
    }
    return Classification(**values | changes)


def a_clarification() -> Clarification:
    return Clarification(message="Which outcome?", missing=["outcome"], rephrasings=["What drove TRx?"])


def a_composition(**changes: Any) -> NewComposition:
    return NewComposition(**{"composition_id": new_id(), "query": "Did rep visits raise TRx, and where?"} | changes)


def a_decomposition() -> Decomposition:
    return Decomposition(
        sub_questions=[
            DetailedSubQuestion(id="Q1", text="Did rep visits raise TRx?", domain=Domain.CAUSAL, measure="trx"),
            DetailedSubQuestion(id="Q2", text="and where?", domain=Domain.SEGMENTATION),
        ],
        dependencies=[Dependency(from_="Q1", to="Q2", type=DependencyType.REFERENCE_CHAIN)],
    )


def a_plan() -> Plan:
    return Plan(
        dataset="hcp_monthly",
        dataset_version=1,
        steps=[
            PlanStep(
                step_number=1,
                name="Effect of rep visits",
                tool="estimate",
                runtime="image",
                inputs={"treatment_col": "rep_visits", "threshold": 1.0, "seed": 2**53 + 1},
                serves="Q1",
                level=1,
            ),
            PlanStep(
                step_number=2,
                name="Effect by region",
                tool="segment",
                runtime="layer",
                inputs={"causal_result": {"$from": "step-1", "path": "@"}, "segment_cols": ["region"]},
                depends_on=[1],
                serves="Q2",
                level=2,
            ),
        ],
        levels=[[1], [2]],
        bindings=[Binding(phrase="rep visits", bound_to="rep_visits", dataset="hcp_monthly")],
        filters=[Filter(column="brand", value="Kisqali")],
        notes=["Adjusted for decile."],
    )


def an_answer() -> Answer:
    part = AnswerPart(
        sub_question="Q1",
        question="Did rep visits raise TRx?",
        text="Each visit adds 0.42 TRx.",
        claims=[Claim(text="Each visit adds {0} TRx.", value_refs=[ValueRef(step=1, pointer="/ate")])],
        citations=[1],
        confidence=0.8,
    )
    return Answer(
        headline="Visits help.",
        parts=[part],
        caveats=["Observational."],
        text="Each visit adds 0.42 TRx. „größer“ 10⁴",
        charts=[{"mark": "bar"}],
    )


def a_missing_part() -> MissingPart:
    return MissingPart(sub_question="Q2", question="and where?", reason="The step before it failed.")


def a_dataset(name: str = "Visits", *, rows: int = 100, **changes: Any) -> Dataset:
    columns = [
        Column(
            name="hcp_id",
            kind=ColumnKind.ID,
            role=ColumnRole.ID,
            statistics=ColumnStatistics(missing=0, distinct=100, minimum="H1", maximum="H99"),
        ),
        Column(
            name="rep_visits",
            kind=ColumnKind.INTEGER,
            role=ColumnRole.TREATMENT,
            unit="visits",
            synonyms=["calls", "detailing"],
            statistics=ColumnStatistics(
                missing=2, distinct=8, minimum=0.0, maximum=7.0, mean=2.5, std=1.25, quantiles=[0, 1, 2, 4, 6]
            ),
        ),
        Column(
            name="region",
            kind=ColumnKind.CATEGORY,
            role=ColumnRole.SEGMENT,
            statistics=ColumnStatistics(missing=0, distinct=2, top_values=[("South", 60), ("West", 40)]),
        ),
    ]
    values: dict[str, Any] = {
        "dataset_id": "",
        "name": name,
        "version": 1,
        "rows": rows,
        "unit": "hcp-month",
        "columns": columns,
        "warnings": ["Two cells were blank."],
        "created_at": "",
    }
    return Dataset(**values | changes)


def a_direction(*weights: float) -> list[float]:
    """Return a vector of 1,536 numbers that starts with the given weights."""
    return [*map(float, weights), *([0.0] * (DIMENSIONS - len(weights)))]


def tool(name: str, *producers: str, version: str = "1.0.0") -> ToolDescription:
    return ToolDescription(
        name=name,
        category=ToolCategory.CAUSAL,
        source_agent="causal_impact",
        description=f"What {name} does.",
        version=version,
        edges=[ToolEdge(producer=p, output_field="", input_field="given") for p in producers],
        input_schema={"type": "object"},
        output_schema={"type": "object"},
        examples=[{"x": 1}],
    )
