"""The rows that the fakes about twins share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from e2i_shared.testing.clock import FixedClock
from e2i_shared.testing.outbox import FakeOutbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from e2i_shared.twins.entity import Version
    from e2i_shared.twins.model import GenerateRequest, Job, NewSimulation, SimulationView, Twin
    from e2i_shared.twins.validation import Validation


@dataclass
class Held:
    """What the fakes share: all rows, the outbox and the clock."""

    outbox: FakeOutbox = field(default_factory=FakeOutbox)
    clock: Callable[[], datetime] = field(default_factory=FixedClock)
    jobs: dict[str, Job] = field(default_factory=dict)
    requests: dict[str, GenerateRequest] = field(default_factory=dict)
    twins: dict[str, Twin] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    asked: dict[str, NewSimulation] = field(default_factory=dict)
    simulations: dict[str, SimulationView] = field(default_factory=dict)
    experiments: dict[str, tuple[str, str | None, Any]] = field(default_factory=dict)  # status, outcome, analysis
    validations: list[Validation] = field(default_factory=list)
    entities: dict[str, tuple[str, list[Version]]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def now(self) -> str:
        """Return the time as it is stored."""
        return self.clock().isoformat()

    def change(self, twin_id: str, **values: Any) -> None:
        """Change a twin."""
        self.twins[twin_id] = self.twins[twin_id].model_copy(update=values)
