"""Requests and results of the classifier."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from e2i_shared.api.common import Json, Wire


def storable(value: object) -> object:
    """Replace, character for character, what UTF-8 (lone surrogates) and Postgres (NUL) cannot hold."""
    if not isinstance(value, str) or (value.isascii() and "\0" not in value):
        return value
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else " " if char == "\0" else char for char in value)


QueryText = Annotated[str, BeforeValidator(storable), Field(min_length=1, max_length=4000)]
SubQuestionId = Annotated[str, Field(pattern=r"^Q[1-9][0-9]?$")]


class Domain(StrEnum):
    """The nine kinds of question."""

    CAUSAL = "CAUSAL"
    SEGMENTATION = "SEGMENTATION"
    GAP = "GAP"
    EXPERIMENT = "EXPERIMENT"
    PREDICTION = "PREDICTION"
    MONITORING = "MONITORING"
    KPI = "KPI"
    COHORT = "COHORT"
    EXPLANATION = "EXPLANATION"


class RoutingPattern(StrEnum):
    """How a question is routed."""

    SINGLE_AGENT = "SINGLE_AGENT"
    PARALLEL_DELEGATION = "PARALLEL_DELEGATION"
    TOOL_COMPOSER = "TOOL_COMPOSER"
    CLARIFICATION_NEEDED = "CLARIFICATION_NEEDED"


class DependencyType(StrEnum):
    """Why one sub-question needs another's answer."""

    REFERENCE_CHAIN = "REFERENCE_CHAIN"
    CONDITIONAL = "CONDITIONAL"
    LOGICAL_SEQUENCE = "LOGICAL_SEQUENCE"
    ENTITY_TRANSFORMATION = "ENTITY_TRANSFORMATION"


AGENTS: dict[Domain, str] = {
    Domain.CAUSAL: "causal_impact",
    Domain.SEGMENTATION: "heterogeneous_optimizer",
    Domain.GAP: "gap_analyzer",
    Domain.EXPERIMENT: "experiment_designer",
    Domain.PREDICTION: "prediction_synthesizer",
    Domain.MONITORING: "drift_monitor",
    Domain.KPI: "kpi_reporter",
    Domain.COHORT: "cohort_constructor",
    Domain.EXPLANATION: "explainer",
}


class ClassifyRequest(Wire):
    """A question to route; ``context`` holds earlier queries of the conversation, oldest first."""

    query: QueryText
    session_id: Annotated[str, Field(max_length=100)] | None = None
    context: Annotated[list[QueryText], Field(max_length=20)] = []
    dataset: Annotated[str, Field(max_length=200)] | None = None


class DomainScore(Wire):
    """A domain with its calibrated probability."""

    domain: Domain
    confidence: Annotated[float, Field(ge=0, le=1)]


class SubQuestion(Wire):
    """One part of a question, numbered in the order of mention; ``start`` and ``end`` are its span in the query."""

    id: SubQuestionId
    text: str
    domain: Domain
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    start: Annotated[int, Field(ge=0)] | None = None
    end: Annotated[int, Field(ge=0)] | None = None


class Dependency(Wire):
    """An edge from the sub-question whose answer is needed to the one that needs it."""

    from_: Annotated[SubQuestionId, Field(alias="from")]
    to: SubQuestionId
    type: DependencyType


class Clarification(Wire):
    """What is missing, and up to three rephrasings that would work."""

    message: str
    missing: list[str] = []
    rephrasings: Annotated[list[str], Field(max_length=3)] = []


class Entity(Wire):
    """A phrase of the question resolved against the vocabulary or the catalogue."""

    text: str
    kind: Literal[
        "hcp",
        "patient",
        "territory",
        "region",
        "segment",
        "specialty",
        "brand",
        "kpi",
        "treatment",
        "column",
        "value",
        "period",
    ]
    canonical: str
    dataset: str | None = None
    column: str | None = None
    value: str | None = None
    start: int
    end: int
    fuzzy: bool = False


class Period(Wire):
    """A phrase of time resolved to dates (ISO, end exclusive)."""

    text: str
    start: str
    end: str
    comparison: Literal["none", "previous_period", "previous_year"] = "none"


class Features(Wire):
    """Stage 1: what the text holds. Offsets count characters of the query.

    ``corrections`` maps a misspelt word to the word it was read as. ``inherited`` are entities of earlier turns that a
    follow-up does not replace; their offsets count characters of ``inherited_query``.
    """

    clauses: list[str]
    question_words: list[str] = []
    entities: list[Entity] = []
    periods: list[Period] = []
    causal_cues: list[str] = []
    conditional_cues: list[str] = []
    comparison_cues: list[str] = []
    corrections: dict[str, str] = {}
    is_followup: bool = False
    inherited_query: str | None = None
    inherited: list[Entity] = []
    language_ok: bool = True


class Classification(Wire):
    """The result of all four stages; the wire shape of ``POST /classify``."""

    classification_id: str
    query: str
    routing_pattern: RoutingPattern
    target_agents: list[str]
    domains: list[DomainScore]
    sub_questions: list[SubQuestion]
    dependencies: list[Dependency]
    confidence: Annotated[float, Field(ge=0, le=1)]
    reason: str
    clarification: Clarification | None = None
    features: Features
    is_followup: bool = False
    cached: bool = False
    used_llm: bool = False
    second_opinion: str | None = None  # "agreed", "overruled", or why it was not used
    latency_ms: dict[str, float]


class ClassificationFeedback(Wire):
    """Was the route right, and if not, which was."""

    was_correct: bool
    correct_pattern: RoutingPattern | None = None
    notes: Annotated[str, Field(max_length=2000)] | None = None


class AccuracyRow(Wire):
    """One row of ``v_classification_accuracy``."""

    routing_pattern: RoutingPattern
    classified: int
    judged: int
    correct: int
    accuracy: float | None


class TrainingRows(Wire):
    """Judged classifications as labelled rows, and the ids of those whose labels cannot be told from their feedback."""

    rows: list[Json]
    unclear: list[str]


class StoredClassification(Wire):
    """A classification read back, with its feedback."""

    classification: Classification
    created_at: str
    feedback: ClassificationFeedback | None = None
    details: Json = {}
