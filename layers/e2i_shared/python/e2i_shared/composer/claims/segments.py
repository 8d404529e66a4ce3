"""Sentences about who responds more, and whom to target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.claims.told import SIGNIFICANT, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_shared.api.composition import Claim, ValueRef
    from e2i_shared.composer.claims.told import Told

_MOST_LISTED = 3
_SHORT = 2


def by_segment(told: Told) -> Iterator[Claim]:
    """Say whether the segments differ, and the strongest and weakest effects in the direction of the whole."""
    rows = told.get("/segments") or []
    down = (told.get("/overall_effect") or 0) < 0
    order = sorted(range(len(rows)), key=lambda i: rows[i]["effect"] if down else -rows[i]["effect"])
    if order:
        yield _rows(told, "Strongest response", order[:_MOST_LISTED])
    if len(order) > _MOST_LISTED:
        yield _rows(told, "Weakest", order[-1:])
    heterogeneity = told.get("/heterogeneity_p")
    if heterogeneity is not None:
        differ = heterogeneity < SIGNIFICANT
        text = "The segments respond differently, more than chance would explain ({0})." if differ else ""
        yield say(
            text or "The segments' responses differ no more than chance would produce ({0}): the order may be chance.",
            told.p_value("/heterogeneity_p"),
        )


def _rows(told: Told, word: str, places: Sequence[int]) -> Claim:
    """Return segments with their effects and intervals."""
    outcome = told.get("/outcome_col")
    unit = told.labels.unit(outcome) if outcome else None
    slots: list[str] = []
    refs: list[ValueRef] = []
    for place in places:
        bounds = [f"/segments/{place}/{field}" for field in ("effect", "ci_lower", "ci_upper")]
        size, low, high = (told.number(p, like=bounds) for p in bounds)
        first = len(refs)
        name = f"{_of(told, f'/segments/{place}')}{{{first}}}"
        slots.append(f"{name} at {{{first + 1}}} (95% interval {{{first + 2}}} to {{{first + 3}}})")
        refs += [told.text(f"/segments/{place}/segment"), size.model_copy(update={"unit": unit}), low, high]
    return say(f"{word}: {'; '.join(slots)}.", *refs)


def _of(told: Told, at: str) -> str:
    """Return the column before a level that says nothing alone: ``education`` before ``4``, ``sex`` before ``M``."""
    level, column = str(told.get(f"{at}/segment")), told.get(f"{at}/column")
    bare = column and (len(level) <= _SHORT or level.replace(".", "").replace("-", "").isdigit())
    return f"{told.labels.name(str(column))} " if bare else ""


def ranking(told: Told) -> Iterator[Claim]:
    """Say whom to target first and what that gains over not targeting."""
    rows = told.get("/ranked_segments") or []
    if rows:
        count = min(len(rows), _MOST_LISTED)
        slots = ", ".join(f"{_of(told, f'/ranked_segments/{i}')}{{{i}}}" for i in range(count))
        yield say(f"Target first: {slots}.", *(told.text(f"/ranked_segments/{i}/segment") for i in range(count)))
    bounds = ("/expected_gain/per_unit", "/expected_gain/ci_lower", "/expected_gain/ci_upper")
    if all(isinstance(told.get(p), (int, float)) for p in bounds):
        gain, low, high = (told.number(p, like=bounds) for p in bounds)
        text = "Treating those targeted instead of as many at random changes the outcome by {0} per unit treated (95% interval {1} to {2})."
        yield say(text, gain.model_copy(update={"unit": _unit_of_ranking(told)}), low, high)


def _unit_of_ranking(told: Told) -> str | None:
    outcome = (told.inputs.get("cate_result") or {}).get("outcome_col")
    return told.labels.unit(str(outcome)) if outcome else None
