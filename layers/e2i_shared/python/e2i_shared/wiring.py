"""The wiring that reads the environment: Postgres, Step Functions, EventBridge, and a bucket or a folder."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_shared import settings
from e2i_shared.api.service import DependencyState
from e2i_shared.errors import ConfigurationError, DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from e2i_shared.api.common import Filter
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.datasets.frame import DataSource, Frame
    from e2i_shared.datasets.repository import RowsTable, RowStore
    from e2i_shared.db.connection import Database
    from e2i_shared.llm.breaker import Breaker
    from e2i_shared.llm.embedding import EmbeddingProvider
    from e2i_shared.llm.gateway import Gateway
    from e2i_shared.llm.model import Provider
    from e2i_shared.objects import Objects
    from e2i_shared.ports import Events, Queues, Tenant, Trainings, Workflows
    from e2i_shared.twins.log import ExperimentLog
    from e2i_shared.twins.repository import TwinStores

IAM_TOKEN_SECONDS = 600  # a token is good for 900


@dataclass(slots=True)
class LazyData:
    """A DataSource that is built (and imports numpy) when it is first used."""

    build: Callable[[], DataSource]
    _built: DataSource | None = None

    def describe(self, dataset: str) -> Dataset:
        """Return the newest version of a data set by name or id."""
        return self._source().describe(dataset)

    def read(self, dataset: str, columns: Sequence[str], filters: Sequence[Filter] = ()) -> Frame:
        """Read columns of the rows that pass every filter."""
        return self._source().read(dataset, columns, filters)

    def _source(self) -> DataSource:
        if self._built is None:
            self._built = self.build()
        return self._built


@dataclass(frozen=True, slots=True)
class LazyRows:
    """A RowStore that is built (and imports numpy) when it is used."""

    build: Callable[[], RowStore]

    def begin(self, name: str) -> AbstractContextManager[RowsTable]:
        """Open the next version of a data set."""
        return self.build().begin(name)


@dataclass
class EnvironmentWiring:
    """Builds each client on first use and keeps it for the life of the process."""

    _tenants: dict[str, Tenant] = field(default_factory=dict)
    _database: Database | None = None
    _token_until: float = 0
    _breakers: dict[str, Breaker] = field(default_factory=dict)

    def tenant(self, tenant_id: str) -> Tenant:
        """Return what one tenant's requests work with."""
        database = self.database()
        if tenant_id not in self._tenants:
            self._tenants[tenant_id] = _tenant(database, tenant_id, self.objects)
        return self._tenants[tenant_id]

    def tenants(self) -> Sequence[str]:
        """Return every tenant's id."""
        from e2i_shared.db.connection import active_tenants

        return active_tenants(self.database())

    def workflows(self) -> Workflows:
        """Return the state machine."""
        from e2i_shared.aws import StepFunctions

        return StepFunctions(settings.read(settings.WorkflowSettings).state_machine_arn)

    def trainings(self) -> Trainings:
        """Return the training state machine."""
        from e2i_shared.aws import StateMachine

        return StateMachine(settings.read(settings.DispatchTrainingSettings).training_machine_arn)

    def experiment_log(self) -> ExperimentLog | None:
        """Return MLflow at the address configured; with IAM authentication its password is a token made on the spot."""
        read = settings.read(settings.TrainTwinSettings)
        if not read.mlflow_uri:
            return None
        from e2i_shared import mlflow_store
        from e2i_shared.aws import database_token
        from e2i_shared.mlflow_log import MlflowLog

        uri = mlflow_store.address(read.mlflow_uri, database_token if read.mlflow_iam else None)
        return MlflowLog(uri, read.mlflow_artifacts)

    def events(self) -> Events:
        """Return the event bus."""
        from e2i_shared.aws import EventBridge

        return EventBridge(settings.read(settings.EventSettings).event_bus)

    def queues(self) -> Queues:
        """Return the queues."""
        from e2i_shared.aws_queues import Queues

        read = settings.read(settings.QueueSettings)
        return Queues(tuple(filter(None, read.queues.split(","))), read.queue_prefix)

    def objects(self) -> Objects:
        """Return the bucket, or the folder where one is set."""
        return self._objects

    def language_models(self, tenant_id: str) -> Gateway | None:
        """Return the gateway with a tenant's ledger; None where no language model is configured."""
        read = settings.read(settings.LanguageModelSettings)
        if not read.llm_providers and read.llm_embeddings == "local":
            return None
        from e2i_shared.db.llm_ledger import PostgresLedger
        from e2i_shared.llm.embedding import Embedder
        from e2i_shared.llm.gateway import Gateway
        from e2i_shared.llm.ledger import Caps
        from e2i_shared.llm.prices import price_table

        caps = Caps(read.llm_tenant_daily_usd, read.llm_user_daily_usd, read.llm_composition_usd)
        ledger, prices = PostgresLedger(self.database(), tenant_id, caps), price_table(read.llm_prices)
        embedder = Embedder(self._embeddings, ledger, prices, self._embedding_breaker) if self._embeddings else None
        return Gateway(self._providers, ledger, prices, self._breakers, read.llm_seconds, embedder)

    def probe(self) -> Sequence[DependencyState]:
        """Ask the database for a round trip."""
        from e2i_shared.db.health import ping

        started = time.perf_counter()
        try:
            health = ping(self.database())
        except DatabaseUnavailableError as error:
            elapsed = round((time.perf_counter() - started) * 1000, 2)
            return [DependencyState(name="database", ok=False, latency_ms=elapsed, detail=error.message)]
        migration = f"migration {health.migration}"
        return [DependencyState(name="database", ok=True, latency_ms=round(health.latency_ms, 2), detail=migration)]

    def database(self) -> Database:
        """Return the database; with IAM authentication a new one whenever its token is about to expire."""
        if self._database is None or time.monotonic() > self._token_until:
            self._tenants.clear()
            self._database, self._token_until = _connect()
        return self._database

    @cached_property
    def _providers(self) -> Sequence[Provider]:
        return _providers(settings.read(settings.LanguageModelSettings))

    @cached_property
    def _embeddings(self) -> EmbeddingProvider | None:
        read = settings.read(settings.LanguageModelSettings)
        if read.llm_embeddings == "local":
            return None
        from e2i_shared.llm.openai import OpenAIEmbeddings

        return OpenAIEmbeddings(read.openai_embedding_model, _keys(read, ["openai"])["openai"], read.openai_base_url)

    @cached_property
    def _embedding_breaker(self) -> Breaker:
        from e2i_shared.llm.breaker import Breaker

        return Breaker()

    @cached_property
    def _objects(self) -> Objects:
        from e2i_shared.aws import BucketObjects
        from e2i_shared.objects import FolderObjects

        read = settings.read(settings.ObjectSettings)
        if read.object_root and read.object_url and read.object_secret:
            return FolderObjects(Path(read.object_root), read.object_url, read.object_secret)
        if read.bucket:
            return BucketObjects(read.bucket)
        raise ConfigurationError(
            "There is no object store.",
            field="E2I_BUCKET",
            expected="a bucket, or E2I_OBJECT_ROOT with E2I_OBJECT_URL and E2I_OBJECT_SECRET",
        )


