"""When a plan may be used again: everything that it depends on is the same, to the letter.

Questions that are merely alike never share a plan: "2024" and "2025" are near each other in any embedding.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from e2i_shared.composer.workbench import critical_path_ms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.api.datasets import Dataset
    from e2i_shared.composer.model import CompositionRecord, Plan, ReusablePlan
    from e2i_shared.tools._registry import ToolSpec

NOTE = "The same question was asked of the same data before: its plan was used again, its tools were run anew."


def plan_key(
    record: CompositionRecord, datasets: Sequence[Dataset], tools: Mapping[str, ToolSpec], planner: str
) -> str:
    """Return the SHA-256 of the question, its parts with their periods, the data sets as described, and the tools' versions.

    ``planner`` says who plans. The tenant is not part of it: stored plans are looked up among the tenant's own.
    """
    parts = [
        " ".join(record.query.casefold().split()),
        record.decomposition.model_dump(mode="json", exclude={"source"}) if record.decomposition else None,
        record.dataset,
        sorted(each.model_dump_json() for each in datasets),
        sorted((name, spec.version) for name, spec in tools.items()),
        planner,
    ]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True, sort_keys=True).encode()).hexdigest()


def used_again(known: ReusablePlan, latency_ms: Mapping[str, float]) -> Plan:
    """Return a stored plan for another composition, with the latencies usual now; it names whose it was first and says so."""
    notes = [*(note for note in known.plan.notes if note != NOTE), NOTE]
    first = known.plan.reused_from or known.composition_id
    return known.plan.model_copy(
        update={
            "reused_from": first,
            "notes": notes,
            "critical_path_ms": critical_path_ms(known.plan.steps, latency_ms) if known.plan.steps else None,
        }
    )
