"""What finished steps say while the others still run: the same sentences that the answer is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.api.composition import CompositionStatus, PartialResult
from e2i_shared.composer.claims import claims_of
from e2i_shared.composer.claims.labels import labels_of
from e2i_shared.composer.claims.told import Told
from e2i_shared.composer.render import render_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.datasets import Dataset
    from e2i_shared.composer.claims.told import Labels
    from e2i_shared.composer.model import Plan, StepRecord

MOST_SENTENCES = 2


def partial_results(plan: Plan, steps: Sequence[StepRecord], datasets: Sequence[Dataset]) -> list[PartialResult]:
    """Return the first sentences about each completed step that has any, in the order of the steps."""
    read = {plan.dataset, *(str(s.step.inputs.get("dataset")) for s in steps)}
    labels = labels_of(plan, [d for d in datasets if d.name in read])
    said = [(each, _said(each, labels)) for each in steps]
    return [
        PartialResult(step=each.step.step_number, tool=each.step.tool, sub_question=each.step.serves, text=text)
        for each, text in said
        if text
    ]


def _said(record: StepRecord, labels: Labels) -> str:
    if record.status is not CompositionStatus.COMPLETED or record.output is None:
        return ""
    number, inputs = record.step.step_number, record.resolved_inputs or record.step.inputs
    claims = claims_of(Told(number, record.step.tool, record.output, inputs, labels))
    return render_part(claims[:MOST_SENTENCES], {number: record.output})
