"""What each function must be told, as one frozen model per function, read once from the environment.

The same models name the variables that the deployment and the local runtime fill: ``variables(name)`` lists them.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from e2i_shared.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "E2I_"
DEFAULT_TENANT = "00000000-0000-7000-8000-000000000001"
Text = Annotated[str, Field(min_length=1)]


class Settings(BaseModel):
    """Base: the stage, and how fast one caller may go in one process (tokens a second, and the most saved up)."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    stage: Literal["local", "dev", "staging", "prod"] = "local"
    rate_per_second: Annotated[float, Field(gt=0)] = 200
    rate_burst: Annotated[int, Field(ge=1)] = 400


class DatabaseSettings(Settings):
    """A libpq connection string of the application role; with ``database_iam`` its password is a token made on the spot."""

    database_url: Text
    database_iam: bool = False


class WorkflowSettings(Settings):
    """The composition state machine."""

    state_machine_arn: Text


class ObjectSettings(Settings):
    """Where uploads and large outputs live: a bucket, or on one machine a folder with the address that serves it."""

    bucket: str | None = None
    object_root: str | None = None
    object_url: str | None = None
    object_secret: str | None = None


class QueueSettings(Settings):
    """The queues, with a comma between their short names; ``queue_prefix`` makes each the name that it has in its account."""

    queues: str = ""
    queue_prefix: str = ""


class EventSettings(Settings):
    """The bus that the outbox is published to."""

    event_bus: Text


class LanguageModelSettings(DatabaseSettings):
    """Which language models may be asked, in order; none by default, whatever keys the environment holds.

    ``llm_providers`` is "anthropic", "openai", or both with a comma; ``llm_embeddings`` says who embeds questions. The keys are given, or are in the secret
    ``llm_secret_arn`` as JSON ``{"anthropic": …, "openai": …}``. Caps are US dollars.
    """

    llm_providers: Annotated[str, Field(pattern=r"^(|(anthropic|openai)(,(anthropic|openai))?)$")] = ""
    llm_embeddings: Literal["local", "openai"] = "local"
    llm_secret_arn: str | None = None
    anthropic_api_key: str | None = Field(None, repr=False)
    openai_api_key: str | None = Field(None, repr=False)
    anthropic_base_url: str | None = None
    openai_base_url: str | None = None
    anthropic_model: Text = "claude-sonnet-5-5"
    openai_model: Text = "gpt-6.1-terra"
    openai_embedding_model: Text = "text-embedding-3-small"
    llm_prices: str | None = None
    llm_seconds: Annotated[float, Field(gt=0, le=50)] = 20
    llm_tenant_daily_usd: Annotated[float, Field(ge=0)] = 50
    llm_user_daily_usd: Annotated[float, Field(ge=0)] = 10
    llm_composition_usd: Annotated[float, Field(ge=0)] = 0.5


class ClassifySettings(LanguageModelSettings):
    """``classify``."""


class ApiSettings(LanguageModelSettings, WorkflowSettings, ObjectSettings, EventSettings, QueueSettings):
    """``api``: it also shows dead letters and puts them back."""


class SimulationSettings(Settings):
    """Whoever asks twins: up to ``inline_twins`` are answered at once, more are queued; thresholds left open are the usual ones."""

    inline_twins: Annotated[int, Field(ge=1)] = 10_000
    min_effect_threshold: Annotated[float, Field(ge=0, le=10)] | None = None
    min_confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    min_fidelity: Annotated[float, Field(ge=0, le=1)] | None = None
    most_weeks: Annotated[int, Field(ge=1, le=520)] | None = None


class RunToolSettings(DatabaseSettings, ObjectSettings, SimulationSettings):
    """``run_tool``."""


class ComposeStepSettings(LanguageModelSettings, ObjectSettings, SimulationSettings):
    """``compose_step``."""


class CompositionStatusSettings(DatabaseSettings, QueueSettings):
    """``composition_status``."""


class RelaySettings(DatabaseSettings, WorkflowSettings, EventSettings):
    """``relay``."""


class SimulateSettings(DatabaseSettings, ObjectSettings, EventSettings, SimulationSettings, QueueSettings):
    """``simulate``."""


class DispatchTrainingSettings(DatabaseSettings, QueueSettings):
    """``dispatch_training``: data sets of more than ``function_rows`` rows are trained on in a container task."""

    training_machine_arn: Text
    function_rows: Annotated[int, Field(ge=1)] = 50_000


class TrainTwinSettings(DatabaseSettings, ObjectSettings):
    """``train_twin``; ``mlflow_uri`` is any MLflow tracking address, a database's too; without it nothing is logged.

    With ``mlflow_iam`` the address is that of a database without a password: a token made on the spot takes its place.
    """

    training_threads: Annotated[int, Field(ge=1, le=64)] = 2
    mlflow_uri: str | None = None
    mlflow_iam: bool = False
    mlflow_artifacts: str | None = None


class FidelityCheckSettings(DatabaseSettings, ObjectSettings, EventSettings):
    """``fidelity_check``: whether twins that degrade are trained again by themselves."""

    automatic_retraining: bool = False


class MigrateSettings(DatabaseSettings):
    """``migrate``; its connection string is that of the deploying role, the secrets are those of the application's and MLflow's."""

    app_secret_arn: str | None = None
    mlflow_secret_arn: str | None = None


FUNCTIONS: Mapping[str, type[Settings]] = {
    "api": ApiSettings,
    "classify": ClassifySettings,
    "compose_step": ComposeStepSettings,
    "composition_status": CompositionStatusSettings,
    "dispatch_training": DispatchTrainingSettings,
    "fidelity_check": FidelityCheckSettings,
    "migrate": MigrateSettings,
    "relay": RelaySettings,
    "run_tool": RunToolSettings,
    "simulate": SimulateSettings,
    "train_twin": TrainTwinSettings,
}

S = TypeVar("S", bound=Settings)


def variable(field: str) -> str:
    """Return the environment variable of a field: ``database_url`` is read from ``E2I_DATABASE_URL``."""
    return PREFIX + field.upper()


def variables(function: str, *, required: bool = True) -> tuple[str, ...]:
    """Return the variables of a function, sorted; only those without a default when ``required``."""
    fields = FUNCTIONS[function].model_fields
    return tuple(sorted(variable(name) for name, field in fields.items() if field.is_required() or not required))


def parse(model: type[S], environment: Mapping[str, str]) -> S:
    """Build settings from an environment; raise ConfigurationError that names every variable at fault."""
    given = {name: environment[variable(name)] for name in model.model_fields if variable(name) in environment}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        faults = ", ".join(f"{variable(str(e['loc'][0]))} ({e['msg']})" for e in error.errors())
        raise ConfigurationError(
            f"{model.__name__} cannot be read from the environment: {faults}.",
            field=variable(str(error.errors()[0]["loc"][0])),
            expected="set and valid",
            hint="Set the variable for this function; infra/functions and settings.py list them.",
        ) from error


@cache
def read(model: type[S]) -> S:
    """Return this process's settings, read on the first call."""
    return parse(model, os.environ)