def _providers(read: settings.LanguageModelSettings) -> list[Provider]:
    """Return the providers in order; raise ConfigurationError for one without a key."""
    from e2i_shared.llm.anthropic import Anthropic
    from e2i_shared.llm.openai import OpenAI

    names = [name for name in read.llm_providers.split(",") if name]
    keys = _keys(read, names)
    made: dict[str, Callable[[str], Provider]] = {
        "anthropic": lambda key: Anthropic(read.anthropic_model, key, read.anthropic_base_url),
        "openai": lambda key: OpenAI(read.openai_model, key, read.openai_base_url),
    }
    return [made[name](keys[name]) for name in names]


def _keys(read: settings.LanguageModelSettings, names: Sequence[str]) -> dict[str, str]:
    """Return the keys of providers, from the environment or the secret; raise ConfigurationError where one is missing."""
    keys = {"anthropic": read.anthropic_api_key, "openai": read.openai_api_key}
    if read.llm_secret_arn and names:
        from e2i_shared.aws import secret

        keys |= secret(read.llm_secret_arn)
    if missing := [name for name in names if not keys.get(name)]:
        raise ConfigurationError(
            f"The language models of {missing[0]} are to be asked, but there is no key for it.",
            field=settings.variable(f"{missing[0]}_api_key"),
            expected=f"a key, or a secret with {missing[0]!r} in it (E2I_LLM_SECRET_ARN)",
        )
    return {name: str(keys[name]) for name in names}


