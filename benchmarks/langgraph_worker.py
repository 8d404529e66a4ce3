"""A plan of ours as a LangGraph graph: the same tools, inputs and data, one node per step. Run by ``benchmarks.langgraph_compare``.

Reads ``{"plan", "database_url", "tenant", "way", "rounds", "fault", "limit"}`` from standard input, prints a line of JSON per round.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

from e2i_shared.composer.references import resolve
from e2i_shared.db.connection import Database
from e2i_shared.db.rows import PostgresDataSource
from e2i_shared.tools import _registry

from benchmarks.langgraph_service import misbehave

Json = dict[str, Any]


def merged(left: Json, right: Json) -> Json:
    """Return both nodes' outputs."""
    return left | right


class State(TypedDict):
    """What the nodes share: outputs by step number."""

    outputs: Annotated[Json, merged]


@dataclass
class Runner:
    """Runs a plan's steps, and notes when each began and ended."""

    plan: Json
    context: _registry.ToolContext
    fault: Json
    spans: dict[int, tuple[float, float]] = field(default_factory=dict)
    runs: Counter[int] = field(default_factory=Counter)

    def run(self, number: int, outputs: Json) -> Json:
        """Run a step on the outputs before it."""
        step = next(s for s in self.plan["steps"] if s["step_number"] == number)
        began = time.perf_counter()
        self.runs[number] += 1
        if step["tool"] == self.fault.get("tool"):
            misbehave(self.fault["fault"])
        inputs = resolve(step["inputs"], {int(n): o for n, o in outputs.items()})
        output = _registry.run_tool(step["tool"], inputs, self.context)
        self.spans[number] = (began, time.perf_counter())
        return output

    def tools_ms(self) -> float:
        """Return the time in which at least one tool ran."""
        total, reached = 0.0, 0.0
        for began, ended in sorted(self.spans.values()):
            total += max(0.0, ended - max(began, reached))
            reached = max(reached, ended)
        return total * 1000


def graph(runner: Runner, way: str, limit: float) -> Any:
    """Return the compiled graph: plain nodes; with a checkpointer; or async nodes with a limit and a handler of errors each."""
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, StateGraph

    built = StateGraph(State)
    for step in runner.plan["steps"]:
        number, name = step["step_number"], str(step["step_number"])
        if way == "guarded":
            built.add_node(name, _guarded(runner, number), timeout=limit, error_handler=_handler(number))
        else:
            built.add_node(name, lambda state, n=number: {"outputs": {str(n): runner.run(n, state["outputs"])}})
        before = [str(n) for n in step["depends_on"]]
        built.add_edge(before if len(before) > 1 else before[0] if before else START, name)
    needed = {n for step in runner.plan["steps"] for n in step["depends_on"]}
    for step in runner.plan["steps"]:
        if step["step_number"] not in needed:
            built.add_edge(str(step["step_number"]), END)
    return built.compile(checkpointer=InMemorySaver() if way == "checkpointed" else None)


def _guarded(runner: Runner, number: int) -> Any:
    async def node(state: State) -> Json:
        return {"outputs": {str(number): await asyncio.to_thread(runner.run, number, state["outputs"])}}

    return node


def _handler(number: int) -> Any:
    async def handle(_state: State) -> Json:
        return {"outputs": {str(number): {"failed": True}}}

    return handle


def plain(runner: Runner) -> Json:
    """Run the steps one after the other in this process, without any framework."""
    outputs: Json = {}
    for level in runner.plan["levels"]:
        for number in level:
            outputs[str(number)] = runner.run(number, outputs)
    return outputs


def once(runner: Runner, way: str, limit: float, thread: str) -> Json:
    """Run the plan and return what came of it."""
    if way == "plain":
        return plain(runner)
    made, config = graph(runner, way, limit), {"configurable": {"thread_id": thread}}
    try:
        return dict(made.invoke({"outputs": {}}, config)["outputs"])
    except RuntimeError:
        if way != "checkpointed":
            raise
    runner.fault = {}
    return dict(made.invoke(None, config)["outputs"])  # the same thread again, its cause removed


def tell(runner: Runner, began: float, found: Json) -> None:
    """Print what came of a round, at the moment it came."""
    elapsed = (time.perf_counter() - began) * 1000
    row = found | {"ms": elapsed, "tools_ms": runner.tools_ms(), "finished": sorted(runner.spans), "runs": runner.runs}
    print(json.dumps(row), flush=True)


async def guarded(runner: Runner, limit: float) -> None:
    """Run a round of the guarded graph; told before the loop closes, which waits for its threads."""
    began = time.perf_counter()
    made = await graph(runner, "guarded", limit).ainvoke({"outputs": {}})
    tell(runner, began, {"outputs": made["outputs"]})


def attempt(runner: Runner, asked: Json, number: int) -> None:
    """Run a round and tell what came of it."""
    if asked["way"] == "guarded":
        asyncio.run(guarded(runner, asked["limit"]))
        return
    began = time.perf_counter()
    try:
        tell(runner, began, {"outputs": once(runner, asked["way"], asked["limit"], str(number))})
    except Exception as error:  # noqa: BLE001 - what comes out of a graph is a result of the comparison
        tell(runner, began, {"raised": f"{type(error).__name__}: {error}"[:200]})


def main() -> None:
    """Serve one request: a round without the fault, then as many as are wanted with it."""
    asked = json.load(sys.stdin)
    context = _registry.ToolContext(PostgresDataSource(Database(asked["database_url"]), asked["tenant"]))
    for number in range(asked["rounds"] + 1):
        attempt(Runner(asked["plan"], context, dict(asked["fault"]) if number else {}), asked, number)


if __name__ == "__main__":
    main()
