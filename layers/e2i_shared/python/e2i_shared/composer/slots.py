"""Where a sentence speaks of a cause and where of its effect."""

from __future__ import annotations

import re
from dataclasses import dataclass

_VERB = (
    r"(?:rais(?:e[sd]?|ing)|increas(?:e[sd]?|ing)|improv(?:e[sd]?|ing)|boost(?:s|ed|ing)?|lift(?:s|ed|ing)?|grow(?:s|ing)?|grew|drive[sn]?|drove|driving|"
    r"reduc(?:e[sd]?|ing)|lower(?:s|ed|ing)?|decreas(?:e[sd]?|ing)|cut(?:s|ting)?|hurt(?:s|ing)?|affect(?:s|ed|ing)?|impact(?:s|ed|ing)?|"
    r"influenc(?:e[sd]?|ing)|chang(?:e[sd]?|ing)|mov(?:e[sd]?|ing)|shift(?:s|ed|ing)?|help(?:s|ed|ing)?|caus(?:e[sd]?|ing)|lead(?:s|ing)? to|led to|"
    r"result(?:s|ed|ing)? in|translat(?:e[sd]?|ing) (?:in)?to|contribut(?:e[sd]?|ing) to|generat(?:e[sd]?|ing)|produc(?:e[sd]?|ing)|prevent(?:s|ed|ing)?|"
    r"pa(?:y|id|ys) off in|work(?:s|ed)? (?:for|on)|matter(?:s|ed)? (?:for|to)|add(?:s|ed)? to|do(?:es|ne)? (?:to|for)|do to|did to|make[s]? a difference (?:to|in|for))"
)
_PASSIVE = r"(?:raised|increased|driven|caused|affected|influenced|improved|boosted|lifted|reduced|lowered|changed|moved|impacted|explained) by"
_LINK = r"(?:because of|due to|thanks to|owing to|as a result of|attributable to|in response to|resulting from|from)"
_EFFECT = r"(?:effects?|impacts?|influences?|consequences?|benefits?|lift|uplift|payoff)"
_AUX = r"(?:did|does|do|will|would|can|could|has|have|had|is|are|was|were|should)"
_ASK = rf"(?:(?:whether|if|how much|how far|by how much|what|how)\s+)?(?:{_AUX}\s+)?"
_BRING = r"(?:add|bring|generate|produce|create|drive|yield|deliver|contribute|buy|give|gain|get)"

_SHOULD = (
    r"^\W*should (?:we|i)\s+\w+\s+(?:(?:out|up|down|back|in|doing|sending|giving)\s+)?"
    r"(?:(?:more|fewer|less|extra|additional)\s+)?"
)

_LONGEST = 600  # characters of a sub-question that are read; the patterns' time grows with the square

_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        rf"\b{_EFFECT}\s+(?:of|from)\s+(?P<cause>.+?)\s+(?:on|upon|to)\s+(?P<effect>.+)",
        rf"\b{_EFFECT}\s+on\s+(?P<effect>.+?)\s+(?:of|from|by)\s+(?P<cause>.+)",
        rf"\b{_EFFECT}\s+(?:{_AUX}\s+|that\s+)?(?P<cause>.+?)\s+(?:has|have|had|make|made)\s+(?:on|upon)\s+(?P<effect>.+)",
        rf"^(?P<cause>.+?)(?:'s|’s)?\s+(?:{_AUX}\s+)?(?:an?|any|some|no|a real|a causal)?\s*{_EFFECT}\s+(?:on|upon)\s+(?P<effect>.+)",
        rf"\b{_EFFECT}\s+(?:of|from)\s+(?P<cause>.+)",
        rf"\bhow (?:much|many)\s+(?P<cause>.+?)\s+(?:{_AUX}\s+(?:it|we|you|one)\s+)?(?:takes?|needs?|needed)\s+to\s+{_BRING}\s+(?P<effect>.+)",
        rf"\b(?:how much|how many)\s+(?P<effect>.+?)\s+(?:did|does|do|would|will|can)\s+(?P<cause>.+?)\s+{_BRING}\b",
        rf"^(?P<effect>.+?)\s+(?:(?:was|were|is|are|been|being)\s+)?{_PASSIVE}\s+(?P<cause>.+)",
        r"\b(?:relationship|relation|link|association)\s+between\s+(?P<cause>.+?)\s+and\s+(?P<effect>.+)",
        r"\brespon(?:d(?:s|ed|ing)?|ses?|sive)\b(?P<effect>[^?]*?)\s+to\s+(?P<cause>.+)",
        rf"{_SHOULD}(?P<cause>.+?)\s+(?:(?:to|in|for|at|with|among|across)\b.*)?\bto\s+{_VERB}\s+(?P<effect>.+)",
        rf"^\W*{_ASK}(?P<cause>.+?)\s+(?P<verb>{_VERB})\s+(?P<effect>.+)",
        rf"^(?P<effect>.+?)\s+{_LINK}\s+(?P<cause>.+)",
        rf"{_SHOULD}(?P<cause>.+?)(?:\s+(?:to|in|for|at|with|among|across)\b.*|\W*$)",
        rf"^\W*{_ASK}(?P<cause>.+?)\s+(?:work(?:s|ed)?|pay off|paid off|help(?:s|ed)?|matter(?:s|ed)?|make[s]? a difference)\b",
    )
)
_INTRANSITIVE = re.compile(r"^(?:with|when|as|after|from|because|due|following|once|if|in response)\b", re.IGNORECASE)
_WHERE = re.compile(r"^help\w*\s+(?:in|at|on|among|amongst|across|within|during|over)\b", re.IGNORECASE)
_TAIL = re.compile(
    r"\s+(?:in|for|among|amongst|by|during|over|across|within|at|since|between|when|where|after|before|per|and (?:which|who|what|how|does|did|is))\b.*|[,;:?.!(].*",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Slots:
    """Spans ``(start, end)`` of the cause and the effect in a text; None where the text does not say."""

    cause: tuple[int, int] | None = None
    effect: tuple[int, int] | None = None


def causal_slots(text: str) -> Slots:
    """Return the spans of cause and effect, as in ``did X raise Y``, ``effect of X on Y``, ``Y because of X``."""
    for pattern in _PATTERNS:
        match = pattern.search(text[:_LONGEST])
        if match:
            return _slots(match)
    return Slots()


def _slots(match: re.Match[str]) -> Slots:
    groups = match.groupdict()
    cause = match.span("cause")
    effect = match.span("effect") if groups.get("effect") else None
    if effect and groups.get("verb") and _WHERE.match(f"{groups['verb']} {groups['effect']}"):
        return Slots(cause)  # "do visits help at clinics": where, not what
    if effect and groups.get("verb") and _INTRANSITIVE.match(groups["effect"]):
        return Slots(effect, cause)  # "did TRx change with rep visits": the subject is the effect
    return Slots(cause, effect)


def core_phrase(text: str, span: tuple[int, int]) -> str:
    """Return the noun phrase of a span, without what follows its first preposition or comma."""
    phrase = _TAIL.sub("", text[slice(*span)]).strip(" \t\n'\"?!.")
    return re.sub(
        r"^(?:the|a|an|our|more|fewer|less|extra|additional|any|each|one|using|having)\s+",
        "",
        phrase,
        flags=re.IGNORECASE,
    )
