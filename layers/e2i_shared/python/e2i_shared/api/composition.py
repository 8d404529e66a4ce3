"""Requests, progress and answers of the composer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from e2i_shared.api.classification import Clarification, QueryText, RoutingPattern
from e2i_shared.api.common import Json, Wire


class CompositionStatus(StrEnum):
    """Where a composition or a step stands."""

    PENDING = "PENDING"
    DECOMPOSING = "DECOMPOSING"
    PLANNING = "PLANNING"
    EXECUTING = "EXECUTING"
    SYNTHESIZING = "SYNTHESIZING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"


TERMINAL = frozenset(
    {
        CompositionStatus.COMPLETED,
        CompositionStatus.FAILED,
        CompositionStatus.TIMEOUT,
        CompositionStatus.SKIPPED,
        CompositionStatus.CANCELLED,
    }
)


class ComposeRequest(Wire):
    """``POST /compose``."""

    query: QueryText
    session_id: Annotated[str, Field(max_length=100)] | None = None
    dataset: Annotated[str, Field(max_length=200)] | None = None
    classification_id: str | None = None
    max_cost_usd: Annotated[float, Field(ge=0)] | None = None
    deadline_seconds: Annotated[int, Field(ge=1, le=300)] = 300


class AskRequest(Wire):
    """``POST /ask``: waits up to ``wait_seconds``, else 202."""

    query: QueryText
    session_id: Annotated[str, Field(max_length=100)] | None = None
    dataset: Annotated[str, Field(max_length=200)] | None = None
    wait_seconds: Annotated[float, Field(ge=0, le=25)] = 25


class ComposeAccepted(Wire):
    """202: where to look."""

    composition_id: str
    status_url: str


class ValueRef(Wire):
    """A number's source: a JSON pointer into a step's output, with an optional declared derivation."""

    step: int
    pointer: str
    transform: Literal["none", "percent", "ratio", "difference", "percent_change", "absolute", "percent_absolute"] = (
        "none"
    )
    other_pointer: str | None = None
    format: str = ".3g"  # Python format spec; the renderer prints with it
    unit: str | None = None


class Claim(Wire):
    """A sentence with ``{0}``, ``{1}`` … where the renderer prints the referenced numbers."""

    text: str
    value_refs: list[ValueRef] = []


AskedPhase = Literal["decompose", "plan", "synthesize"]


class AnswerPart(Wire):
    """The answer to one sub-question; ``citations`` are step numbers."""

    sub_question: str
    question: str
    text: str
    claims: list[Claim] = []
    citations: list[int]
    confidence: Annotated[float, Field(ge=0, le=1)]


class Answer(Wire):
    """A cited answer; ``summary`` and ``report`` tell the same in Markdown, short and at length."""

    headline: str
    parts: list[AnswerPart]
    caveats: list[str] = []
    next_step: str | None = None
    charts: list[Json] = []
    text: str
    summary: str = ""
    report: str = ""
    source: Literal["template", "llm"] = "template"  # who worded it


class ReportQuery(Wire):
    """What ``GET /compositions/{id}/report`` is asked for."""

    form: Literal["summary", "full"] = "full"
    format: Literal["markdown", "json"] = "markdown"


class Finding(Wire):
    """One part of a report, with what its evidence is called: strong, moderate, limited or weak."""

    question: str
    text: str
    evidence: str
    confidence: float
    citations: list[int]


class Report(Wire):
    """An answer told as a report: in Markdown, and its sections by themselves."""

    composition_id: str
    query: str
    form: Literal["summary", "full"]
    headline: str
    findings: list[Finding]
    missing: list[MissingPart]
    caveats: list[str]
    next_step: str | None
    markdown: str


class Progress(Wire):
    """How far a composition is."""

    phase: CompositionStatus
    steps_total: int
    steps_done: int
    percent: int


class StepProgress(Wire):
    """Where one step stands, without its data."""

    step_number: int
    name: str
    tool: str
    level: int
    status: CompositionStatus
    depends_on_steps: list[int] = []
    latency_ms: float | None = None
    error: str | None = None


class PartialResult(Wire):
    """What a finished step says while others still run; the answer may say it otherwise."""

    step: int
    tool: str
    sub_question: str
    text: str


class RelatedComposition(Wire):
    """A past question like this one; its answer is never served in place of this one's."""

    composition_id: str
    query: str
    similarity: float


class CompositionEventView(Wire):
    """One line of ``GET /compositions/{id}/events``; ``text`` is what a finished step says (kind ``partial``)."""

    seq: int
    at: str
    kind: Literal["status", "step", "partial"]
    detail: Json
    text: str | None = None


class CompositionEvents(Wire):
    """What happened after a number; ask again with ``after=next_after`` until ``ended``."""

    items: list[CompositionEventView]
    next_after: int
    status: CompositionStatus
    ended: bool


class MissingPart(Wire):
    """A sub-question that could not be answered, and why."""

    sub_question: str
    question: str
    reason: str


class CompositionSummary(Wire):
    """One line of ``GET /compositions``."""

    composition_id: str
    query: str
    status: CompositionStatus
    session_id: str | None
    created_at: str
    completed_at: str | None


class CompositionView(Wire):
    """``GET /compositions/{id}``; also what ``POST /ask`` returns."""

    composition_id: str | None
    query: str
    status: CompositionStatus
    routing_pattern: RoutingPattern | None = None
    progress: Progress | None = None
    attempt: int = 1
    levels: list[list[int]] = []
    steps: list[StepProgress] = []
    partial: list[PartialResult] = []
    related: list[RelatedComposition] = []
    plan: Json | None = None
    used_llm: list[AskedPhase] = []  # phases whose result is a language model's
    answer: Answer | None = None
    clarification: Clarification | None = None
    missing: list[MissingPart] = []
    error: str | None = None
    latency_ms: dict[str, float] = {}
    classification_id: str | None = None
    created_at: str | None = None
    completed_at: str | None = None


class StepView(Wire):
    """One step of ``GET /compositions/{id}/steps``."""

    step_number: int
    step_name: str
    tool_name: str
    status: CompositionStatus
    level: int
    serves_sub_question: str
    depends_on_steps: list[int]
    input_params: Json
    output_result: Json | None
    output_ref: str | None = None  # where a large output is kept
    latency_ms: float | None
    retry_count: int
    error_message: str | None
    started_at: str | None
    completed_at: str | None


class CompositionFeedback(Wire):
    """A user's judgement of an answer."""

    rating: Annotated[int, Field(ge=1, le=5)]
    text: Annotated[str, Field(max_length=4000)] | None = None
    success: bool | None = None
