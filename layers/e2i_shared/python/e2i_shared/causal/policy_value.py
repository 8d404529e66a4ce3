"""What a policy is worth: the doubly robust gain of giving a budget to some units rather than to others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.inference import cluster_sums, interval
from e2i_shared.errors import UnprocessableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.results import Inference

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """Totals over the units, in outcome units: against treating nobody, the same budget at random, and by volume."""

    gain: Inference
    against_random: Inference
    against_volume: Inference | None


def allocate(priority: Floats, budget: float, most: Floats) -> Floats:
    """Return doses (U,): up to ``most`` (U,) to the units of highest priority (U,) until the budget is spent; ties by order.

    Effects are linear in the dose, so the optimum is greedy. Raises UnprocessableError for a budget that is not positive.
    """
    if not budget > 0:
        raise UnprocessableError(
            f"A budget of {budget:g} treats nobody.",
            field="budget",
            expected="a positive number of treatments",
            got=f"{budget:g}",
        )
    order = np.argsort(-priority, kind="stable")
    before = np.cumsum(most[order]) - most[order]
    doses = np.zeros(len(priority))
    doses[order] = np.clip(budget - before, 0.0, most[order])
    return doses


def at_random(budget: float, most: Floats) -> Floats:
    """Return the mean doses (U,) when the budget goes to units in random order, each filled up to ``most`` (U,)."""
    room = float(most.sum())
    return most * (min(budget, room) / room) if room > 0 else np.zeros(len(most))


def policy_value(
    scores: Floats, doses: Floats, most: Floats, by_volume: Floats | None, clusters: Codes | None = None
) -> PolicyValue:
    """Return the value of giving ``doses`` (U,), from the units' doubly robust scores Γ (U,) of one more unit of treatment.

    V̂ = Σ_u d_u·Γ_u (Athey & Wager 2021); against random, Σ_u (d_u − d̄_u)·Γ_u with d̄ what random order gives the same total;
    against volume, Σ_u (d_u − d'_u)·Γ_u. A unit's dose must not be learnt from its own outcome: priorities come out of fold, so the
    policy is never judged on rows it was trained on. Assumes what the scores assume, and effects linear in the dose.
    """
    even = at_random(float(doses.sum()), most)
    volume = None if by_volume is None else total(scores, doses - by_volume, clusters)
    return PolicyValue(total(scores, doses, clusters), total(scores, doses - even, clusters), volume)


def total(scores: Floats, weights: Floats, clusters: Codes | None) -> Inference:
    """Return Σ w·Γ (U,) with its interval, clusters summed.

    The units are given and w fixed, so that Var Σ w·Γ = Σ w²·Var(Γ|X), which the spread of Γ about its mean bounds from above.
    """
    sums = cluster_sums(weights * (scores - scores.mean()), clusters)
    units = len(sums)
    error = float(np.sqrt((sums**2).sum() * units / max(units - 1, 1)))
    return interval(float(weights @ scores), error, max(units - 1, 1))
