"""What a term, a KPI, an earlier step or a past answer means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.composer.recipes.inputs import lacking
from e2i_shared.composer.references import reference

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
_POINTS = re.compile(
    r"\b(?:that|this|the|those|these|its?)\b(?:\s+(?:result|answer|estimate|effect|finding|number|output)s?\b|\s*$)",
    re.IGNORECASE,
)


def explanation(bench: Workbench, bound: Bound) -> str | None:
    """Explain a composition by its id, the step this sub-question depends on, else what the words name."""
    if not bench.has("result_explainer"):
        return lacking("Explaining a stored result or a term", "result_explainer")
    bench.add("result_explainer", "Explanation", _inputs(bench, bound), bound.question.id)
    return None


def _inputs(bench: Workbench, bound: Bound) -> Json:
    text = bound.question.text
    if match := _ID.search(text):
        return {"composition_id": match[0].lower()}
    step = _step(bench, bound) if _POINTS.search(text) else None
    if step:
        return {"result": reference(step), "result_tool": bench.steps[step - 1].tool}
    return {"question": text}


def _step(bench: Workbench, bound: Bound) -> int | None:
    """Return the last step of a sub-question this one depends on."""
    found = (s for s in reversed(bench.steps) if set(s.serves.split(",")) & set(bound.depends_on))
    return next((s.step_number for s in found), None)
