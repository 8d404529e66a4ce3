"""What a sub-question of a domain asks for, told by its words; this decides which tool answers it."""

from __future__ import annotations

import re
from enum import StrEnum

from e2i_shared.api.classification import Domain


class Intent(StrEnum):
    """The kinds of request the planner tells apart."""

    EFFECT = "effect"
    ROBUSTNESS = "robustness"
    CHANGE = "change"
    DRIVERS = "drivers"
    SEGMENTS = "segments"
    POLICY = "policy"
    GAP = "gap"
    ROI = "roi"
    POWER = "power"
    SIMULATION = "simulation"
    BOUNDARIES = "boundaries"
    DESIGN = "design"
    KPI = "kpi"
    PREDICTION = "prediction"
    MONITORING = "monitoring"
    COHORT = "cohort"
    EXPLANATION = "explanation"


_ROBUSTNESS = (
    r"\b(?:refut\w*|robust\w*|placebo|surviv\w*|hold(?:s|ing)? up|held up|stand(?:s)? up|stood up|sensitiv\w*|unobserved|unmeasured|hidden|"
    r"confound\w*|trust(?:worthy|ed)?|believ\w*|spurious|e-?value|fragil\w*|stress[\s-]test\w*|causal or (?:just )?correl\w*|robustness value|(?:is|are) (?:it|that|this|they) (?:real|genuine))\b"
)
_CHANGE = (
    r"\bwhy\b.*\b(?:drop|dropp?ed|fall|fell|fallen|declin\w*|decreas\w*|ris(?:e|en)|rose|grew|grow|increas\w*|chang\w*|jump\w*|spik\w*|dip\w*|down|up|lower|higher|slow\w*|plung\w*|miss\w*|lost|lose|shift\w*|soft\w*|weak\w*)\b"
    r"|\b(?:what|which)\b.*\b(?:caused|behind|explains?|is behind|drove)\b.*\b(?:drop|fall|decline|decrease|rise|increase|change|jump|spike|dip|slump|growth|gain|loss|shift)\b"
    r"|\broot[\s-]cause"
)
_DRIVERS = r"\b(?:(?:what|which)\s+(?:\w+\s+){0,3}(?:drives?|drove|driving|drivers?|levers?|factors?|tactics?|channels?|matters?|influences?)|key drivers?|drivers of|main drivers?)\b"
_SIMULATION = r"\b(?:what (?:would|will|could) happen|what if|simulat\w*|suppose|counterfactual|what would .* do\b|what would .* (?:change|move|be)\b|pre-?screen\w*|digital twin|\d+\s*% (?:more|fewer|less)|if we (?:cut|double|increase|add|reduce|doubled|added|stopped|raise[d]?|dropped))\b"
_BOUNDARIES = (
    r"\b(?:stopping bound\w*|interim|o['’]?brien|pocock|haybittle|alpha[\s-]spending|early stopping|stop early)\b"
)
_POWER = r"\b(?:power\w*|sample size\w*|how (?:many|large|big|long)|size (?:a|the|an|of)|sizing|detect\w*|mde|minimum detectable|per arm|duration|weeks?)\b"
_POLICY = r"\b(?:allocat\w*|budget of|with \d+ (?:extra|more|additional)|where should (?:the|we)|who should get|extra calls|optimi[sz]\w*)\b"
_ROI = r"\b(?:roi|return on (?:investment|spend)|payback|pay back|break[\s-]?even|npv|worth the (?:money|cost))\b"

_RULES: dict[Domain, tuple[tuple[str, Intent], ...]] = {
    Domain.CAUSAL: (
        (_ROBUSTNESS, Intent.ROBUSTNESS),
        (_CHANGE, Intent.CHANGE),
        (_DRIVERS, Intent.DRIVERS),
        (r"", Intent.EFFECT),
    ),
    Domain.SEGMENTATION: ((_POLICY, Intent.POLICY), (r"", Intent.SEGMENTS)),
    Domain.GAP: ((_ROI, Intent.ROI), (r"", Intent.GAP)),
    Domain.EXPERIMENT: (
        (_BOUNDARIES, Intent.BOUNDARIES),
        (_SIMULATION, Intent.SIMULATION),
        (_POWER, Intent.POWER),
        (r"", Intent.DESIGN),
    ),
    Domain.KPI: ((r"", Intent.KPI),),
    Domain.PREDICTION: ((r"", Intent.PREDICTION),),
    Domain.MONITORING: ((r"", Intent.MONITORING),),
    Domain.COHORT: ((r"", Intent.COHORT),),
    Domain.EXPLANATION: ((r"", Intent.EXPLANATION),),
}
RANKING = re.compile(
    r"\b(?:most|least|best|worst|top|bottom|rank\w*|highest|lowest|strongest|weakest|priorit\w*|target\w*|focus\w*|where|who|which|better|worse)\b",
    re.IGNORECASE,
)


def intent_of(domain: Domain, text: str) -> Intent:
    """Return what a sub-question asks for."""
    return next(intent for pattern, intent in _RULES[domain] if re.search(pattern, text, re.IGNORECASE | re.DOTALL))
