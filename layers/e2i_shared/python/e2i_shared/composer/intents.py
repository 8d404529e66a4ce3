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
    FORECAST = "forecast"
    RISK = "risk"
    PROPENSITY = "propensity"
    DRIFT = "drift"
    COMPARISON = "comparison"
    HEALTH = "health"
    COHORT = "cohort"
    EXPLANATION = "explanation"


_ROBUSTNESS = (
    r"\b(?:refut\w*|robust\w*|placebo|surviv\w*|hold(?:s|ing)? up|held up|stand(?:s)? up|stood up|sensitiv\w*|unobserved|unmeasured|hidden|"
    r"confound\w*|trust(?:worthy|ed)?|believ\w*|spurious|e-?value|fragil\w*|stress[\s-]test\w*|causal or (?:just )?correl\w*|robustness value|(?:is|are) (?:it|that|this|they|the effects?\b.*) (?:real|genuine)|how (?:confident|sure|certain))\b"
)
_CHANGE = (
    r"\bwhy\b.*\b(?:drop|dropp?ed|fall|fell|fallen|declin\w*|decreas\w*|ris(?:e|en)|rose|grew|grow|increas\w*|chang\w*|jump\w*|spik\w*|dip\w*|down|up|lower|higher|less|fewer|worse|better|behind|ahead|slow\w*|plung\w*|miss\w*|lost|lose|shift\w*|soft\w*|weak\w*)\b"
    r"|\b(?:what|which)\b.*\b(?:caused|behind|explains?|is behind|drove)\b.*\b(?:drop|fall|decline|decrease|rise|increase|change|jump|spike|dip|slump|growth|gain|loss|shift)\b"
    r"|\broot[\s-]cause|\bwhat (?:happened|went wrong)\b"
)
_DRIVERS = r"\b(?:(?:what|which)\s+(?:\w+\s+){0,3}(?:drives?|drove|driving|drivers?|levers?|factors?|tactics?|channels?|matters?|influences?)|key drivers?|drivers of|main drivers?)\b"
_SIMULATION = r"\b(?:what (?:would|will|could) happen|(?:would|could) (?:we|i) (?:get|gain|see|have|lose)\b.*\bif|what if|simulat\w*|suppose|counterfactual|what would .* do\b|what would .* (?:change|move|be)\b|pre-?screen\w*|digital twin|\d+\s*% (?:more|fewer|less)|if we (?:cut|double|increase|add|reduce|doubled|added|stopped|raise[d]?|dropped))\b"
_GOING = (
    r"^\W*(?:is|are|was|were|has|have|how (?:is|are))\b.*\b(?:grow(?:ing|n)|declin(?:ing|ed)|rising|risen|falling|fallen|shrinking|shrunk|improv(?:ing|ed)|worsen(?:ing|ed)|getting (?:better|worse)|increas(?:ing|ed)|"
    r"decreas(?:ing|ed)|trending|going (?:up|down))\b(?=\W*$|\s+(?:or|and|over|in|for|since|this|last|by|than|across|faster|slower|again|up|down)\b)"
)
_BOUNDARIES = (
    r"\b(?:stopping bound\w*|interim|o['’]?brien|pocock|haybittle|alpha[\s-]spending|early stopping|stop early)\b"
)
_POWER = r"\b(?:power\w*|sample size\w*|how (?:many|large|big|long)|size (?:a|the|an|of)|sizing|detect\w*|mde|minimum detectable|per arm|duration|weeks?)\b"
_POLICY = r"\b(?:allocat\w*|budget of|(?:with|have|spend|place|use|give) \d[\d,]* (?:extra|more|additional|spare)|where should (?:the|we)|(?:who|which \w+) should (?:get|receive|be given|we (?:give|visit|call|send))|extra calls|optimi[sz]\w*)\b"
_ROI = r"[$€£]\s?\d|\b\d[\d,.]*\s*(?:dollars?|usd|euros?|eur|pounds?|gbp)\b|\b(?:roi|return on (?:investment|spend)|payback|pay back|break[\s-]?even|npv|worth the (?:money|cost))\b"

