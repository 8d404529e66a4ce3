"""A world in memory for the functions: one wiring of fakes, the rows the events speak of, and a way to call handlers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from builders_trained import seed_twins
from e2i_shared.api.classification import ClassifyRequest
from e2i_shared.api.cohorts import CohortRequest
from e2i_shared.api.datasets import UploadTicket
from e2i_shared.api.service import DependencyState
from e2i_shared.datasets.describe import describe_frame
from e2i_shared.datasets.frame import Categories, Dates, Frame, Numbers
from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.errors import NotFoundError
from e2i_shared.http import classifying, cohorts
from e2i_shared.ports import Tenant
from e2i_shared.testing import (
    FakeCatalogue,
    FakeClassifications,
    FakeCohorts,
    FakeCompositions,
    FakeIdempotency,
    FakeOutbox,
    FakeTools,
    FixedClock,
    fake_twins,
)
from e2i_shared.testing.letters import FakeFailures, FakeQueues
from e2i_shared.testing.search import FakeSearch, FakeSpending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.llm.gateway import Gateway

EVENTS = Path(__file__).parent.parent / "events"
TENANT = "00000000-0000-7000-8000-000000000001"
OTHER = "00000000-0000-7000-8000-000000000002"
COMPOSITION = "01999999-0000-7000-8000-00000000c001"
CLASSIFICATION = "01999999-0000-7000-8000-00000000a001"
RUNNING = "01999999-0000-7000-8000-00000000c00b"
ANSWERED = "01999999-0000-7000-8000-00000000c00d"
FAILED = "01999999-0000-7000-8000-00000000c0ef"
COHORT = "responders"
QUESTION = "Did more visits raise trx, and which regions responded most?"


def trial(n: int = 400) -> tuple[DatasetSpec, Frame]:
    """Return a small randomised data set: visits raise trx by 2, in the north by 3."""
    random = np.random.default_rng(7)
    north = random.integers(0, 2, n)
    visits = random.integers(0, 2, n)
    trx = 5 + visits * (2 + north) + random.normal(0, 1, n)
    spec = DatasetSpec.model_validate(
        {
            "name": "trial",
            "unit": "hcp",
            "randomised": True,
            "columns": [
                {"name": "visits", "kind": "boolean", "role": "treatment", "synonyms": ["rep visits", "calls"]},
                {"name": "trx", "kind": "number", "role": "outcome", "synonyms": ["TRx"]},
                {"name": "region", "kind": "category", "role": "segment", "synonyms": ["regions"]},
            ],
        }
    )
    columns = {
        "visits": Numbers(visits.astype(np.float64)),
        "trx": Numbers(trx),
        "region": Categories(north.astype(np.int32), ("North", "South")),
    }
    return spec, Frame(n, columns)


def assays(months: int = 4, rows: int = 60) -> tuple[DatasetSpec, Frame]:
    """Return a data set over time: the potency of the last month's assays is higher by 1.6 standard deviations."""
    random = np.random.default_rng(8)
    month = np.repeat(np.datetime64("2026-01", "M") + np.arange(months), rows)
    last = np.repeat(np.arange(months) == months - 1, rows)
    n = len(month)
    spec = DatasetSpec.model_validate(
        {
            "name": "assays",
            "columns": [
                {"name": "batch_month", "kind": "date", "role": "time"},
                {"name": "potency", "kind": "number", "role": "covariate"},
                {"name": "bench", "kind": "category", "role": "covariate"},
            ],
        }
    )
    columns = {
        "batch_month": Dates(month.astype("datetime64[s]")),
        "potency": Numbers(np.round(random.normal(50.0, 5.0, n) + 8.0 * last, 3)),
        "bench": Categories(random.integers(0, 3, n).astype(np.int32), ("B1", "B2", "B3")),
    }
    return spec, Frame(n, columns)


