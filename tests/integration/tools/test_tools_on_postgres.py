"""The tools of the API's zip give on Postgres what they give in memory, refusals included."""

from __future__ import annotations

import math
from typing import Any

import pytest
from builders_trained import TrialTwins
from e2i_shared.datasets import csv_text, ingest
from e2i_shared.datasets.sample import TABLES, generate
from e2i_shared.datasets.source import from_bytes
from e2i_shared.db.connection import Database
from e2i_shared.db.frame_cache import FrameCache
from e2i_shared.db.loading import PostgresRowStore
from e2i_shared.db.rows import PostgresDataSource
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools._registry import ToolContext, catalogue, run_tool

LAYER = {name: tool for name, tool in catalogue().items() if tool.runtime == "layer"}
EXAMPLES = [
    pytest.param(name, example, id=f"{name}-{number}")
    for name, tool in LAYER.items()
    for number, example in enumerate(tool.examples, 1)
]
BRAND = {"column": "brand", "value": "Kisqali"}
QUESTIONS = [
    pytest.param("kpi_lookup", question, id=label)
    for label, question in {
        "a month by every kind of dimension": {
            "dataset": "hcp_monthly",
            "kpi": "trx",
            "dimensions": ["academic", "decile"],
            "grain": "month",
        },
        "a share within filters": {
            "dataset": "hcp_monthly",
            "kpi": "share",
            "filters": [BRAND],
            "dimensions": ["region"],
        },
        "the broken feed": {"dataset": "hcp_monthly", "kpi": "samples", "grain": "month", "dimensions": ["region"]},
        "last year": {"dataset": "territories", "kpi": "attainment", "compare": "previous_year"},
        "a bare column": {"dataset": "hcps", "kpi": "practice_size", "dimensions": ["specialty"]},
        "a filter on dates": {
            "dataset": "territories",
            "kpi": "nrx",
            "filters": [{"column": "month", "op": "between", "value": ["2025-01-01", "2025-12-01"]}],
            "grain": "quarter",
        },
    }.items()
]
REFUSED = [
    pytest.param("kpi_lookup", {"dataset": "hcp_monthly", "kpi": "adherance"}, id="unknown kpi"),
    pytest.param("kpi_lookup", {"dataset": "patients", "kpi": "attainment"}, id="columns lacking"),
    pytest.param("kpi_lookup", {"dataset": "patients", "kpi": "pdc", "grain": "month"}, id="no dates"),
    pytest.param(
        "gap_calculator", {"dataset": "patients", "entity_type": "territory", "metric": "age"}, id="no entity"
    ),
    pytest.param("gap_calculator", {"dataset": "nowhere", "entity_type": "region", "metric": "trx"}, id="no data set"),
    pytest.param(
        "gap_calculator",
        {
            "dataset": "hcps",
            "entity_type": "region",
            "metric": "decile",
            "filters": [{"column": "region", "value": "Mars"}],
        },
        id="unknown value",
    ),
]


@pytest.fixture(scope="module")
def sample():
    return generate()


@pytest.fixture(scope="module")
def memory(sample):
    return ToolContext(sample.source(), twins=TrialTwins())


@pytest.fixture(scope="module")
def postgres(migrated, sample):
    """Load the sample's tables from their CSV text."""
    database = Database(migrated.app)
    store = PostgresRowStore(database, migrated.tenant)
    for name in TABLES:
        content = "".join(csv_text.lines(sample.tables[name], sample.datasets[name])).encode()
        ingest.load(sample.specs[name], from_bytes(content), store)
    yield ToolContext(PostgresDataSource(database, migrated.tenant, FrameCache(0)), twins=TrialTwins())
    database.close()


OF_THE_STORE = {"dataset_id", "hash"}  # of a cohort: each store gives its own ids


def assert_alike(left: Any, right: Any, path: str = "output") -> None:
    """Compare JSON data; numbers to nine digits, since sums run in another order."""
    if isinstance(left, dict) and isinstance(right, dict):
        assert left.keys() == right.keys(), path
        for key, value in left.items():
            if key in OF_THE_STORE:
                continue
            assert_alike(value, right[key], f"{path}.{key}")
    elif isinstance(left, list) and isinstance(right, list):
        assert len(left) == len(right), path
        for number, (a, b) in enumerate(zip(left, right, strict=True)):
            assert_alike(a, b, f"{path}[{number}]")
    elif isinstance(left, float) and isinstance(right, float):
        assert math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9), f"{path}: {left} and {right}"
    else:
        assert left == right, path


@pytest.mark.parametrize(("name", "params"), [*EXAMPLES, *QUESTIONS])
def test_a_tool_answers_from_postgres_as_from_memory(name, params, memory, postgres):
    assert_alike(run_tool(name, params, postgres), run_tool(name, params, memory))


@pytest.mark.parametrize(("name", "params"), REFUSED)
def test_a_tool_refuses_on_postgres_as_in_memory(name, params, memory, postgres):
    with pytest.raises(UnprocessableError) as in_memory:
        run_tool(name, params, memory)
    with pytest.raises(UnprocessableError) as on_postgres:
        run_tool(name, params, postgres)

    assert type(on_postgres.value) is type(in_memory.value)
    assert on_postgres.value.field == in_memory.value.field
    assert set(on_postgres.value.candidates) == set(in_memory.value.candidates)


def test_a_new_version_of_a_data_set_is_what_tools_read_next(postgres, sample, migrated):
    before = run_tool("kpi_lookup", {"dataset": "hcps", "kpi": "prescribers"}, postgres)
    database = Database(migrated.app)
    text = "".join(csv_text.lines(sample.tables["hcps"], sample.datasets["hcps"])).splitlines(keepends=True)

    ingest.load(
        sample.specs["hcps"], from_bytes("".join(text[:101]).encode()), PostgresRowStore(database, migrated.tenant)
    )
    after = run_tool("kpi_lookup", {"dataset": "hcps", "kpi": "prescribers"}, postgres)

    database.close()
    assert (before["value"], after["value"]) == (1000.0, 100.0)
