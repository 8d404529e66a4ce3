"""A plan is used again for exactly the same question on exactly the same data, and says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from builders_composer import KISQALI, KISQALI_EDGES, KISQALI_PARTS, catalogue, classification, created, services
from e2i_shared.api.classification import Domain
from e2i_shared.api.composition import CompositionStatus as Status
from e2i_shared.composer.phases import run_phase
from e2i_shared.composer.plan_key import NOTE, plan_key
from e2i_shared.testing import FakeCompositions, FixedClock

SHORT = "Did rep visits raise TRx?"


class World:
    """One store, questions asked of it one after the other."""

    def __init__(self) -> None:
        self.store = FakeCompositions(clock=FixedClock(datetime.now(UTC)))

    def ask(self, query=KISQALI, parts=KISQALI_PARTS, edges=KISQALI_EDGES, fail=False, **changes: Any):
        made = services(classification(query, parts, edges), compositions=self.store, **changes)
        identity = created(made, query)

        def run(phase: str, **more: Any) -> Any:
            return run_phase({"phase": phase, "tenant_id": "t", "composition_id": identity, **more}, made)

        run("decompose")
        for step in (s for level in run("plan")["levels"] for s in level):
            run("execute", step_number=step["step_number"])
        if fail:
            self.store.fail(identity, Status.FAILED, "it broke")
        else:
            run("synthesize")
        return self.store.get(identity)


def test_the_same_question_uses_the_plan_again_but_runs_its_tools_anew():
    world = World()
    first, second = world.ask(), world.ask()

    assert (first.plan.reused_from, second.plan.reused_from) == (None, first.composition_id)
    assert second.plan.steps == first.plan.steps
    assert NOTE in second.plan.notes
    assert NOTE not in first.plan.notes
    steps = world.store.steps(second.composition_id)
    assert {s.status for s in steps} == {Status.COMPLETED}
    assert all(s.started_at for s in steps)
    assert second.answer.parts == first.answer.parts


def test_a_third_time_names_the_first_and_says_it_once():
    world = World()
    first, _, third = world.ask(), world.ask(), world.ask()
    assert third.plan.reused_from == first.composition_id
    assert third.plan.notes.count(NOTE) == 1


def test_spaces_and_case_of_the_question_do_not_matter():
    world = World()
    first = world.ask(SHORT, [(Domain.CAUSAL, SHORT)], [])
    again = world.ask("  did REP visits  raise TRx?", [(Domain.CAUSAL, SHORT)], [])
    assert again.plan.reused_from == first.composition_id


def test_a_plan_that_failed_is_not_used_again():
    world = World()
    world.ask(fail=True)
    assert world.ask().plan.reused_from is None


def test_another_period_is_another_question_however_near():
    world = World()
    world.ask("Did rep visits raise TRx in 2026?", [(Domain.CAUSAL, "Did rep visits raise TRx in 2026?")], [])
    other = world.ask("Did rep visits raise TRx?", [(Domain.CAUSAL, SHORT)], [])
    assert other.plan.reused_from is None


def record_of(world: World):
    return world.ask(SHORT, [(Domain.CAUSAL, SHORT)], [])


def changed_version(datasets):
    return [datasets[0].model_copy(update={"version": datasets[0].version + 1}), *datasets[1:]]


def changed_synonym(datasets):
    column = datasets[0].columns[0].model_copy(update={"synonyms": ["another word"]})
    return [datasets[0].model_copy(update={"columns": [column, *datasets[0].columns[1:]]}), *datasets[1:]]


@pytest.mark.parametrize("change", [changed_version, changed_synonym, lambda datasets: datasets[1:]])
def test_any_change_of_the_data_sets_is_another_key(change):
    from builders_composer import datasets

    record, tools = record_of(World()), catalogue()
    assert plan_key(record, change(datasets()), tools, "rules") != plan_key(record, datasets(), tools, "rules")


def test_another_tool_version_planner_data_set_or_part_is_another_key():
    from builders_composer import datasets

    record, tools = record_of(World()), catalogue()
    base = plan_key(record, datasets(), tools, "rules")
    assert plan_key(record, list(reversed(datasets())), tools, "rules") == base
    name, spec = next(iter(tools.items()))
    newer = dict(tools) | {name: replace(spec, version="9.9.9")}
    part = record.decomposition.sub_questions[0].model_copy(update={"measure": "nrx"})
    split = record.decomposition.model_copy(update={"sub_questions": [part]})
    others = {
        plan_key(record, datasets(), newer, "rules"),
        plan_key(record, datasets(), tools, "llm"),
        plan_key(record.model_copy(update={"dataset": "territories"}), datasets(), tools, "rules"),
        plan_key(record.model_copy(update={"decomposition": split}), datasets(), tools, "rules"),
        plan_key(record.model_copy(update={"query": "Why did TRx rise?"}), datasets(), tools, "rules"),
    }
    assert len(others | {base}) == 6
