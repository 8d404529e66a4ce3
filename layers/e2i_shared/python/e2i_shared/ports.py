"""What the object graph is made of: the seams at which adapters and fakes are exchanged, and what one tenant's requests work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from e2i_shared.api.admin import BudgetRequest, BudgetState, UsageRow
    from e2i_shared.api.cohorts import Cohort, CohortDefinition, CohortQuery, CohortStep, CohortSummary
    from e2i_shared.api.common import Json, Page
    from e2i_shared.api.service import DependencyState
    from e2i_shared.classifier.repository import ClassificationRepository
    from e2i_shared.composer.model import CompositionRepository
    from e2i_shared.datasets.frame import DataSource
    from e2i_shared.datasets.repository import CatalogueRepository, RowStore
    from e2i_shared.llm.gateway import Gateway
    from e2i_shared.objects import Objects
    from e2i_shared.twins.log import ExperimentLog
    from e2i_shared.twins.repository import TwinStores


T = TypeVar("T")


class Workflows(Protocol):
    """Where compositions are executed."""

    def start(self, tenant_id: str, composition_id: str, attempt: int = 1) -> None:
        """Start the execution named after the composition and its attempt, unless it was started before."""
        ...

    def stop(self, composition_id: str, attempt: int, cause: str) -> None:
        """Stop the execution of an attempt, if it runs."""
        ...


class Trainings(Protocol):
    """Where twins are trained."""

    def start(self, job_id: str, payload: Json) -> None:
        """Start the execution named after the job, unless it was started before."""
        ...


class Events(Protocol):
    """Where the outbox goes."""

    def publish(self, events: Sequence[tuple[str, Json]]) -> Sequence[bool]:
        """Publish up to ten (kind, detail) pairs; say of each whether it was taken."""
        ...


class IdempotencyKeys(Protocol):
    """What was answered to which Idempotency-Key."""

    def begin(self, key: str, fingerprint: str) -> Json | None:
        """Take the key and return None, or return the stored reply; raise ConflictError for another body or while in flight."""
        ...

    def finish(self, key: str, reply: Json) -> None:
        """Store the reply."""
        ...

    def abandon(self, key: str) -> None:
        """Give the key back: nothing was done."""
        ...


class Reliability(Protocol):
    """How a tool did in the last days; latencies in milliseconds."""

    @property
    def tool(self) -> str:
        """Its name."""
        ...

    @property
    def p50_ms(self) -> float | None:
        """Its median latency, where it is known."""
        ...


class ToolRuns(Protocol):
    """How tools do."""

    def reliability(self) -> Sequence[Reliability]:
        """Return how each tool did."""
        ...

    def record_run(
        self,
        tool: str,
        *,
        success: bool,
        latency_ms: float | None = None,
        input_complexity: int | None = None,
        error_type: str | None = None,
        called_by: str = "api",
    ) -> None:
        """Record a run outside a composition."""
        ...


class Cohorts(Protocol):
    """Saved cohorts of one tenant; a name is the same whatever its case."""

    def save(self, name: str, definition: CohortDefinition, steps: Sequence[CohortStep], user: str | None) -> Cohort:
        """Store the next version, or return the newest where its hash is the same."""
        ...

    def get(self, name_or_id: str) -> Cohort:
        """Return one version by id, or the newest under a name; raise NotFoundError with the nearest names."""
        ...

    def list(self, query: CohortQuery) -> Page[CohortSummary]:
        """Return every version of one name, else the newest of each; newest first."""
        ...


class Found(NamedTuple):
    """Something a search found."""

    id: str
    title: str
    text: str


class Search(Protocol):
    """Full text and vectors over one tenant's answered questions and documents; each ranking best first."""

    def compositions(self, text: str, limit: int) -> Sequence[Found]:
        """Return answered questions that hold any of the words."""
        ...

    def documents(self, text: str, limit: int) -> Sequence[Found]:
        """Return documents that hold any of the words."""
        ...

    def documents_near(
        self, embedding: Sequence[float], model: str, limit: int, min_similarity: float = 0.3
    ) -> Sequence[Found]:
        """Return documents by cosine similarity among vectors of the same model."""
        ...


