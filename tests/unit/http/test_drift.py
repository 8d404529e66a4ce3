"""Drift of every column over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from e2i_shared.datasets.describe import describe_frame
from e2i_shared.datasets.memory import MemoryDataSource
from world import OTHER, TENANT, assays, body, request

from functions.run_tool import handler as run_tool

pytestmark = pytest.mark.usefixtures("wiring")


def drift(path: str = "/datasets/assays/drift", **options: Any) -> dict[str, Any]:
    reply: dict[str, Any] = run_tool.handle(request("GET", path, **{"role": "viewer", **options}), None)
    return reply


def test_the_column_that_drifted_comes_first_and_the_others_did_not():
    reply = drift()

    found = body(reply)
    assert reply["statusCode"] == 200, found
    assert [(c["column"], c["severity"]) for c in found["columns"]] == [("potency", "severe"), ("bench", "none")]
    assert found["severity"] == "severe"
    assert found["comparison"] == ["2026-04-01", "2026-05-01"]
    assert (found["reference_rows"], found["comparison_rows"]) == (180, 60)
    assert found["skipped"] == ["batch_month"]


def test_it_is_what_the_tool_says_of_the_column():
    params = {"dataset": "assays", "feature_name": "potency"}
    tool = body(run_tool.handle(request("POST", "/tools/psi_calculator/run", {"params": params}), None))["result"]

    column = body(drift())["columns"][0]
    assert column["psi"] == tool["psi_value"]
    assert column["comparison_mean"] == tool["comparison_mean"]
    assert column["largest_contribution"] == tool["largest_contribution"]
    assert column["threshold"] > tool["threshold"]  # judged together with the other columns


def test_a_world_without_drift_says_none(wiring):
    spec, frame = assays()
    early = frame.take(frame.columns["batch_month"].values < np.datetime64("2026-04-01"))
    tenant = wiring.tenant(TENANT)
    stored = tenant.catalogue.add(describe_frame(early, spec))
    wiring.made[TENANT] = replace(tenant, data=MemoryDataSource({"assays": (stored, early)}))

    assert body(drift())["severity"] == "none"


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/datasets/trial/drift", {}, 422),  # no dates
        ("/datasets/assays/drift", {"grain": "year"}, 422),  # no complete year
        ("/datasets/assays/drift", {"grain": "week"}, 422),
        ("/datasets/nothing/drift", {}, 404),
    ],
)
def test_what_cannot_be_answered_is_a_4xx(path, query, status):
    assert drift(path, query=query)["statusCode"] == status


def test_another_tenants_data_set_does_not_exist():
    assert drift(tenant=OTHER)["statusCode"] == 404
