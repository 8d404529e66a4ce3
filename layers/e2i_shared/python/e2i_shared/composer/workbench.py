"""Where a plan's steps are put together: numbered in order of creation, equal calls made once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from e2i_shared.composer.model import PlanStep
from e2i_shared.composer.references import references_in, source_step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.tools._registry import ToolSpec

MOST_STEPS = 25


@dataclass(slots=True)
class Workbench:
    """The steps of a plan under construction, and what there is to say about it; ``datasets`` are those the question may mean."""

    catalogue: Mapping[str, ToolSpec]
    datasets: Sequence[Dataset] = ()
    steps: list[PlanStep] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def has(self, *tools: str) -> bool:
        """Return whether all these tools exist."""
        return all(tool in self.catalogue for tool in tools)

    def add(self, tool: str, name: str, inputs: Json, serves: str) -> int:
        """Add a step that answers a sub-question and return its number; an equal step is shared."""
        for i, step in enumerate(self.steps):
            if (step.tool, step.inputs) == (tool, inputs):
                self.serve(i + 1, serves)
                return step.step_number
        return self._append(tool, name, inputs, serves)

    def serve(self, number: int, serves: str) -> None:
        """Let a step answer one more sub-question."""
        step = self.steps[number - 1]
        if serves not in step.serves.split(","):
            self.steps[number - 1] = step.model_copy(update={"serves": f"{step.serves},{serves}"})

    def need(self, tool: str, name: str, inputs: Json, serves: str) -> int:
        """Add a step that others need, unless an equal one is there, and return its number."""
        known = next((s.step_number for s in self.steps if (s.tool, s.inputs) == (tool, inputs)), None)
        return known or self._append(tool, name, inputs, serves)

    def note(self, text: str) -> None:
        """Add a remark once."""
        if text not in self.notes:
            self.notes.append(text)

    def _append(self, tool: str, name: str, inputs: Json, serves: str) -> int:
        number = len(self.steps) + 1
        sources = sorted({source_step(ref) for _, ref in references_in(inputs)})
        level = 1 + max((self.steps[s - 1].level for s in sources), default=0)
        self.steps.append(
            PlanStep.model_construct(
                step_number=number,
                name=name,
                tool=tool,
                runtime=self.catalogue[tool].runtime,
                inputs=inputs,
                depends_on=sources,
                serves=serves,
                level=level,
            )
        )
        return number


def levels_of(steps: list[PlanStep]) -> list[list[int]]:
    """Return the step numbers by level, first level first."""
    return [
        [s.step_number for s in steps if s.level == level]
        for level in range(1, max((s.level for s in steps), default=0) + 1)
    ]


def critical_path_ms(steps: list[PlanStep], latency_ms: Mapping[str, float]) -> float | None:
    """Return the latency of the slowest chain of steps; None when a tool's latency is not known."""
    if any(step.tool not in latency_ms for step in steps):
        return None
    done: dict[int, float] = {}
    for step in sorted(steps, key=lambda s: s.level):
        done[step.step_number] = latency_ms[step.tool] + max((done[d] for d in step.depends_on), default=0.0)
    return max(done.values(), default=0.0)
