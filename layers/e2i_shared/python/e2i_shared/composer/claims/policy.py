"""Sentences about who gets a budget of treatments, and what money comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.claims.told import say, shown_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.api.composition import Claim, ValueRef
    from e2i_shared.composer.claims.told import Told

_MOST_LISTED = 5
_MOST_SEGMENTS = 3


def policy(told: Told) -> Iterator[Claim]:
    """Say who is treated, what that gains, against whom it was compared, and who comes first."""
    treatment, outcome = (told.labels.name(str(told.get(f"/{c}_col"))) for c in ("treatment", "outcome"))
    unit = shown_unit(told.get("/unit"))
    of = "" if unit else f" of {outcome}"
    change = "gains" if (told.get("/expected_gain/estimate") or 0) > 0 else "changes the outcome by"
    whole = told.get("/spent") == told.get("/budget")
    given = "all {0}" if whole else "{0} of the {1}"
    yield say(
        f"Giving {given} {treatment} to {{2}} of {{3}} candidates {change} {{4}}{of} against treating nobody (95% interval {{5}} to {{6}}).",
        *(told.number(f"/{f}") for f in ("spent", "budget", "treated", "candidates")),
        *_gain(told, "/expected_gain", unit),
    )
    yield say(
        "Against as many given at random the difference is {0} (95% interval {1} to {2}), against giving them to the largest volumes {3} (95% interval {4} to {5}).",
        *_gain(told, "/gain_against_random", unit),
        *_gain(told, "/gain_against_volume", unit),
    )
    rows = (told.get("/targets") or [])[:_MOST_LISTED]
    if rows and all(row.get("treatments") == 1 for row in rows):
        slots = ", ".join(f"{{{i}}}" for i in range(len(rows)))
        yield say(f"First in line: {slots}.", *(told.text(f"/targets/{i}/unit") for i in range(len(rows))))
    elif rows:
        slots = ", ".join(f"{{{2 * i}}} ({{{2 * i + 1}}})" for i in range(len(rows)))
        yield say(
            f"First in line, with how many each gets: {slots}.",
            *(
                r
                for i in range(len(rows))
                for r in (told.text(f"/targets/{i}/unit"), told.number(f"/targets/{i}/treatments"))
            ),
        )
    yield from _segments(told)
    nets = ("/net_value", "/net_value_ci_lower", "/net_value_ci_upper")
    if all(told.get(p) is not None for p in nets):
        yield say(
            "After its cost that is worth {0} (95% interval {1} to {2}).", *(told.number(p, like=nets) for p in nets)
        )


def _gain(told: Told, at: str, unit: str | None) -> tuple[ValueRef, ValueRef, ValueRef]:
    bounds = [f"{at}/{f}" for f in ("estimate", "ci_lower", "ci_upper")]
    size, low, high = (told.number(p, like=bounds) for p in bounds)
    return size.model_copy(update={"unit": unit}), low, high


def _segments(told: Told) -> Iterator[Claim]:
    """Say which segments get most of the budget."""
    rows = told.get("/allocation_by_segment") or []
    order = sorted(range(len(rows)), key=lambda i: -rows[i]["share_of_budget"])[:_MOST_SEGMENTS]
    if order:
        slots = ", ".join(f"{{{2 * k}}} ({{{2 * k + 1}}})" for k in range(len(order)))
        refs = [
            r
            for i in order
            for r in (
                told.text(f"/allocation_by_segment/{i}/segment"),
                told.number(f"/allocation_by_segment/{i}/share_of_budget", transform="percent"),
            )
        ]
        yield say(f"Largest shares go to {slots}.", *refs)
