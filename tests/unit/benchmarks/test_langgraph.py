from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import langgraph_compare as compare
from benchmarks import langgraph_worker as worker
from benchmarks.composer_asking import Measured
from benchmarks.langgraph_service import misbehave, set_fault

if TYPE_CHECKING:
    from pathlib import Path

PLAN: dict[str, Any] = {
    "steps": [
        {"step_number": 1, "tool": "first", "inputs": {"a": 2}, "depends_on": []},
        {"step_number": 2, "tool": "second", "inputs": {"b": {"$from": "step-1", "path": "sum"}}, "depends_on": [1]},
    ],
    "levels": [[1], [2]],
}


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    ran: list[tuple[str, Any]] = []

    def run_tool(name: str, inputs: Any, _context: Any) -> dict[str, Any]:
        ran.append((name, inputs))
        return {"sum": sum(inputs.values())}

    monkeypatch.setattr(worker._registry, "run_tool", run_tool)
    return ran


def runner(**fault: str) -> worker.Runner:
    context: Any = None
    return worker.Runner(PLAN, context, fault)


def test_steps_take_their_inputs_from_those_before(tools: list[tuple[str, Any]]):
    one = runner()

    assert worker.plain(one) == {"1": {"sum": 2}, "2": {"sum": 2}}
    assert tools == [("first", {"a": 2}), ("second", {"b": 2})]
    assert sorted(one.spans) == [1, 2]


def test_the_branch_that_is_told_to_raise_raises(tools: list[tuple[str, Any]]):
    with pytest.raises(RuntimeError, match="told to raise"):
        worker.plain(runner(tool="second", fault="raise"))
    assert [name for name, _ in tools] == ["first"]


def test_tools_that_run_side_by_side_count_once():
    one = runner()
    one.spans = {1: (10.0, 11.0), 2: (10.5, 12.0), 3: (13.0, 13.5)}

    assert one.tools_ms() == pytest.approx(2500)


def test_what_raises_is_told_as_a_result(tools: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str]):
    worker.attempt(runner(tool="first", fault="raise"), {"way": "plain", "limit": 1.0}, 0)

    said = json.loads(capsys.readouterr().out)
    assert said["raised"] == "RuntimeError: This branch was told to raise."
    assert said["finished"] == []


def test_a_fault_is_switched_on_and_off(tmp_path: Path):
    set_fault(tmp_path, "cate_analyzer", "hang")
    assert json.loads((tmp_path / "fault.json").read_text()) == {"tool": "cate_analyzer", "fault": "hang"}

    set_fault(tmp_path, None)
    set_fault(tmp_path, None)
    assert not (tmp_path / "fault.json").exists()
    with pytest.raises(RuntimeError):
        misbehave("raise")


def test_outputs_are_alike_to_nine_digits_whatever_their_order():
    assert compare._alike({"a": [1, 0.1234567891], "b": True}, {"b": True, "a": [1.0, 0.1234567892]})
    assert not compare._alike({"a": 0.12345678}, {"a": 0.12345679})
    assert not compare._alike({"a": 1}, {"a": 1, "b": 2})


def test_what_came_of_a_fault_is_read_from_the_round_that_had_it():
    sound = {"ms": 900.0, "outputs": {"1": {}, "2": {}}, "runs": {"1": 1}}
    faulty = {"ms": 1500.0, "outputs": {"1": {"ate": 1}, "2": {"failed": True}}, "runs": {"1": 2, "2": 1}}

    came = compare._came_of([sound, faulty], ended=True, seconds=3.0)
    never = compare._came_of([sound], ended=False, seconds=20.0)

    assert (came["returned_s"], came["kept_steps"], came["ran_again"]) == (1.5, [1], [1])
    assert (never["returned_s"], never["kept_steps"], never["process_ended"]) == (None, [], False)


def test_our_own_answer_is_read_for_what_it_kept_and_what_it_lacks():
    steps = [
        {"step_number": 1, "tool_name": "effect", "status": "COMPLETED", "error_message": None},
        {"step_number": 2, "tool_name": "cate_analyzer", "status": "FAILED", "error_message": "It took longer."},
        {"step_number": 3, "tool_name": "segment_ranker", "status": "SKIPPED", "error_message": "Not run."},
    ]
    view = {"answer": {"text": "x"}, "missing": [{"reason": "Effect by specialty: It took longer."}]}

    found = compare._ours(Measured(31_000.0, view, steps))

    assert found["answered"]
    assert found["kept_steps"] == [1]
    assert found["failed"] == {"cate_analyzer": "It took longer."}
    assert found["skipped"] == {"segment_ranker": "Not run."}


def test_the_tables_name_who_lost_what(capsys: pytest.CaptureFixture[str]):
    times = {
        "ours": compare._row([100.0, 140.0], [90.0, 100.0]),
        "graph": compare._row([80.0], [79.0]) | {"same_numbers": False},
    }
    never = {"returned_s": None, "waited_s": 20.0, "process_ended": False, "kept_steps": []}

    compare.print_times(times)
    compare.print_faults("computes for ever", {"graph": never, "ours": {"returned_s": 31.0, "kept_steps": [1, 4]}}, 6)

    shown = capsys.readouterr().out
    assert "25.0" in shown
    assert "NO" in shown
    assert "never (ended after 20.0 s), 0 of 6 results kept; the process never ended by itself" in shown
    assert "after 31.0 s, 2 of 6 results kept" in shown