@dataclass
class FakeWorkflows:
    """Remembers what was started; ``broken`` fails like a service that is away."""

    started: list[tuple[str, str]] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    stopped: list[tuple[str, int]] = field(default_factory=list)
    broken: bool = False

    def start(self, tenant_id: str, composition_id: str, attempt: int = 1) -> None:
        self._reach()
        self.started.append((tenant_id, composition_id))
        self.attempts.append(attempt)

    def stop(self, composition_id: str, attempt: int, _cause: str) -> None:
        self._reach()
        self.stopped.append((composition_id, attempt))

    def _reach(self) -> None:
        if self.broken:
            message = "no route to Step Functions"
            raise ConnectionError(message)


@dataclass
class FakeEvents:
    """Remembers what was published; refuses what ``refuse`` names."""

    published: list[tuple[str, Json]] = field(default_factory=list)
    refuse: str = ""
    broken: bool = False

    def publish(self, events: Sequence[tuple[str, Json]]) -> Sequence[bool]:
        if self.broken:
            message = "no route to the bus"
            raise ConnectionError(message)
        self.published += [event for event in events if event[0] != self.refuse]
        return [kind != self.refuse for kind, _ in events]


class FakeObjects:
    """Hands out tickets that lead nowhere."""

    def ticket(self, key: str) -> UploadTicket:
        return UploadTicket(upload_key=key, url=f"http://objects.example.com/{key}", expires_in_seconds=900)

    def open(self, key: str) -> Any:
        raise FileNotFoundError(key)

    def put(self, key: str, _body: bytes) -> None:
        raise FileNotFoundError(key)


@dataclass
class HeldObjects(FakeObjects):
    """Keeps what is put."""

    held: dict[str, bytes] = field(default_factory=dict)

    def open(self, key: str) -> Any:
        if key not in self.held:
            raise NotFoundError("There is no upload of that key.", field="upload_key", got=key)
        return BytesIO(self.held[key])

    def put(self, key: str, body: bytes) -> None:
        self.held[key] = body


@dataclass
class FakeTrainings:
    """Remembers what was started; ``broken`` fails like a service that is away."""

    started: list[tuple[str, Json]] = field(default_factory=list)
    broken: bool = False

    def start(self, name: str, payload: Json) -> None:
        if self.broken:
            message = "no route to Step Functions"
            raise ConnectionError(message)
        self.started.append((name, payload))


@dataclass
class FakeWiring:
    """Builds each tenant's fakes once."""

    store: HeldObjects = field(default_factory=HeldObjects)
    trained: FakeTrainings = field(default_factory=FakeTrainings)
    experiments: Any = None
    made: dict[str, Tenant] = field(default_factory=dict)
    started: FakeWorkflows = field(default_factory=FakeWorkflows)
    bus: FakeEvents = field(default_factory=FakeEvents)
    letters: FakeQueues = field(default_factory=FakeQueues)
    answers: bool = True
    models: Gateway | None = None

    def tenant(self, tenant_id: str) -> Tenant:
        if tenant_id not in self.made:
            self.made[tenant_id] = self._make(tenant_id)
        return self.made[tenant_id]

    def _make(self, tenant_id: str) -> Tenant:
        outbox, tools = FakeOutbox(), FakeTools()
        compositions = FakeCompositions(outbox, tools, FixedClock(datetime.now(UTC)))
        catalogue, tables = FakeCatalogue(), {}
        for spec, frame in (assays(), trial()) if tenant_id == TENANT else ():
            tables[spec.name] = (catalogue.add(describe_frame(frame, spec)), frame)
        return Tenant(
            tenant_id=tenant_id,
            classifications=FakeClassifications(),
            compositions=compositions,
            catalogue=catalogue,
            data=MemoryDataSource(tables),
            rows=None,
            tools=tools,
            idempotency=FakeIdempotency(),
            outbox=outbox,
            cohorts=FakeCohorts(FixedClock(datetime.now(UTC))),
            search=FakeSearch(compositions),
            spending=FakeSpending(),
            failures=FakeFailures(),
            twins=fake_twins(outbox, lambda: datetime.now(UTC)),
        )

    def tenants(self) -> Sequence[str]:
        return list(self.made)

    def workflows(self) -> FakeWorkflows:
        return self.started

    def objects(self) -> HeldObjects:
        return self.store

    def trainings(self) -> FakeTrainings:
        return self.trained

    def experiment_log(self) -> Any:
        return self.experiments

    def events(self) -> FakeEvents:
        return self.bus

    def queues(self) -> FakeQueues:
        return self.letters

    def language_models(self, _tenant_id: str) -> Gateway | None:
        return self.models

    def probe(self) -> Sequence[DependencyState]:
        return [DependencyState(name="database", ok=self.answers, latency_ms=0.4)]


