"""The composer's work products, as stored in Postgres between its states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from pydantic import Field

from e2i_shared.api.classification import Dependency, Domain, Entity, Period
from e2i_shared.api.common import Filter, Json, Page, PageQuery, Wire
from e2i_shared.api.composition import Answer, CompositionFeedback, CompositionStatus, CompositionSummary, MissingPart

if TYPE_CHECKING:
    from collections.abc import Sequence


class DetailedSubQuestion(Wire):
    """A sub-question with what its text says about entities, measure and period."""

    id: str
    text: str
    domain: Domain
    entities: list[Entity] = []
    measure: str | None = None
    periods: list[Period] = []


class Decomposition(Wire):
    """Phase 1."""

    sub_questions: list[DetailedSubQuestion]
    dependencies: list[Dependency]
    source: Literal["rules", "llm"] = "rules"


class PlanStep(Wire):
    """One tool call. ``inputs`` holds literals or ``{"$from": "step-N", "path": "<JMESPath>"}``; depends_on are step numbers."""

    step_number: Annotated[int, Field(ge=1, le=25)]
    name: str
    tool: str
    runtime: Literal["layer", "image"]
    inputs: Json
    depends_on: list[int] = []
    serves: str  # sub-question id
    level: int


class Binding(Wire):
    """A phrase of the question bound to the data: shown to the user."""

    phrase: str
    bound_to: str
    dataset: str
    fuzzy: bool = False


class Plan(Wire):
    """Phase 2: a validated DAG."""

    dataset: str
    dataset_version: int
    steps: list[PlanStep]
    levels: list[list[int]]
    bindings: list[Binding] = []
    filters: list[Filter] = []
    missing: list[MissingPart] = []
    notes: list[str] = []
    critical_path_ms: float | None = None
    reused_from: str | None = None
    source: Literal["rules", "llm"] = "rules"
    prompt: str | None = None  # of the language model: its name and version


class StepRecord(Wire):
    """A row of composition_steps."""

    step: PlanStep
    status: CompositionStatus
    resolved_inputs: Json | None = None
    output: Json | None = None
    latency_ms: float | None = None
    retry_count: int = 0
    error_message: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    output_ref: str | None = None  # where a large output is kept


class NewComposition(Wire):
    """What starts an episode."""

    composition_id: str
    query: str
    session_id: str | None = None
    dataset: str | None = None
    classification_id: str | None = None
    user_id: str | None = None
    deadline_seconds: int = 300
    embedding: list[float] | None = None  # 1536, of the query
    embedding_model: str | None = None
    max_cost_usd: float | None = None  # of language models


class CompositionRecord(Wire):
    """A row of composer_episodes."""

    composition_id: str
    query: str
    status: CompositionStatus
    session_id: str | None = None
    dataset: str | None = None
    classification_id: str | None = None
    user_id: str | None = None
    deadline_seconds: int = 300
    max_cost_usd: float | None = None
    decomposition: Decomposition | None = None
    plan: Plan | None = None
    answer: Answer | None = None
    missing: list[MissingPart] = []
    error_message: str | None = None
    latency_ms: dict[str, float] = {}
    created_at: str
    completed_at: str | None = None
    attempt: int = 1
    attempted_at: str | None = None  # when the latest retry began


class CompositionEvent(Wire):
    """One change of a composition's or a step's status; ``partial`` says that a step's result can be read."""

    seq: int
    at: str
    kind: Literal["status", "step", "partial"]
    detail: Json


class ReusablePlan(Wire):
    """A plan that answered a question in full, and whose it was."""

    composition_id: str
    plan: Plan


class CompositionQuery(PageQuery):
    """Filters of ``GET /compositions``; times are ISO 8601, ``until`` exclusive."""

    status: CompositionStatus | None = None
    session_id: str | None = None
    since: str | None = None
    until: str | None = None


class SimilarComposition(Wire):
    """A past episode near a question."""

    composition_id: str
    query: str
    similarity: float
    success: bool | None


