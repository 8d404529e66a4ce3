"""The tool registry in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.db.tools import ToolReliability
from e2i_shared.errors import InvalidPlanError, UnknownToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from e2i_shared.api.tools import ToolDescription


@dataclass(frozen=True)
class _Run:
    success: bool
    latency_ms: float | None


class FakeTools:
    """Like PostgresTools, over the descriptions it is given."""

    def __init__(self, descriptions: Iterable[ToolDescription] = ()) -> None:
        self._tools = {d.name: d for d in descriptions}
        self._runs: dict[str, list[_Run]] = {}
        self._metrics: dict[str, tuple[float | None, float]] = {}

    def list(self) -> Sequence[ToolDescription]:
        """Return every tool by name."""
        return [self._tools[name] for name in sorted(self._tools)]

    def reliability(self) -> Sequence[ToolReliability]:
        """Return how each tool did."""
        return [_reliability(tool, self._runs[tool]) for tool in sorted(self._runs)]

    def record_run(
        self,
        tool: str,
        *,
        success: bool,
        latency_ms: float | None = None,
        input_complexity: int | None = None,  # noqa: ARG002 - stored by Postgres, read by nobody here
        error_type: str | None = None,  # noqa: ARG002 - as above
        called_by: str = "api",  # noqa: ARG002 - as above
    ) -> None:
        """Record a call."""
        self._runs.setdefault(tool, []).append(_Run(success, latency_ms))

    def update_metrics(self) -> int:
        """Refresh each registered tool's latency and success rate; return how many changed."""
        current = {r.tool: (r.avg_latency_ms, r.success_rate) for r in self.reliability() if r.tool in self._tools}
        changed = sum(self._metrics.get(tool) != metrics for tool, metrics in current.items())
        self._metrics |= current
        return changed

    def execution_order(self, names: Sequence[str]) -> Sequence[Sequence[str]]:
        """Return the tools in levels, producers first; raise InvalidPlanError for a cycle, UnknownToolError."""
        if unknown := sorted(set(names) - self._tools.keys()):
            raise UnknownToolError(f"Unknown tools: {', '.join(unknown)}.", field="tools")
        remaining, levels = set(names), []
        while remaining:
            ready = sorted(n for n in remaining if not remaining & {e.producer for e in self._tools[n].edges})
            if not ready:
                cycle = ", ".join(sorted(remaining))
                raise InvalidPlanError(f"These tools depend on each other in a cycle: {cycle}.", field="tools")
            levels.append(ready)
            remaining -= set(ready)
        return levels


def _reliability(tool: str, runs: Sequence[_Run]) -> ToolReliability:
    latencies = sorted(run.latency_ms for run in runs if run.latency_ms is not None)
    return ToolReliability(
        tool=tool,
        calls=len(runs),
        success_rate=sum(run.success for run in runs) / len(runs),
        avg_latency_ms=sum(latencies) / len(latencies) if latencies else None,
        p50_ms=_percentile(latencies, 0.50),
        p95_ms=_percentile(latencies, 0.95),
        p99_ms=_percentile(latencies, 0.99),
    )


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    if not ordered:
        return None
    rank = share * (len(ordered) - 1)
    low = int(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)