def event(function: str, case: str) -> dict[str, Any]:
    """Return an example event."""
    loaded: dict[str, Any] = json.loads((EVENTS / function / f"{case}.json").read_text())
    return loaded


def request(
    method: str,
    path: str,
    body: Any = None,
    *,
    role: str | None = "member",
    tenant: str = TENANT,
    subject: str = "anna",
    query: dict[str, str] | None = None,
    raw: str | None = None,
    **headers: str,
) -> dict[str, Any]:
    """Return an API Gateway event (payload 2.0); ``headers`` are given with underscores."""
    claims = {"sub": subject, "tenant_id": tenant, "role": role}
    context: dict[str, Any] = {"stage": "$default", "http": {"method": method, "path": path, "sourceIp": "203.0.113.7"}}
    if role:
        context["authorizer"] = {"jwt": {"claims": claims}}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": f"/api/v1{path}",
        "rawQueryString": "",
        "queryStringParameters": query or {},
        "headers": {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()},
        "requestContext": context,
        "body": raw if raw is not None else None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def body(reply: dict[str, Any]) -> Any:
    """Return a reply's JSON."""
    return json.loads(reply["body"])


def seed(tenant: Tenant) -> None:
    """Store the classification, the composition and the cohort that the example events name."""
    from e2i_shared.composer.model import NewComposition

    seed_twins(tenant)
    tenant.outbox.mark_published([waiting.outbox_id for waiting in tenant.outbox.claim()])
    made = classifying.classify(tenant, ClassifyRequest(query=QUESTION), "anna")
    tenant.classifications.save(made.model_copy(update={"classification_id": CLASSIFICATION}), "seed", None, "anna")
    tenant.compositions.create(
        NewComposition(composition_id=COMPOSITION, query=QUESTION, dataset="trial", classification_id=CLASSIFICATION)
    )
    wanted = {"name": COHORT, "dataset": "trial", "inclusion": [{"column": "trx", "op": "ge", "value": 7}]}
    cohorts.save(tenant, CohortRequest.model_validate(wanted), "anna")


def seed_to_control(tenant: Tenant) -> None:
    """Store the compositions that the example events cancel, retry and report: one that runs, one that failed, one with an answer."""
    from e2i_shared.api.composition import Answer, AnswerPart, CompositionStatus
    from e2i_shared.composer.model import NewComposition

    for identity in (RUNNING, FAILED, ANSWERED):
        tenant.compositions.create(NewComposition(composition_id=identity, query=QUESTION, dataset="trial"))
    tenant.compositions.begin(RUNNING, CompositionStatus.EXECUTING)
    tenant.compositions.fail(FAILED, CompositionStatus.FAILED, "The database was away.")
    text = "Visits raise TRx by 2.00 TRx."
    part = AnswerPart(
        sub_question="Q1", question=QUESTION, text=f"{text} [1]", claims=[], citations=[1], confidence=0.85
    )
    answer = Answer(
        headline=text, parts=[part], text=text, summary=f"**{text}**", report=f"# {QUESTION}", caveats=["Linear."]
    )
    tenant.compositions.save_answer(ANSWERED, answer, [], {})
