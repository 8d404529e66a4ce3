"""A composition while it runs: its levels and steps with ticks on a terminal, a line per change elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType

    Json = dict[str, Any]

MARKS = {
    "PENDING": ("·", "dim"),
    "EXECUTING": ("▸", "cyan"),
    "COMPLETED": ("✓", "green"),
    "FAILED": ("✗", "red"),
    "SKIPPED": ("–", "yellow"),
}
PHASES = {
    "PENDING": "Waiting to start",
    "DECOMPOSING": "Taking the question apart",
    "PLANNING": "Planning",
    "EXECUTING": "Running the tools",
    "SYNTHESIZING": "Writing the answer",
}
LONGEST = 160


@dataclass(slots=True)
class Board:
    """What is known of a composition's progress, from its events."""

    phase: str = "PENDING"
    after: int = 0
    steps: dict[int, Json] = field(default_factory=dict)
    said: dict[int, str] = field(default_factory=dict)

    def take(self, page: Json) -> list[str]:
        """Take in a page of events and return a line for each that a reader wants to know of."""
        self.after = page["next_after"]
        lines = [self._take(event) for event in page["items"]]
        return [line for line in lines if line]

    def _take(self, event: Json) -> str | None:
        detail = event["detail"]
        if event["kind"] == "status":
            self.phase = detail["status"]
            again = f" (attempt {detail['attempt']})" if detail.get("attempt", 1) > 1 else ""
            return f"{PHASES[self.phase]}{again}" if self.phase in PHASES else None
        number = detail["step_number"]
        if event["kind"] == "partial":
            self.said[number] = event.get("text") or ""
            return f"  [{number}] {_short(self.said[number])}" if self.said[number] else None
        self.steps[number] = detail
        return None if detail["status"] == "PENDING" else self._line(number)

    def _line(self, number: int) -> str:
        step = self.steps[number]
        mark, _ = MARKS.get(step["status"], ("?", ""))
        took = f"  {step['latency_ms']:,.0f} ms" if step.get("latency_ms") is not None else ""
        why = f": {_short(step['error'])}" if step.get("error") else ""
        return f"  {mark} [{number}] {step['name'].replace('_', ' ')} ({step['tool']}){took}{why}"

    def drawing(self) -> RenderableType:
        """Return the phase and every step, level by level."""
        lines = [Text(PHASES.get(self.phase, self.phase.capitalize()), style="bold")]
        for level in sorted({step["level"] for step in self.steps.values()}):
            lines.append(Text(f" level {level}", style="dim"))
            for number in sorted(n for n, step in self.steps.items() if step["level"] == level):
                _, style = MARKS.get(self.steps[number]["status"], ("?", "white"))
                lines.append(Text(self._line(number), style=style))
                if self.said.get(number):
                    lines.append(Text(f"      {_short(self.said[number])}", style="dim"))
        return Group(*lines)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"
