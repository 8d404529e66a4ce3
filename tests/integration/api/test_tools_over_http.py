"""Every tool's first example through ``POST /tools/{name}/run`` on the real database gives what it gives in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders_trained import TrialTwins
from e2i_shared.datasets import csv_text, ingest
from e2i_shared.datasets.sample import TABLES, generate
from e2i_shared.datasets.source import from_bytes
from e2i_shared.tools._registry import ToolContext, catalogue, run_tool
from vega_lite import assert_valid
from world import OTHER, TENANT, body, request

from functions.api import handler as api
from functions.run_tool import handler as image

TOOLS = catalogue()
ELSEWHERE = {"/cohort/dataset_id", "/simulation_id"}  # each store gives its own
every_tool = pytest.mark.parametrize("name", sorted(TOOLS))


@pytest.fixture(scope="module")
def sample():
    return generate()


@pytest.fixture(scope="module", autouse=True)
def _loaded(wiring, sample) -> None:
    rows = wiring.tenant(TENANT).rows
    for name in TABLES:
        text = "".join(csv_text.lines(sample.tables[name], sample.datasets[name])).encode()
        ingest.load(sample.specs[name], from_bytes(text), rows)


def run(name: str, params: Any, **more: Any) -> dict[str, Any]:
    reply: dict[str, Any] = image.handle(request("POST", f"/tools/{name}/run", {"params": params}, **more), None)
    return reply


def differences(left: Any, right: Any, path: str = "") -> list[str]:
    """Return where JSON data differ; numbers to eight digits, since sums over rows run in another order."""
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        return [found for key in left for found in differences(left[key], right[key], f"{path}/{key}")]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = zip(left, right, strict=True)
        return [found for i, pair in enumerate(pairs) for found in differences(*pair, f"{path}/{i}")]
    if isinstance(left, float) and isinstance(right, float | int):
        return [] if left == pytest.approx(right, rel=1e-8, abs=1e-9) else [f"{path}: {left} and {right}"]
    return [] if left == right or path in ELSEWHERE else [f"{path}: {left} and {right}"]


@every_tool
def test_the_first_example_is_answered_over_http_as_in_memory(name, sample):
    example = TOOLS[name].examples[0]
    expected = run_tool(name, example, ToolContext(sample.source(), twins=TrialTwins()))

    reply = run(name, example)
    answer = body(reply)

    assert reply["statusCode"] == 200, reply["body"]
    assert answer["tool"] == name
    assert answer["elapsed_ms"] > 0
    assert differences(answer["result"], json.loads(json.dumps(expected))) == []
    assert len(answer["charts"]) == len(TOOLS[name].charts(expected))
    for chart in answer["charts"]:
        assert_valid(chart)


@every_tool
def test_an_example_with_a_field_too_many_is_a_422_that_names_it(name):
    reply = run(name, TOOLS[name].examples[0] | {"no_such_field": 1})

    assert reply["statusCode"] == 422
    problem = body(reply)
    assert problem["errors"][0]["field"] == "no_such_field"
    assert f"/tools/{name}" in problem["hint"]


@pytest.mark.parametrize("name", sorted(n for n, t in TOOLS.items() if "dataset" in t.params.model_fields))
def test_the_sample_of_one_tenant_does_not_exist_for_another(name):
    example = next(e for e in TOOLS[name].examples if "dataset" in e or "causal_result" in e)

    reply = run(name, example, tenant=OTHER)

    assert reply["statusCode"] == 422
    assert "There is no data set" in body(reply)["detail"]


@every_tool
def test_what_a_tool_takes_and_gives_is_described_over_http(name):
    reply = api.handle(request("GET", f"/tools/{name}"), None)

    described = body(reply)
    assert reply["statusCode"] == 200
    assert described["input_schema"]["properties"].keys() == TOOLS[name].params.model_fields.keys()
    assert described["examples"] == list(TOOLS[name].examples)


def test_a_tool_that_is_none_is_a_404_with_the_nearest_names():
    reply = run("gap_calculater", {})

    assert reply["statusCode"] == 404
    assert "gap_calculator" in reply["body"]


@pytest.mark.parametrize("raw", ["", "[]", "{", '{"params": 1}', '{"params": null}', "{}", '{"params": {}, "more": 1}'])
def test_a_body_that_is_no_request_is_a_4xx(raw):
    reply = image.handle(request("POST", "/tools/kpi_lookup/run", raw=raw), None)

    assert 400 <= reply["statusCode"] < 500, reply["body"]