class Spending(Protocol):
    """What one tenant's language models cost, and their caps."""

    def usage(self, since: datetime, until: datetime) -> Sequence[UsageRow]:
        """Return calls, tokens and cost by day, model, user and phase; newest day first."""
        ...

    def budgets(self) -> Sequence[BudgetState]:
        """Return the standing caps and today's state."""
        ...

    def set_cap(self, request: BudgetRequest, actor: str, role: str, request_id: str) -> Sequence[BudgetState]:
        """Set a standing cap, from now on, with its entry in the audit log; return the budgets."""
        ...

    def sweep(self, older_than_seconds: float = 600.0) -> int:
        """Settle the calls of processes that died, as spent in full; return how many."""
        ...


class OutboxEvent(Protocol):
    """An event that waits to be published."""

    @property
    def outbox_id(self) -> str:
        """Its id."""
        ...

    @property
    def topic(self) -> str:
        """Its kind."""
        ...

    @property
    def payload(self) -> Json:
        """Its detail."""
        ...


class Outbox(Protocol):
    """Events written in the transaction that caused them."""

    def claim(self, limit: int = 100, lease_seconds: float = 60) -> Sequence[OutboxEvent]:
        """Lease the oldest waiting events."""
        ...

    def mark_published(self, ids: Sequence[str]) -> int:
        """Record that the bus took them."""
        ...

    def release(self, ids: Sequence[str], error: str) -> int:
        """Give them back, with the reason."""
        ...


class Letter(NamedTuple):
    """A message that its queue gave up; ``receipt`` is for who took it."""

    message_id: str
    receipt: str
    body: str
    sent_at: str


class Queues(Protocol):
    """Queues and their dead letters."""

    @property
    def names(self) -> Sequence[str]:
        """Their short names."""
        ...

    def take(self, queue: str, most: int) -> Sequence[Letter]:
        """Take up to ``most`` dead letters; nobody else sees them for a while."""
        ...

    def leave(self, queue: str, letters: Sequence[Letter]) -> None:
        """Let dead letters that were taken be seen again."""
        ...

    def put_back(self, queue: str, letter: Letter) -> None:
        """Send a dead letter to its queue anew."""
        ...


class Failure(NamedTuple):
    """Why a message could not be served the last time, and how often it could not."""

    error_type: str
    reason: str
    failures: int


class MessageFailures(Protocol):
    """Why one tenant's messages failed."""

    def note(self, queue: str, message_id: str, topic: str, failure: Failure) -> None:
        """Keep why a message failed, and that it did once more."""
        ...

    def of(self, queue: str, message_ids: Sequence[str]) -> Mapping[str, Failure]:
        """Return what is known of messages."""
        ...

    def settle(self, queue: str, message_ids: Sequence[str]) -> None:
        """Forget why messages failed: they were served, or are tried anew."""
        ...

    def audited(self, queue: str, message_id: str, actor: str, role: str, request_id: str) -> None:
        """Record who puts a message back."""
        ...


class Wiring(Protocol):
    """How everything is built."""

    def tenant(self, tenant_id: str) -> Tenant:
        """Return what one tenant's requests work with."""
        ...

    def tenants(self) -> Sequence[str]:
        """Return every tenant's id, for background jobs."""
        ...

    def workflows(self) -> Workflows:
        """Return the composition workflow."""
        ...

    def trainings(self) -> Trainings:
        """Return the training workflow."""
        ...

    def experiment_log(self) -> ExperimentLog | None:
        """Return the log of trainings; None where none is configured."""
        ...

    def objects(self) -> Objects:
        """Return the object store."""
        ...

    def events(self) -> Events:
        """Return the event bus."""
        ...

    def queues(self) -> Queues:
        """Return the queues and their dead letters."""
        ...

    def language_models(self, tenant_id: str) -> Gateway | None:
        """Return the gateway with a tenant's ledger; None where no language model is configured."""
        ...

    def probe(self) -> Sequence[DependencyState]:
        """Return how each dependency answers."""
        ...


class Together(Protocol):
    """Runs work whose reads and writes are kept together or not at all, in fewer round trips; the work may run again."""

    def __call__(self, work: Callable[[], T]) -> T:
        """Return what the work returns."""
        ...


def _at_once(work: Callable[[], T]) -> T:
    return work()


@dataclass(frozen=True, slots=True)
class Tenant:
    """What one tenant's requests work with: repositories bound to its id, and its data."""

    tenant_id: str
    classifications: ClassificationRepository
    compositions: CompositionRepository
    catalogue: CatalogueRepository
    data: DataSource
    rows: RowStore
    tools: ToolRuns
    idempotency: IdempotencyKeys
    outbox: Outbox
    cohorts: Cohorts
    search: Search
    spending: Spending
    twins: TwinStores
    failures: MessageFailures
    together: Together = _at_once