def _connect() -> tuple[Database, float]:
    from e2i_shared.db.connection import Database

    read = settings.read(settings.DatabaseSettings)
    if not read.database_iam:
        return Database(read.database_url), float("inf")
    from psycopg.conninfo import make_conninfo

    from e2i_shared.aws import database_token

    conninfo = make_conninfo(read.database_url, password=database_token(read.database_url))
    return Database(conninfo), time.monotonic() + IAM_TOKEN_SECONDS


def _tenant(database: Database, tenant_id: str, objects: Callable[[], Objects]) -> Tenant:
    from e2i_shared.db.catalogue import PostgresCatalogue
    from e2i_shared.db.classifications import PostgresClassifications
    from e2i_shared.db.cohorts import PostgresCohorts
    from e2i_shared.db.compositions import PostgresCompositions
    from e2i_shared.db.failures import PostgresFailures
    from e2i_shared.db.idempotency import PostgresIdempotency
    from e2i_shared.db.outbox import PostgresOutbox
    from e2i_shared.db.search import PostgresSearch
    from e2i_shared.db.spending import PostgresSpending
    from e2i_shared.db.tools import PostgresTools
    from e2i_shared.ports import Tenant

    def read_rows() -> DataSource:
        from e2i_shared.db.rows import PostgresDataSource

        return PostgresDataSource(database, tenant_id)

    def write_rows() -> RowStore:
        from e2i_shared.db.loading import PostgresRowStore

        return PostgresRowStore(database, tenant_id)

    return Tenant(
        tenant_id=tenant_id,
        classifications=PostgresClassifications(database, tenant_id),
        compositions=PostgresCompositions(database, tenant_id, objects),
        catalogue=PostgresCatalogue(database, tenant_id),
        data=LazyData(read_rows),
        rows=LazyRows(write_rows),
        tools=PostgresTools(database, tenant_id),
        idempotency=PostgresIdempotency(database, tenant_id),
        outbox=PostgresOutbox(database, tenant_id),
        cohorts=PostgresCohorts(database, tenant_id),
        search=PostgresSearch(database, tenant_id),
        spending=PostgresSpending(database, tenant_id),
        twins=_twins(database, tenant_id),
        failures=PostgresFailures(database, tenant_id),
        together=partial(database.together, tenant_id),
    )


def _twins(database: Database, tenant_id: str) -> TwinStores:
    from e2i_shared.db.entities import PostgresEntities
    from e2i_shared.db.jobs import PostgresJobs
    from e2i_shared.db.simulations import PostgresSimulations
    from e2i_shared.db.twins import PostgresTwins
    from e2i_shared.twins.repository import TwinStores

    return TwinStores(
        models=PostgresTwins(database, tenant_id),
        jobs=PostgresJobs(database, tenant_id),
        simulations=PostgresSimulations(database, tenant_id),
        entities=PostgresEntities(database, tenant_id),
    )
