"""The model that MLflow keeps of a twin: a row is a simulation as JSON, the prediction its result. Needs e2i_shared to be importable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow.models
import mlflow.pyfunc

from e2i_shared.twins import bundle
from e2i_shared.twins.simulate import simulate
from e2i_shared.twins.spec import SimulationSpec


class TwinModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined]  # MLflow does not say what it exports
    """Simulates on the bundle that was logged with it."""

    def load_context(self, context: Any) -> None:
        """Read the bundle."""
        self._bundle = bundle.read(Path(context.artifacts["bundle"]).read_bytes())

    def predict(self, context: Any, model_input: list[str]) -> list[dict[str, Any]]:  # noqa: ARG002 - MLflow's signature
        """Return each simulation's result without its pictures."""
        asked = [SimulationSpec.model_validate_json(each) for each in model_input]
        return [simulate(self._bundle, spec, with_charts=False).model_dump(mode="json") for spec in asked]


mlflow.models.set_model(TwinModel())