_PROPENSITY = (
    r"\bpropensity\b|\boverlap\b|\b(?:how likely|likelihood|probab\w*|chance)\b.*\b(?:gets?|getting|receiv\w*|treated|visited|"
    r"enrol\w*|be given|given|offered|targeted|assigned)\b|\bpositivity\b"
)
_RISK = (
    r"\brisks?\b|\bchurn\w*|\bdiscontinu\w*|\bnon-?adheren\w*|\bnon-?complian\w*|\badverse\b|\bdrop(?:ping)?[\s-]?(?:out|off)\b|\battrition\b|"
    r"\bstop(?:ping|s)? (?:the |their )?(?:therapy|treatment|taking|medication)\b|\b(?:lapse|relapse|quit)\w*\b|\blikely to (?:stop|leave|switch)\b"
)
_DRIFT = r"\bdrift\w*|\bpsi\b|\bpopulation stability\b|\bdistribution\b.*\b(?:shift|chang|mov)\w*|\b(?:shift|chang|mov)\w*\b.*\bdistribution\b|\bstab(?:le|ility)\b"
_COMPARISON = r"\bcompar\w*|\bdistribut\w*|\bdiffer\w*|\bversus\b|\bvs\b"

_RULES: dict[Domain, tuple[tuple[str, Intent], ...]] = {
    Domain.CAUSAL: (
        (_ROBUSTNESS, Intent.ROBUSTNESS),
        (_CHANGE, Intent.CHANGE),
        (rf"{_DRIVERS}|^\W*why (?:do|does|are|is)\b", Intent.DRIVERS),
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
    Domain.PREDICTION: ((_PROPENSITY, Intent.PROPENSITY), (_RISK, Intent.RISK), (r"", Intent.FORECAST)),
    Domain.MONITORING: ((_DRIFT, Intent.DRIFT), (_COMPARISON, Intent.COMPARISON), (r"", Intent.HEALTH)),
    Domain.COHORT: ((r"", Intent.COHORT),),
    Domain.EXPLANATION: ((r"", Intent.EXPLANATION),),
}
RANKING = re.compile(
    r"\b(?:most|least|best|worst|top|bottom|rank\w*|highest|lowest|strongest|weakest|priorit\w*|target\w*|focus\w*|where|who|which|better|worse)\b",
    re.IGNORECASE,
)


TARGETING = re.compile(
    r"\b(?:reach|get|go|giv|target|visit|call|send|treat|serv|us|help|support|focus)\w*\b.*\b(?:right|wrong|those who (?:need|benefit|respond|gain))\b"
    r"|\bwell[\s-]targeted\b",
    re.IGNORECASE | re.DOTALL,
)
_WORTH = r"\b(?:worth(?:while)?(?=\s*(?:it|doing|having|keeping|continuing|expanding|sending|making|giving|running|offering|the (?:money|cost|costs|effort|price|spend|investment))?\b)|pay(?:s|ing)? off)\b"
_MORE_OR_LESS = (
    r"^\W*should (?:we|i)\s+(?:(?!\w+\s+\d)\w+\s+(?:out\s+|up\s+|down\s+|back\s+)?(?:more|fewer|less|extra|additional)|stop|continue|keep|expand|extend|increase|raise|"
    r"reduce|cut|drop|double|halve|scale|roll|grow|invest|end)\b"
)
DECISION = re.compile(rf"{_WORTH}|{_MORE_OR_LESS}", re.IGNORECASE)
_NO_TEST = r"(?!.*\b(?:test|tests|testing|experiment\w*|trial|pilot\w*|sample size|randomi[sz]\w*|arms?|power)\b)"
_NO_PRICE = r"(?!.*(?:[$€£]\s?\d|\b\d[\d,.]*\s*(?:dollars?|usd|euros?|eur|pounds?|gbp)\b))"

_OVERRULED: tuple[tuple[frozenset[Domain], str, Domain], ...] = (
    (
        frozenset({Domain.PREDICTION, Domain.MONITORING, Domain.GAP}),
        r"^\W*(?:are|is|did|have|has|do|does)\b(?!.*\b(?:which|by)\b).*\b(?:on track|on target|(?:hit|meet|met|beat)\w* (?:target|quota|goal)s?)\b",
        Domain.KPI,
    ),
    (
        frozenset({Domain.CAUSAL, Domain.MONITORING}),
        rf"{_GOING}|^\W*(?:is|are) there (?:an?y? |some )?(?:\w+ )?(?:trends?|patterns?|seasonality)\b",
        Domain.KPI,
    ),
    (
        frozenset({Domain.EXPERIMENT, Domain.KPI}),
        r"\bhow many\b.*\b(?:take|need)\w* to (?:get|gain|win|add|bring|make|produce)\b",
        Domain.CAUSAL,
    ),
    (
        frozenset({Domain.GAP, Domain.SEGMENTATION, Domain.EXPERIMENT, Domain.KPI}),
        rf"^(?=\W*(?:is|are|was|were|do|does|did)\b){_NO_PRICE}(?!.*\b(?:gaps?|clos(?:e|ing)|which|who)\b).*{_WORTH}",
        Domain.CAUSAL,
    ),
    (
        frozenset({Domain.SEGMENTATION, Domain.EXPERIMENT, Domain.KPI}),
        rf"^(?!{_NO_PRICE})(?!.*\b(?:which|who)\b).*\bworth\b",
        Domain.GAP,
    ),
    (
        frozenset({Domain.EXPERIMENT, Domain.SEGMENTATION, Domain.KPI, Domain.COHORT, Domain.GAP}),
        rf"{_NO_TEST}{_NO_PRICE}{_MORE_OR_LESS}",
        Domain.CAUSAL,
    ),
    (
        frozenset({Domain.CAUSAL, Domain.COHORT, Domain.KPI, Domain.MONITORING, Domain.GAP}),
        rf"^(?=\W*(?:are|is|do|does|did|have|has)\b).*(?:{TARGETING.pattern})",
        Domain.SEGMENTATION,
    ),
    (
        frozenset(Domain) - {Domain.EXPERIMENT},
        r"(?=.*\d).*\b(?:stopping bound\w*|o['’]?brien|pocock|haybittle)",
        Domain.EXPERIMENT,
    ),
    (
        frozenset({Domain.CAUSAL, Domain.EXPLANATION, Domain.COHORT, Domain.MONITORING, Domain.EXPERIMENT}),
        r"\bpropensity (?:of|to|for)\b|\boverlap between\b",
        Domain.PREDICTION,
    ),
    (
        frozenset({Domain.EXPERIMENT, Domain.GAP, Domain.CAUSAL, Domain.COHORT, Domain.PREDICTION, Domain.KPI}),
        r"(?=.*\d).*\b(?:allocat\w*|(?:who|which \w+) should (?:get|receive)|where should we)\b",
        Domain.SEGMENTATION,
    ),
    (
        frozenset({Domain.MONITORING, Domain.EXPLANATION, Domain.KPI, Domain.EXPERIMENT, Domain.PREDICTION}),
        r"\b(?:how (?:confident|sure|certain) (?:are|can|should) (?:we|you|i)|placebo test|survive\w* refutation|can we (?:trust|believe) (?:it|that|this)|hidden confounder)\b",
        Domain.CAUSAL,
    ),
    (
        frozenset({Domain.COHORT, Domain.KPI}),
        (
            r"^(?!.*\b(?:cohort|build|define|create|select)\b)\W*(?:do|does|did|has|have|can|could|will|how many more|how much more|how much)\b"
            r".*\b(?:improv|rais|increas|reduc|lower|boost|lift|caus|affect|bring|add|generat|prevent)\w*\b"
        ),
        Domain.CAUSAL,
    ),
    (
        frozenset({Domain.GAP, Domain.KPI, Domain.SEGMENTATION, Domain.COHORT}),
        (
            r"^(?!.*\b(?:cohort|behind|below|trail\w*|gaps?|benchmark|median|target|top decile|underperform\w*|effect|respon\w*)\b)"
            r"\W*(?:compare\b.*\bbetween\b.*\band\b|.*\bdistribution of\b)"
        ),
        Domain.MONITORING,
    ),
)


def settled_domain(domain: Domain, text: str) -> Domain:
    """Return the domain whose tools answer a text: the router's, unless words that only one tool understands say otherwise."""
    for overruled, pattern, meant in _OVERRULED:
        if domain in overruled and re.search(pattern, text, re.IGNORECASE | re.DOTALL):
            return meant
    return domain


def intent_of(domain: Domain, text: str) -> Intent:
    """Return what a sub-question asks for."""
    return next(intent for pattern, intent in _RULES[domain] if re.search(pattern, text, re.IGNORECASE | re.DOTALL))
