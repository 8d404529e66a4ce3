from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from builders_frames import NO_DATA
from e2i_shared.errors import ContractError, UnknownToolError, UnprocessableError
from e2i_shared.tools import _registry
from e2i_shared.tools._registry import ToolContext, ToolParams, ToolResult, catalogue, find, run_tool
from e2i_shared.tools.power_calculator import TOOL as POWER
from vega_lite import assert_valid

TOOLS = catalogue()
HERE = Path(__file__).parent
EXAMPLES = [
    pytest.param(name, example, id=f"{name}-{number}")
    for name, tool in TOOLS.items()
    for number, example in enumerate(tool.examples, 1)
]
every_tool = pytest.mark.parametrize("name", list(TOOLS))


def module_of(name):
    return importlib.import_module(f"e2i_shared.tools.{name}")


def numbers_without_description(schema: dict[str, Any], definitions: dict[str, Any]) -> list[str]:
    """Return the fractional-number fields of a schema and of what it refers to that have no description."""
    models = {"Result": schema, **definitions}
    found = []
    for model, body in models.items():
        for field, spec in body.get("properties", {}).items():
            kinds = {spec.get("type"), *(option.get("type") for option in spec.get("anyOf", []))}
            if "number" in kinds and not spec.get("description"):
                found.append(f"{model}.{field}")
    return found


@every_tool
def test_a_tool_is_a_module_of_its_name_with_all_its_parts(name):
    module, tool = module_of(name), TOOLS[name]

    assert module.TOOL is tool
    assert tool.name == name
    assert tool.params is module.Params
    assert tool.result is module.Result
    assert list(tool.examples) == module.EXAMPLES
    assert tool.run is module.run
    assert issubclass(tool.params, ToolParams)
    assert issubclass(tool.result, ToolResult)


@every_tool
def test_a_tools_docstring_is_one_sentence(name):
    text = " ".join((module_of(name).__doc__ or "").split())

    first = text.split("\n\n", maxsplit=1)[0]
    assert re.match(r"^[A-Z].{20,}\.$", first), f"{name}: {first!r}"


@every_tool
def test_a_tool_tells_planners_what_it_is_for(name):
    tool = TOOLS[name]

    assert 60 <= len(tool.description) <= 400, len(tool.description)
    assert tool.description.endswith(".")
    assert tool.source_agent


@every_tool
def test_a_tool_has_an_example_and_documented_code(name):
    assert TOOLS[name].examples
    assert (TOOLS[name].run.__doc__ or "").strip()


@every_tool
def test_every_number_of_a_result_says_what_it_is(name):
    schema = TOOLS[name].result.model_json_schema()

    assert numbers_without_description(schema, schema.get("$defs", {})) == []


@every_tool
def test_every_input_of_a_tool_says_what_it_is(name):
    schema = TOOLS[name].params.model_json_schema()
    common = {"dataset", "filters"}

    silent = [f for f, spec in schema["properties"].items() if not spec.get("description") and f not in common]
    assert len(silent) <= 2, silent


@every_tool
def test_a_tool_has_a_test_of_its_own_with_a_known_truth(name):
    test = HERE / f"test_{name}.py"

    assert test.exists(), f"write {test.name}: a case whose answer is known, and each refusal"
    assert test.read_text(encoding="utf-8").count("\ndef test_") >= 3


@every_tool
def test_edges_join_fields_that_exist(name):
    consumer = TOOLS[name].params.model_json_schema()["properties"]

    for edge in TOOLS[name].edges:
        assert edge.producer in TOOLS, f"{name} consumes from {edge.producer}, which is no tool"
        assert edge.input_field in consumer, f"{name} has no input {edge.input_field}"
        produced = TOOLS[edge.producer].result.model_json_schema()["properties"]
        assert edge.output_field == "" or edge.output_field in produced, f"{edge.producer} gives no {edge.output_field}"


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_every_example_runs_on_the_sample_and_draws_valid_charts(name, example, sample_context):
    output = run_tool(name, example, sample_context)

    json.dumps(output, allow_nan=False)
    assert output["method"]
    assert output["n"] >= 0
    for chart in TOOLS[name].charts(output):
        assert_valid(chart)


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_the_same_seed_gives_the_same_answer(name, example, sample_context):
    if TOOLS[name].runtime == "image":
        pytest.skip("checked in the tool's own tests: it takes longer")

    assert run_tool(name, example, sample_context) == run_tool(name, example, sample_context)


@every_tool
def test_an_unknown_input_is_refused(name):
    with pytest.raises(UnprocessableError) as caught:
        run_tool(name, {"no_such_input": 1}, NO_DATA)
    assert f"/tools/{name}" in str(caught.value.hint)


@every_tool
def test_a_description_carries_schemas_only_where_asked(name):
    short, full = TOOLS[name].describe(), TOOLS[name].describe(schemas=True)

    assert short.input_schema == {}
    assert full.input_schema["properties"]
    assert full.output_schema["properties"]
    assert full.examples
    json.dumps(full.model_dump(mode="json"), allow_nan=False)


def test_the_catalogue_is_the_folder():
    folder = Path(_registry.__file__).parent
    modules = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}

    assert set(TOOLS) == modules


def test_an_unknown_tool_names_the_nearest():
    with pytest.raises(UnknownToolError) as caught:
        find("gap_calculater")
    assert caught.value.candidates[0] == "gap_calculator"


def test_a_name_like_no_tool_lists_them_all():
    with pytest.raises(UnknownToolError) as caught:
        find("@@@@")
    assert set(caught.value.candidates) == set(TOOLS)


def test_a_wrong_type_names_the_field():
    with pytest.raises(UnprocessableError) as caught:
        run_tool("power_calculator", {"effect_size": 1.0, "sd": "wide"}, NO_DATA)
    assert caught.value.field == "sd"


def test_of_the_forms_a_value_may_have_only_the_nearest_is_spoken_of():
    below = {"dataset": "patients", "exclusion": [{"column": "age", "op": "<", "value": 65}]}

    with pytest.raises(UnprocessableError) as caught:
        run_tool("cohort_builder", below, NO_DATA)

    assert caught.value.field == "exclusion.0.op"
    assert "'lt'" in caught.value.message
    assert "Criterion" not in caught.value.message


def test_a_tool_that_breaks_its_own_schema_is_told_apart(monkeypatch):
    class Loose(ToolResult):
        def model_dump(self, **_options: Any) -> dict[str, Any]:
            return {"n": float("nan"), "method": "broken"}

    def broken(_params: ToolParams, _context: ToolContext) -> ToolResult:
        return Loose(n=1, method="x")

    spec = type(POWER)(**{f: getattr(POWER, f) for f in POWER.__slots__} | {"run": broken})
    monkeypatch.setattr(_registry, "catalogue", lambda: {"power_calculator": spec})

    with pytest.raises(ContractError, match="its own schema refuses"):
        run_tool("power_calculator", {"effect_size": 1.0, "sd": 1.0}, NO_DATA)
