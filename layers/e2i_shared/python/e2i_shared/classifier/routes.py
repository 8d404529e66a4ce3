"""The route: which pattern, which agents, how sure, and why in a sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.api.classification import AGENTS, Domain, RoutingPattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.classifier.linear import LinearModel

_LONG = 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the earlier stages were sure of: the least sure decision of each.

    ``kinds`` and ``longest`` tell of a part that may hide a second question: how many kinds of cue it holds and how many
    words; ``signed`` tells whether any part leans on an earlier one by a word that can be pointed at.
    """

    boundary: float
    domain: float
    link: float
    parts: int
    nothing: float
    followup: bool
    strange_share: float
    kinds: int = 1
    longest: int = 1
    signed: bool = False


def pattern_of(domains: Sequence[Domain], edges: int) -> RoutingPattern:
    """Return the pattern by the table of routing patterns."""
    if not domains:
        return RoutingPattern.CLARIFICATION_NEEDED
    if len(domains) == 1:
        return RoutingPattern.SINGLE_AGENT
    return RoutingPattern.TOOL_COMPOSER if edges else RoutingPattern.PARALLEL_DELEGATION


def agents_of(domains: Sequence[Domain]) -> list[str]:
    """Return the agents in the order in which they answer."""
    return [AGENTS[domain] for domain in domains]


def confidence_features(pattern: str, evidence: Evidence) -> dict[str, float]:
    """Return what the calibrated confidence is computed from."""
    odds = {name: _log_odds(getattr(evidence, name)) for name in ("boundary", "domain", "link")}
    several = evidence.parts > 1
    return {
        f"{pattern}|domain": odds["domain"],
        f"{pattern}|boundary": odds["boundary"],
        f"{pattern}|link": odds["link"] if several else 0.0,
        f"pattern={pattern}": 1.0,
        "domain": odds["domain"],
        "boundary": odds["boundary"],
        "link": odds["link"] if several else 0.0,
        "several": float(several),
        "many": float(evidence.parts > 3),
        "nothing": evidence.nothing,
        "followup": float(evidence.followup),
        "strange": evidence.strange_share,
        f"{pattern}|kinds": float(evidence.kinds > 1),
        f"{pattern}|longest": min(evidence.longest, _LONG) / _LONG,
        f"{pattern}|signed": float(evidence.signed),
    }


def _log_odds(probability: float) -> float:
    """Return the log odds, bounded."""
    bounded = min(max(probability, 0.01), 0.995)
    return math.log(bounded / (1 - bounded))


def confidence(pattern: str, evidence: Evidence, model: LinearModel) -> float:
    """Return the calibrated probability that the pattern is right."""
    return round(model.probabilities(confidence_features(pattern, evidence))["1"], 4)


def reason_of(pattern: RoutingPattern, domains: Sequence[Domain], parts: int, kinds: Sequence[str]) -> str:
    """Return one sentence that a user can check."""
    names = ", ".join(domain.value for domain in domains)
    if pattern is RoutingPattern.CLARIFICATION_NEEDED:
        return "No part of the query asks one of the nine kinds of question."
    if pattern is RoutingPattern.SINGLE_AGENT:
        return f"One kind of question ({names})" + (f" in {parts} parts." if parts > 1 else ".")
    if pattern is RoutingPattern.PARALLEL_DELEGATION:
        return f"{parts} parts of {len(domains)} kinds ({names}), none of which needs another's answer."
    links = ", ".join(sorted({kind.lower().replace("_", " ") for kind in kinds}))
    return f"{parts} parts of {len(domains)} kinds ({names}), linked by {links}."
