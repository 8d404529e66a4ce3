"""MLflow as the log of trainings: a run with parameters, metrics, figures, and the model in the registry with its alias.

MLflow takes seconds to import, so only a training's last phase does. The address may be a database (SQLite, Postgres: no server is needed)
or an MLflow server. Where it does not answer, ``record`` raises and the caller keeps the reason with the twin. A training is logged once:
told again, ``record`` finds the run by the twin's id and only sees to the model's alias.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2i_shared import mlflow_store
from e2i_shared.twins.log import LoggedRun

if TYPE_CHECKING:
    from e2i_shared.twins.model import Twin

CHAMPION, CHALLENGER = "champion", "challenger"
VERSION_TAG = "model_version"  # set last: a run that has it is whole
MODEL = Path(__file__).with_name("mlflow_model.py")  # logged as code, never as a pickle
LONGEST_PARAMETER = 500


@dataclass(frozen=True, slots=True)
class MlflowLog:
    """An ExperimentLog over MLflow; ``artifacts`` is where files go that the store does not hold itself."""

    uri: str
    artifacts: str | None = None

    def record(self, tenant_id: str, twin: Twin, bundle: bytes) -> LoggedRun:
        """Log a trained twin; the active version of its name and brand is the champion, another one the challenger."""
        mlflow_store.reach(self.uri)
        mlflow_store.be_impatient(self.uri)
        import mlflow

        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        name, experiment = registered_name(tenant_id, twin), self._experiment(tenant_id, twin)
        run_id, version = _logged(experiment, twin) or _log(experiment, name, tenant_id, twin, bundle)
        mlflow.MlflowClient().set_registered_model_alias(name, CHAMPION if twin.active else CHALLENGER, version)
        return LoggedRun(run_id, f"models:/{name}/{version}")

    def _experiment(self, tenant_id: str, twin: Twin) -> str:
        import mlflow

        client = mlflow.MlflowClient()
        name = f"twins/{tenant_id}/{twin.brand}/{twin.name}"
        found = client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        place = self.artifacts and f"{self.artifacts.rstrip('/')}/{tenant_id}"
        if place and "://" not in place:
            place = Path(place).resolve().as_uri()
        return str(client.create_experiment(name, artifact_location=place))


def _logged(experiment: str, twin: Twin) -> tuple[str, str] | None:
    """Return the run and the model version that an earlier call left; one that broke off in the middle counts for nothing."""
    import mlflow

    asked = f"tags.twin_id = '{twin.twin_id}' AND tags.{VERSION_TAG} != ''"
    found = mlflow.MlflowClient().search_runs([experiment], asked, max_results=1)
    return (found[0].info.run_id, found[0].data.tags[VERSION_TAG]) if found else None


def _log(experiment: str, name: str, tenant_id: str, twin: Twin, bundle: bytes) -> tuple[str, str]:
    """Make the run and the model version; return both."""
    import mlflow

    with mlflow.start_run(experiment_id=experiment, run_name=f"version {twin.version}") as run:
        mlflow.log_params(parameters(twin))
        mlflow.log_metrics(twin.metrics | {"fidelity": twin.fidelity_score or 0.0})
        mlflow.set_tags({"twin_id": twin.twin_id, "model_hash": twin.model_hash or "", "tenant_id": tenant_id})
        mlflow.log_dict(twin.figures, "figures.json")
        mlflow.log_dict({"warnings": twin.warnings}, "warnings.json")
        version = _model(name, bundle)
        mlflow.set_tag(VERSION_TAG, version)
    return run.info.run_id, version


def _model(name: str, bundle: bytes) -> str:
    """Log and register the model; return its version."""
    import mlflow.pyfunc
    import numpy as np
    import pydantic

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bundle.twin"
        file.write_bytes(bundle)
        info = mlflow.pyfunc.log_model(
            name="twin",
            python_model=str(MODEL),
            artifacts={"bundle": str(file)},
            pip_requirements=[f"numpy=={np.__version__}", f"pydantic=={pydantic.VERSION}"],
            registered_model_name=name,
        )
    return str(info.registered_model_version)


def registered_name(tenant_id: str, twin: Twin) -> str:
    """Return the model's name in the registry, which allows neither slash nor colon."""
    return re.sub(r"[/:]", "-", f"{twin.name} - {twin.brand} - {tenant_id}")


def parameters(twin: Twin) -> dict[str, Any]:
    """Return what the training was told, short enough for a parameter each."""
    told = {name: value for name, value in twin.training_config.items() if value is not None}
    return {
        name: (value if isinstance(value, str) else json.dumps(value))[:LONGEST_PARAMETER]
        for name, value in told.items()
    }
