"""The experiment log over a real MLflow store: SQLite, no server."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from builders_trained import TWIN, content, learned, twin_request
from e2i_shared.mlflow_log import parameters, registered_name
from e2i_shared.twins.model import Twin

if TYPE_CHECKING:
    from pathlib import Path

TENANT = "00000000-0000-7000-8000-000000000001"
PROGRAM = """
import sys, json, pathlib, logging
logging.disable()
from e2i_shared.mlflow_log import MlflowLog
from e2i_shared.twins.model import Twin
folder = pathlib.Path(sys.argv[1])
log = MlflowLog(f"sqlite:///{folder / 'mlflow.db'}", str(folder / "files"))
twin = Twin.model_validate_json((folder / "twin.json").read_text())
body = (folder / "bundle").read_bytes()
first = log.record(sys.argv[2], twin, body)
second = log.record(sys.argv[2], twin.model_copy(update={"twin_id": "another", "version": 2, "active": False}), body)
import mlflow
client = mlflow.MlflowClient()
name = first.model_uri.split("/")[1]
run = client.get_run(first.run_id)
model = mlflow.pyfunc.load_model(f"models:/{name}@champion")
asked = json.dumps({"intervention_type": "visits", "twin_count": 500})
print(json.dumps({
    "uris": [first.model_uri, second.model_uri],
    "aliases": {a: client.get_model_version_by_alias(name, a).version for a in ("champion", "challenger")},
    "metrics": run.data.metrics, "params": run.data.params, "tags": run.data.tags,
    "predicted": model.predict([asked])[0]["simulated_ate"],
    "requirements": pathlib.Path(model.metadata.get_input_schema() and "" or mlflow.artifacts.download_artifacts(f"models:/{name}@champion")).joinpath("requirements.txt").read_text(),
    "pickles": [str(p) for p in folder.rglob("*.pkl")],
}))
"""


def a_twin() -> Twin:
    asked = twin_request()
    found = learned()
    return Twin(
        twin_id=TWIN,
        name="responders: all/any",
        brand=asked.brand,
        twin_type=asked.twin_type,
        version=1,
        status="COMPLETED",
        active=True,
        outcome=asked.outcome,
        interventions=asked.interventions,
        created_at="2026-10-01T00:00:00+00:00",
        dataset=asked.dataset,
        training_config=asked.model_dump(mode="json"),
        metrics=dict(found.metrics),
        figures=found.figures,
        fidelity_score=0.9,
        model_hash="a" * 64,
    )


def test_trainings_are_runs_with_metrics_models_and_aliases(tmp_path: Path):
    import json

    (tmp_path / "twin.json").write_text(a_twin().model_dump_json())
    (tmp_path / "bundle").write_bytes(content())

    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), TENANT],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout.strip().splitlines()[-1])
    assert found["uris"] == [f"models:/responders- all-any - Kisqali - {TENANT}/{n}" for n in (1, 2)]
    assert found["aliases"] == {"champion": 1, "challenger": 2}
    assert found["metrics"]["fidelity"] == 0.9
    assert found["metrics"]["visits_auc"] == learned().metrics["visits_auc"]
    assert found["params"]["outcome"] == "trx"
    assert found["tags"]["model_hash"] == "a" * 64
    assert abs(found["predicted"] - 2.5) < 0.5
    assert "numpy==" in found["requirements"]
    assert found["pickles"] == []


def test_names_and_parameters_fit_what_the_store_allows():
    twin = a_twin()
    assert "/" not in registered_name(TENANT, twin)
    assert ":" not in registered_name(TENANT, twin)
    long = twin.model_copy(update={"training_config": {"features": ["x" * 50] * 50, "brand": None, "seed": 7}})
    told = parameters(long)
    assert set(told) == {"features", "seed"}
    assert max(map(len, told.values())) <= 500


def test_nothing_but_the_log_itself_imports_mlflow():
    program = "import sys, functions.train_twin.handler, functions.simulate.handler, functions.api.handler; print('mlflow' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
        == "False"
    )
