"""Sentences about what a digital twin predicts, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.claims.told import excludes_zero, say, shown_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.api.composition import Claim
    from e2i_shared.composer.claims.told import Told

_SAID = {"deploy": "It is worth doing", "refine": "It needs refining first", "skip": "It is not worth a test"}


def prescreening(told: Told) -> Iterator[Claim]:
    """Say the predicted effect with its interval, the recommendation with its reason, and how large a real test would be."""
    parts = ("/simulated_ate", "/ci_lower", "/ci_upper")
    effect, *interval = (told.number(p, like=parts) for p in parts)
    unit = shown_unit(told.get("/outcome_unit"))
    clear = excludes_zero(told.get("/ci_lower"), told.get("/ci_upper"))
    start = "The digital twin predicts" if clear else "The digital twin predicts no clear change:"
    text = f"{start} a change of {told.labels.name(str(told.get('/outcome')))} by {{0}} (95% interval {{1}} to {{2}}; twin {{3}})."
    yield say(text, effect.model_copy(update={"unit": unit}), *interval, told.text("/twin"))
    yield say(f"{_SAID[told.get('/recommendation')]}: {{0}}", told.text("/rationale"))
    if told.get("/recommended_sample_size") is not None:
        size = told.number("/recommended_sample_size")
        if told.get("/recommended_duration_weeks") is None:
            yield say(
                "A real test would need {0} per arm, more than this population can give in a plausible time.", size
            )
        else:
            weeks = told.number("/recommended_duration_weeks", unit="weeks")
            yield say("A real test would need {0} units per arm for {1}.", size, weeks)
    yield say(
        "How far the twin can be trusted: {0} (fidelity {1}).",
        told.text("/fidelity_grade"),
        told.number("/fidelity_score"),
    )
