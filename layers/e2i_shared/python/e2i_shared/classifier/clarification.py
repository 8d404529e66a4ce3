"""What to say when no route can be told: what is missing, and rephrasings that work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.api.classification import Clarification
from e2i_shared.classifier.grammar import POINTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.classification import Entity, Features
    from e2i_shared.classifier.reading import Reading

_DEFAULTS = {"brand": "Kisqali", "kpi": "TRx", "treatment": "rep visits", "region": "the Northeast"}


def clarify(reading: Reading, features: Features, has_session: bool) -> Clarification:
    """Name what is missing and offer rephrasings that use what the query did say."""
    if not features.language_ok:
        return Clarification(
            message="Only English questions can be read. Please ask in English.",
            missing=["a question in English"],
            rephrasings=rephrase(features.entities),
        )
    pointing = any(text in POINTERS for text in reading.texts[:6])
    if pointing and not has_session:
        message = "The question points to something said before, but there is no earlier question in this session. Please name it."
        missing = ["what is meant", "what to find out about it"]
    elif features.entities:
        named = ", ".join(dict.fromkeys(entity.text for entity in features.entities))
        message = f"It is clear that this is about {named}, but not what to find out. Please say what you want to know."
        missing = ["what to find out"]
    else:
        message = (
            "This does not ask about an effect, a segment, a gap, a test, a forecast, data health, a KPI, a cohort or an "
            "explanation. Please name an outcome and what you want to know about it."
        )
        missing = ["an outcome (such as TRx)", "what to find out"]
    return Clarification(message=message, missing=missing, rephrasings=rephrase(features.entities))


def rephrase(entities: Sequence[Entity]) -> list[str]:
    """Return three questions that work, built around what the query names."""
    named = _DEFAULTS | {
        entity.kind: entity.text for entity in reversed(entities) if entity.kind in _DEFAULTS and _specific(entity)
    }
    brand, kpi, treatment, region = (named[kind] for kind in ("brand", "kpi", "treatment", "region"))
    where = region if region.lower().startswith("the ") else f"the {region}"
    return [
        f"What was {brand} {kpi} in {where} last quarter?",
        f"Did {treatment} raise {brand} {kpi} in {where}?",
        f"Which specialties respond most to {treatment} for {brand}?",
    ]


def _specific(entity: Entity) -> bool:
    """Tell whether an entity names one thing and not its kind."""
    return entity.canonical != entity.kind
