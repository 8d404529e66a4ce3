from __future__ import annotations

from builders_composer import catalogue
from e2i_shared.composer.references import reference
from e2i_shared.composer.workbench import Workbench, critical_path_ms, levels_of


def bench():
    return Workbench(catalogue())


def test_steps_are_numbered_in_order_and_levelled_by_what_they_need():
    made = bench()
    first = made.add("causal_effect_estimator", "Effect", {"dataset": "d"}, "Q1")
    second = made.add("cate_analyzer", "By segment", {"causal_result": reference(first)}, "Q2")
    third = made.add("segment_ranker", "Ranking", {"cate_result": reference(second)}, "Q2")
    made.add("gap_calculator", "Gap", {"dataset": "d"}, "Q3")

    assert [s.step_number for s in made.steps] == [1, 2, 3, 4]
    assert [s.level for s in made.steps] == [1, 2, 3, 1]
    assert made.steps[third - 1].depends_on == [second]
    assert levels_of(made.steps) == [[1, 4], [2], [3]]


def test_an_equal_call_is_made_once_and_serves_both():
    made = bench()
    first = made.add("causal_effect_estimator", "Effect", {"dataset": "d"}, "Q1")
    again = made.add("causal_effect_estimator", "Effect", {"dataset": "d"}, "Q3")

    assert first == again
    assert [s.serves for s in made.steps] == ["Q1,Q3"]


def test_a_step_that_is_only_needed_keeps_whom_it_serves():
    made = bench()
    made.add("causal_effect_estimator", "Effect", {"dataset": "d"}, "Q1")
    made.need("causal_effect_estimator", "Effect", {"dataset": "d"}, "Q2")
    made.need("causal_effect_estimator", "Effect", {"dataset": "e"}, "Q2")

    assert [s.serves for s in made.steps] == ["Q1", "Q2"]


def test_remarks_are_made_once():
    made = bench()
    made.note("a")
    made.note("b")
    made.note("a")
    assert made.notes == ["a", "b"]


def test_steps_run_where_their_tool_runs():
    made = bench()
    made.add("causal_effect_estimator", "Effect", {}, "Q1")
    made.add("power_calculator", "Size", {}, "Q1")
    assert [s.runtime for s in made.steps] == ["image", "layer"]


def test_the_critical_path_is_the_slowest_chain():
    made = bench()
    first = made.add("causal_effect_estimator", "Effect", {"dataset": "d"}, "Q1")
    made.add("cate_analyzer", "By segment", {"causal_result": reference(first)}, "Q2")
    made.add("gap_calculator", "Gap", {}, "Q3")
    usual = {"causal_effect_estimator": 300.0, "cate_analyzer": 500.0, "gap_calculator": 700.0}

    assert critical_path_ms(made.steps, usual) == 800.0
    assert critical_path_ms(made.steps, {}) is None
    assert critical_path_ms([], usual) == 0.0
