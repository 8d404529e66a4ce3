"""A composition as its asker reads it: how far it is, what is known so far, what was asked like it before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.api.composition import TERMINAL, CompositionStatus, RelatedComposition, StepView
from e2i_shared.http import views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.classification import RoutingPattern
    from e2i_shared.api.composition import CompositionEvents, CompositionView, PartialResult
    from e2i_shared.composer.model import CompositionRecord, StepRecord
    from e2i_shared.ports import Tenant

MOST_RELATED = 3
MOST_LOOKED_AT = 12
RELATED_FROM = 0.75  # cosine similarity of questions
MOST_OUTPUT = 4_000_000  # characters of JSON in one reply; a function may return 6 MB


def read(tenant: Tenant, composition_id: str, routing: RoutingPattern | None = None) -> CompositionView:
    """Return a composition; while it runs with what its finished steps say, once it ended with questions like it."""
    record = tenant.compositions.get(composition_id)
    steps = tenant.compositions.steps(record.composition_id)
    ended = record.status in TERMINAL
    partial = () if record.answer else _partial(tenant, record, steps)
    return views.composition(record, steps, routing, partial=partial, related=related(tenant, record) if ended else ())


def related(tenant: Tenant, record: CompositionRecord) -> list[RelatedComposition]:
    """Return past questions like this one, nearest first, without itself; one that was asked often is named once."""
    near = tenant.compositions.neighbours(record.composition_id, MOST_LOOKED_AT, RELATED_FROM)
    once = {" ".join(o.query.casefold().split()): o for o in reversed(near)}
    named = sorted(once.values(), key=near.index)[:MOST_RELATED]
    return [
        RelatedComposition(composition_id=o.composition_id, query=o.query, similarity=round(o.similarity, 4))
        for o in named
    ]


def events(tenant: Tenant, composition_id: str, after: int) -> CompositionEvents:
    """Return what happened to a composition after a number; steps are read only where one of them has something to say."""
    record = tenant.compositions.get(composition_id)
    found = tenant.compositions.events(record.composition_id, after)
    finished = any(each.kind == "partial" for each in found)
    partial = _partial(tenant, record, tenant.compositions.steps(record.composition_id)) if finished else ()
    return views.events(record, found, after, partial)


def steps(tenant: Tenant, composition_id: str) -> list[StepView]:
    """Return every step; outputs beyond what a reply can carry are left out, their references stay."""
    import json

    left, shown = MOST_OUTPUT, list[StepView]()
    for each in tenant.compositions.steps(composition_id):
        view = views.step(each)
        if each.output_ref:
            left -= len(json.dumps(each.output))
            view = view if left >= 0 else view.model_copy(update={"output_result": None})
        shown.append(view)
    return shown


def _partial(tenant: Tenant, record: CompositionRecord, known: Sequence[StepRecord]) -> list[PartialResult]:
    if record.plan is None or not any(each.status is CompositionStatus.COMPLETED for each in known):
        return []
    from e2i_shared.composer.partial import partial_results

    return partial_results(record.plan, known, tenant.catalogue.all())
