"""What importing a handler may bring along: a cold start pays for every module. Each is imported in a fresh process."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import pytest

from infra.functions import all_functions

HEAVY = (
    "numpy",
    "boto3",
    "botocore.client",
    "scipy",
    "sklearn",
    "xgboost",
    "pyarrow",
    "pandas",
    "httpx",
    "typer",
    "rich",
    "mlflow",
)
MOST_MODULES = {
    "classify": 320,
    "api": 480,
    "composition_status": 380,
    "relay": 180,
    "compose_step": 380,
    "simulate": 450,
    "fidelity_check": 450,
    "dispatch_training": 400,
    "train_twin": 320,
    "run_tool": 530,
}


@cache
def imported_by(name: str) -> frozenset[str]:
    program = f"import sys; import functions.{name}.handler; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return frozenset(ran.stdout.split())


@pytest.mark.parametrize("name", [function.name for function in all_functions()])
def test_no_handler_imports_what_only_some_events_need(name: str):
    assert not imported_by(name) & set(HEAVY)


@pytest.mark.parametrize("name", ["classify", "api", "compose_step", "run_tool"])
def test_the_database_driver_waits_for_the_first_event(name: str):
    assert "psycopg" not in imported_by(name)


@pytest.mark.parametrize("name", ["simulate", "fidelity_check"])
def test_twins_are_asked_without_the_planner(name: str):
    assert not {
        module for module in imported_by(name) if module.startswith(("e2i_shared.composer", "e2i_shared.tools"))
    }


@pytest.mark.parametrize(("name", "most"), MOST_MODULES.items())
def test_the_number_of_modules_stays_within_its_budget(name: str, most: int):
    assert len(imported_by(name)) <= most


def test_classifying_never_brings_numpy_in_either():
    program = """
import sys
from datetime import date
from e2i_shared.api.classification import ClassifyRequest
from e2i_shared.classifier.classify import classify
classify(ClassifyRequest(query="Did more visits raise trx, and which regions responded most?"), today=date(2026, 10, 1))
print("numpy" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
