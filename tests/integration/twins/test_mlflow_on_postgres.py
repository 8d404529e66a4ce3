"""The experiment log in the schema that a deployment prepares for it: the role e2i_mlflow, and nobody else's tables."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest
from builders_trained import content
from integration.twins.test_mlflow_log import TENANT, a_twin
from psycopg.conninfo import conninfo_to_dict, make_conninfo

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys, json, pathlib, logging
logging.disable()
from e2i_shared import mlflow_store
from e2i_shared.mlflow_log import MlflowLog
from e2i_shared.twins.model import Twin
folder = pathlib.Path(sys.argv[1])
log = MlflowLog(mlflow_store.address(sys.argv[3], lambda _: "a/token?with=signs"), str(folder / "files"))
twin = Twin.model_validate_json((folder / "twin.json").read_text())
body = (folder / "bundle").read_bytes()
first = log.record(sys.argv[2], twin, body)
again = log.record(sys.argv[2], twin, body)
challenger = log.record(sys.argv[2], twin.model_copy(update={"twin_id": "t2", "version": 2, "active": False}), body)
log.record(sys.argv[2], twin.model_copy(update={"active": False}), body)
log.record(sys.argv[2], twin.model_copy(update={"twin_id": "t2", "version": 2, "active": True}), body)
import mlflow
client = mlflow.MlflowClient()
name = first.model_uri.split("/")[1]
print(json.dumps({
    "runs": [first.run_id, again.run_id, challenger.run_id],
    "versions": [int(v.version) for v in client.search_model_versions(f"name = '{name}'")],
    "champion": client.get_model_version_by_alias(name, "champion").version,
    "metrics": client.get_run(first.run_id).data.metrics,
}))
"""


def uri_of(conninfo: str, user: str) -> str:
    """Return a connection string as an address with the server's socket folder as its host."""
    parts = conninfo_to_dict(conninfo)
    return f"postgresql://{user}@/{parts['dbname']}?host={quote(str(parts['host']), safe='')}"


@pytest.fixture(scope="module")
def logged(migrated, tmp_path_factory) -> dict:
    folder: Path = tmp_path_factory.mktemp("log")
    (folder / "twin.json").write_text(a_twin().model_dump_json())
    (folder / "bundle").write_bytes(content())
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), TENANT, uri_of(migrated.admin, "e2i_mlflow")],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout.strip().splitlines()[-1])


def test_a_training_is_logged_once_however_often_it_is_told(logged: dict):
    first, again, challenger = logged["runs"]
    assert first == again != challenger
    assert sorted(logged["versions"]) == [1, 2]
    assert logged["metrics"]["fidelity"] == 0.9


def test_the_champion_follows_the_version_in_use(logged: dict):
    assert str(logged["champion"]) == "2"


@pytest.mark.usefixtures("logged")
def test_its_tables_are_its_role_s_own_in_its_own_schema(migrated):
    rows = migrated.as_admin(
        "SELECT schemaname, tableowner, count(*) FROM pg_tables WHERE tablename IN ('runs', 'experiments', 'alembic_version') GROUP BY 1, 2"
    )
    assert rows == [("mlflow", "e2i_mlflow", 3)]


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize(
    ("user", "statement"),
    [
        ("e2i_app", "SELECT count(*) FROM mlflow.runs"),
        ("e2i_app", "CREATE TABLE mlflow.mine (x int)"),
        ("e2i_mlflow", "SELECT count(*) FROM public.datasets"),
        ("e2i_mlflow", "SELECT count(*) FROM public.digital_twin_models"),
        ("e2i_mlflow", "CREATE TABLE public.mine (x int)"),
        ("e2i_mlflow", "SET ROLE e2i_owner"),
    ],
)
def test_neither_role_reaches_what_is_the_other_s(migrated, user: str, statement: str):
    with psycopg.connect(make_conninfo(migrated.admin, user=user)) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)
        connection.rollback()
