"""What there is to say about each tool's output, as claims; a tool without sentences of its own is told by its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.claims.causal import effect, refutation, sensitivity
from e2i_shared.composer.claims.other import anything, gap, kpi, power
from e2i_shared.composer.claims.segments import by_segment, ranking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from e2i_shared.api.composition import Claim
    from e2i_shared.composer.claims.told import Told

_SENTENCES: Mapping[str, Callable[[Told], Iterable[Claim]]] = {
    "causal_effect_estimator": effect,
    "refutation_runner": refutation,
    "sensitivity_analyzer": sensitivity,
    "cate_analyzer": by_segment,
    "segment_ranker": ranking,
    "gap_calculator": gap,
    "power_calculator": power,
    "kpi_lookup": kpi,
}


def claims_of(told: Told) -> list[Claim]:
    """Return the sentences about a finished step."""
    return list(_SENTENCES.get(told.tool, anything)(told))
