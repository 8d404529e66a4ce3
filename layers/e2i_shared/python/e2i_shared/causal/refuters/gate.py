"""All refuters, and what they say together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.causal.refuters.bootstrap import Bootstrap
from e2i_shared.causal.refuters.data_subset import DataSubset
from e2i_shared.causal.refuters.negative_control import NegativeControlOutcome
from e2i_shared.causal.refuters.placebo_treatment import PlaceboTreatment
from e2i_shared.causal.refuters.random_common_cause import RandomCommonCause
from e2i_shared.causal.refuters.unobserved_common_cause import UnobservedCommonCause
from e2i_shared.causal.results import Gate
from e2i_shared.causal.threads import one_thread_each

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.causal.refuters.base import Case, Refuter
    from e2i_shared.causal.results import Refutation, Verdict

REFUTERS: Mapping[str, Refuter] = {
    refuter.name: refuter
    for refuter in (
        PlaceboTreatment(),
        RandomCommonCause(),
        DataSubset(),
        Bootstrap(),
        UnobservedCommonCause(),
        NegativeControlOutcome(),
    )
}
WEIGHTS: Mapping[str, float] = {
    "placebo_treatment": 0.2,
    "random_common_cause": 0.12,
    "data_subset": 0.16,
    "bootstrap": 0.12,
    "unobserved_common_cause": 0.2,
    "negative_control_outcome": 0.2,
}
BLOCK_BELOW = 0.5


def refute(case: Case, names: Sequence[str]) -> list[Refutation]:
    """Run the refuters of these names, in the order given."""
    with one_thread_each():
        return [REFUTERS[name].refute(case) for name in names]


def gate(results: Sequence[Refutation]) -> Gate:
    """Return proceed where all passed; block where less than half of the weight passed; review otherwise."""
    total = sum(WEIGHTS[r.name] for r in results)
    confidence = round(sum(WEIGHTS[r.name] for r in results if r.passed) / total, 4)
    failed = [r.name for r in results if not r.passed]
    if not failed:
        return Gate("proceed", confidence, "The claim survived every test.")
    verdict: Verdict = "block" if confidence < BLOCK_BELOW else "review"
    return Gate(verdict, confidence, f"The claim did not survive: {', '.join(failed)}.")
