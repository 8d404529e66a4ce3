"""The guide's examples are planned, by the tools it says, and the tools it does not name do not exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from e2i_shared.tools._registry import catalogue

from benchmarks import planner

plan = cache(planner.plan)
GUIDE = Path("docs/ask.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in GUIDE.splitlines()
    if line.startswith("| ") and '"' in line
]
EXAMPLES = [(question, tools) for _, said, tools in ROWS for question in re.findall(r'"([^"]+)"', said)]


def test_the_guide_has_examples_of_every_kind():
    assert len(ROWS) >= 19
    assert len(EXAMPLES) >= 35


@pytest.mark.parametrize(("question", "tools"), EXAMPLES)
def test_each_example_is_planned_whole_by_one_of_the_tools_named(question, tools):
    made = plan(question).plan

    assert made is not None, plan(question).refusal
    assert made.missing == []
    assert {s.tool for s in made.steps} & set(tools.split(", "))


def test_the_guide_names_every_tool_that_a_question_can_reach():
    named = {tool for _, _, tools in ROWS for tool in tools.split(", ")}
    assert named <= set(catalogue())
    plans = [plan(question).plan for question, _ in EXAMPLES]
    assert {s.tool for made in plans if made for s in made.steps} <= named
