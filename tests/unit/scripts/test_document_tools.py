from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
from builders_trained import TrialTwins
from e2i_shared.datasets.sample import generate
from e2i_shared.tools._registry import ToolContext, catalogue, run_tool

ROOT = Path(__file__).parents[3]
EXAMPLE = re.compile(r"^## (\w+)$.*?^### Example\n+```json\n(.*?)^```", re.MULTILINE | re.DOTALL)


def load():
    spec = importlib.util.spec_from_file_location("document_tools", ROOT / "scripts" / "document_tools.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def script(tmp_path, monkeypatch):
    module = load()
    monkeypatch.setattr(module, "PAGE", tmp_path / "docs" / "reference" / "tools.md")
    return module


def test_the_reference_page_is_what_the_declarations_say():
    assert load().main(["--check"]) == 0


def test_every_tool_has_its_section_with_inputs_outputs_and_an_example():
    text = load().page()

    for name, tool in catalogue().items():
        assert f"\n## {name}\n" in text
        assert tool.description in text
        for field in tool.params.model_fields:
            assert f"| {field} |" in text
    assert len(EXAMPLE.findall(text)) == len(catalogue())


def test_the_examples_on_the_page_run_on_the_sample():
    context = ToolContext(generate().source(), twins=TrialTwins())

    for name, example in EXAMPLE.findall(load().page()):
        assert run_tool(name, json.loads(example), context)["method"]


def test_tables_have_as_many_cells_as_heads():
    cells = None
    for line in load().page().splitlines():
        if not line.startswith("|"):
            cells = None
            continue
        found = len(re.findall(r"(?<!\\)\|", line))
        assert cells in (None, found), line
        cells = found


def test_writing_makes_the_check_pass(script):
    assert script.main(["--write"]) == 0
    assert script.main(["--check"]) == 0


def test_a_stale_page_fails_the_check_and_says_what_to_do(script, capsys):
    script.main(["--write"])
    script.PAGE.write_text(script.PAGE.read_text() + "by hand\n")

    assert script.main(["--check"]) == 1
    assert "--write" in capsys.readouterr().err


def test_a_missing_page_fails_the_check(script):
    assert script.main(["--check"]) == 1


def test_checking_and_writing_do_not_go_together(script):
    with pytest.raises(SystemExit):
        script.main(["--check", "--write"])


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "number"}, "number"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "whole number or null"),
        ({"enum": ["a", "b"]}, "a / b"),
        ({"const": 3}, "3"),
        ({"type": "array", "items": {"$ref": "#/$defs/Gap"}}, "list of Gap"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "mapping to text"),
        ({"type": "object"}, "object"),
        ({}, "any"),
    ],
)
def test_types_are_put_in_words(script, schema, words):
    assert script._kind(schema) == words
