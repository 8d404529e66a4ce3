"""What a function finds in its environment here: the settings it has on AWS, and the places it reaches on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_shared import settings
from e2i_shared.errors import ConfigurationError

from infra.functions import queue_names
from infra.local import tokens
from infra.local.executions import REGION, machine_arn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.functions import FunctionDescription
    from infra.local.datadir import DataDir

STATE_MACHINE = "compose"
TRAINING_MACHINE = "train_twin"
EVENT_BUS = "e2i"
BUCKET = "e2i-local"
MODEL_KEYS = (
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
)  # the names that users have them under; used only with E2I_LLM_PROVIDERS
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")


def inherited() -> dict[str, str]:
    """Return what functions' processes have from this one: its environment, without any AWS account of the user's."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    keys = {f"E2I_{name}": mine[name] for name in MODEL_KEYS if name in mine and f"E2I_{name}" not in mine}
    return mine | keys | THREADS | {"PYTHONUNBUFFERED": "1", "TZ": "UTC"}


def check(functions: Sequence[FunctionDescription], data_dir: DataDir) -> None:
    """Raise ConfigurationError where a function would find settings that it cannot use: better now than at a question."""
    mine, places = inherited(), Places("http://127.0.0.1", data_dir, "postgresql://", "-", "-")
    for each in functions:
        if each.name in settings.FUNCTIONS:
            read = settings.parse(settings.FUNCTIONS[each.name], mine | places.of(each))
            if isinstance(read, settings.LanguageModelSettings):
                _check_keys(read)
    vocabulary = mine.get("E2I_VOCABULARY")
    if vocabulary and not Path(vocabulary).is_file():
        raise ConfigurationError(
            f"There is no vocabulary at {vocabulary}.", field="E2I_VOCABULARY", hint="Name a file, or unset it."
        )


def _check_keys(read: settings.LanguageModelSettings) -> None:
    wanted = {name: "E2I_LLM_PROVIDERS" for name in read.llm_providers.split(",") if name}
    if read.llm_embeddings == "openai":
        wanted.setdefault("openai", "E2I_LLM_EMBEDDINGS")
    for name, variable in wanted.items():
        key = f"{name.upper()}_API_KEY"
        if not getattr(read, key.lower()) and not read.llm_secret_arn:
            raise ConfigurationError(
                f"{variable} names {name}, and {key} is not set.", field=key, hint=f"Set it, or unset {variable}."
            )


@dataclass(frozen=True, slots=True)
class Places:
    """What the runtime offers to its functions."""

    url: str
    data_dir: DataDir
    database_url: str
    access_key_id: str
    object_secret: str

    def shared(self) -> dict[str, str]:
        """Return what all functions are told."""
        return self._aws() | self._settings()

    def _aws(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"{self.url}/_aws",
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.access_key_id,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def _settings(self) -> dict[str, str]:
        return {
            "E2I_STAGE": "local",
            "E2I_DATABASE_URL": self.database_url,
            "E2I_STATE_MACHINE_ARN": machine_arn(STATE_MACHINE),
            "E2I_TRAINING_MACHINE_ARN": machine_arn(TRAINING_MACHINE),
            "E2I_MLFLOW_URI": os.environ.get("E2I_MLFLOW_URI", f"sqlite:///{self.data_dir.root / 'mlflow.db'}"),
            "E2I_MLFLOW_ARTIFACTS": str(self.data_dir.root / "mlflow"),
            "E2I_EVENT_BUS": EVENT_BUS,
            "E2I_QUEUES": ",".join(queue_names()),
            "E2I_BUCKET": BUCKET,
            "E2I_ISSUER": tokens.ISSUER,
            "E2I_AUDIENCE": tokens.AUDIENCE,
            "E2I_OBJECT_ROOT": str(self.data_dir.objects),
            "E2I_OBJECT_URL": f"{self.url}/_objects",
            "E2I_OBJECT_SECRET": self.object_secret,
        }

    def of(self, description: FunctionDescription) -> dict[str, str]:
        """Return what one function is told, with what all are."""
        return {
            **self.shared(),
            "AWS_LAMBDA_FUNCTION_NAME": description.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(description.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "POWERTOOLS_SERVICE_NAME": description.name,
            "POWERTOOLS_METRICS_NAMESPACE": "E2I",
            "POWERTOOLS_LOG_LEVEL": os.environ.get("POWERTOOLS_LOG_LEVEL", "INFO"),
            **description.environment,
        }