class CompositionRepository(Protocol):
    """Episodes and steps of one tenant. Every method is one transaction; only ``retry`` changes a finished episode or step."""

    def create(self, new: NewComposition) -> None:
        """Insert PENDING with an outbox row ``composition.requested``; raise ConflictError if the id exists."""
        ...

    def get(self, composition_id: str) -> CompositionRecord:
        """Return the episode; raise NotFoundError."""
        ...

    def list(self, query: CompositionQuery) -> Page[CompositionSummary]:
        """Return newest first."""
        ...

    def begin(self, composition_id: str, phase: CompositionStatus) -> CompositionRecord:
        """Move forward to ``phase`` unless already there or further; return the episode as it then is."""
        ...

    def save_decomposition(self, composition_id: str, decomposition: Decomposition, latency_ms: float) -> None:
        """Store phase 1; a second call changes nothing."""
        ...

    def save_plan(self, composition_id: str, plan: Plan, latency_ms: float, key: str | None = None) -> None:
        """Store phase 2, under its key where it may be used again, with its steps as PENDING; a second call changes nothing."""
        ...

    def reusable_plan(self, key: str) -> ReusablePlan | None:
        """Return the newest plan stored under the key whose composition answered everything."""
        ...

    def steps(self, composition_id: str) -> Sequence[StepRecord]:
        """Return the steps by number."""
        ...

    def start_step(self, composition_id: str, step_number: int, resolved_inputs: Json) -> bool:
        """Mark EXECUTING (again, counting a retry) and return True; False when the step is already finished."""
        ...

    def finish_step(
        self,
        composition_id: str,
        step_number: int,
        status: CompositionStatus,
        *,
        output: Json | None = None,
        error: str | None = None,
        latency_ms: float | None = None,
    ) -> bool:
        """Store COMPLETED, FAILED or SKIPPED; the first terminal state wins (False for later ones)."""
        ...

    def save_answer(
        self, composition_id: str, answer: Answer, missing: Sequence[MissingPart], latency_ms: dict[str, float]
    ) -> None:
        """Store phase 4 and COMPLETED with an outbox row ``composition.completed``; a second call changes nothing."""
        ...

    def fail(self, composition_id: str, status: CompositionStatus, message: str) -> bool:
        """End as FAILED, TIMEOUT or CANCELLED unless finished; running steps become FAILED, waiting ones SKIPPED."""
        ...

    def retry(self, composition_id: str) -> CompositionRecord:
        """Open an ended composition again as PENDING with its next attempt; what completed stays.

        Raise ConflictError unless it is FAILED, TIMEOUT, or COMPLETED with a step that did not complete.
        """
        ...

    def events(self, composition_id: str, after: int = 0, limit: int = 200) -> Sequence[CompositionEvent]:
        """Return what happened after a number, in order; raise NotFoundError."""
        ...

    def save_feedback(self, composition_id: str, feedback: CompositionFeedback) -> None:
        """Store the rating; raise NotFoundError."""
        ...

    def similar(
        self, embedding: Sequence[float], model: str, limit: int = 5, min_similarity: float = 0.7
    ) -> Sequence[SimilarComposition]:
        """Return past episodes by cosine similarity among vectors of the same model."""
        ...

    def neighbours(
        self, composition_id: str, limit: int = 5, min_similarity: float = 0.7
    ) -> Sequence[SimilarComposition]:
        """Return past episodes near this one by their stored vectors of the same model, without itself."""
        ...

    def answered_alike(self, domains: Sequence[str], edges: Sequence[str], limit: int) -> Sequence[str]:
        """Return ids of episodes of the same shape that were answered in full, newest first; edges are ``Q1>Q2:TYPE``, sorted."""
        ...

    def unstarted(self, older_than_seconds: float) -> Sequence[str]:
        """Return ids of PENDING episodes older than that, and of running ones a minute older: nobody may work on them."""
        ...
