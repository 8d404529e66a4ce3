"""The grounding check: every number, date, sign and significance word of an answer must come from a tool's output.

A number in a part must equal, within the rounding it shows and in the unit it bears, a value that the part's claims reference
(or a declared derivation of one), or stand in the question. A caveat's numbers must stand in a text that a tool or the plan
wrote, quoted word for word. A part must read exactly as its claims print, and the whole text as its parts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from e2i_shared.composer.numbers import find_numbers
from e2i_shared.composer.render import render_part, render_text, unit_of, value_of
from e2i_shared.composer.wording import wording_problems
from e2i_shared.errors import UngroundedAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.api.composition import Answer, Claim, MissingPart
    from e2i_shared.composer.numbers import Found

_CONFIDENCE = re.compile(r"\b95\s?%(?=\s+(?:confidence\s+)?(?:interval|CI|bounds?))")
_CITATION = re.compile(r"\[\d+\]")
_UNIT_WORD = re.compile(r"^\s?([A-Za-z$€£%]+)")
_KNOWN_UNITS = frozenset(
    (
        "kg",
        "g",
        "lb",
        "lbs",
        "pounds",
        "usd",
        "eur",
        "dollars",
        "euros",
        "trx",
        "nrx",
        "weeks",
        "months",
        "days",
        "years",
        "hours",
        "percentage",
    )
)
_P = "p"
_P_EQUALS = re.compile(r"\bp(?:[- ]value)?\s*(?:=|is|of|was)\s*$", re.IGNORECASE)
_CURRENCIES = {"$": "usd", "€": "eur", "£": "gbp"}
_LEAST_P = 0.05
_SHORTEST_QUOTE = 4  # a label such as "1" must not hide digits


@dataclass(frozen=True, slots=True)
class Value:
    """A number an answer may show, with its unit where that is known."""

    value: float
    unit: str | None = None


@dataclass(slots=True)
class Sources:
    """What one stretch of text may show: values, numbers of ``spoken`` texts, and ``quoted`` texts word for word."""

    values: list[Value] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    quoted: list[str] = field(default_factory=list)

    def joined(self, *others: Sources) -> Sources:
        """Return the union with others."""
        made = Sources(list(self.values), list(self.spoken), list(self.quoted))
        for other in others:
            made.values += other.values
            made.spoken += other.spoken
            made.quoted += other.quoted
        return made


def check_answer(
    answer: Answer,
    outputs: Mapping[int, Json],
    question: str,
    *,
    missing: Sequence[MissingPart] = (),
    extra: Sequence[str] = (),
    reports: Sequence[str] = (),
    names: Sequence[str] = (),
) -> list[str]:
    """Return what is not grounded, empty when all is.

    ``extra`` are texts of the plan (filters, notes), whose numbers may be used; ``reports`` are steps' error messages and methods,
    which caveats and the report may quote; ``names`` are what columns are called.
    """
    said = Sources(spoken=[question, *extra], quoted=[question, *extra])
    own = [said.joined(_from_claims(p.claims, outputs)) for p in answer.parts]
    every = said.joined(*own)
    reported = [*(m.question for m in missing), *(m.reason for m in missing), *answer.caveats]
    problems: list[str] = []
    for part, sources in zip(answer.parts, own, strict=True):
        found = _part_problems(part.text, part.claims, outputs, sources, names)
        problems += [f"{part.sub_question}: {p}" for p in found]
    for name, text, sources in (
        ("headline", answer.headline, every),
        ("next step", answer.next_step or "", every),
        ("text", answer.text, every.joined(Sources(quoted=reported))),
        ("summary", answer.summary, every.joined(Sources(quoted=reported))),
        ("report", answer.report, every.joined(Sources(quoted=[*reported, *reports, *_texts(outputs)]))),
        *(("caveat", c, said.joined(Sources(quoted=[*_texts(outputs), *reports]))) for c in answer.caveats),
    ):
        problems += [f"{name}: {p}" for p in check_text(text, sources)]
    claims = [c for p in answer.parts for c in p.claims]
    problems += [f"headline: {p}" for p in wording_problems(answer.headline, claims, outputs, names)]
    if answer.text != render_text(answer.headline, answer.parts, missing, answer.caveats, answer.next_step):
        problems.append("text: it does not read as its headline, parts and caveats do")
    return problems


def require_grounded(problems: Sequence[str]) -> None:
    """Raise UngroundedAnswerError when there are problems."""
    if problems:
        raise UngroundedAnswerError(f"The answer is not grounded: {'; '.join(problems[:3])}.", candidates=problems)


def _part_problems(
    text: str, claims: Sequence[Claim], outputs: Mapping[int, Json], sources: Sources, names: Sequence[str]
) -> Iterator[str]:
    try:
        printed = render_part(claims, outputs)
    except UngroundedAnswerError as error:
        yield error.message
        return
    yield from check_text(text, sources)
    for claim in claims:
        yield from wording_problems(claim.text, [claim], outputs, names)
    if text != printed:
        yield "the text differs from what its claims print"


def check_text(text: str, sources: Sources) -> list[str]:
    """Return the numbers and dates of a text that no source holds."""
    plain = _plain(text)
    quotes = {q for q in map(_plain, sources.quoted) if len(q) >= _SHORTEST_QUOTE and q in plain}
    for quoted in sorted(quotes, key=len, reverse=True):
        plain = plain.replace(quoted, "¤" * len(quoted))
    spoken = {(n.text.lower().strip(), n.kind) for t in sources.spoken for n in find_numbers(t)}
    return [
        f"{found.text.strip()!r} is in no output and not in the question"
        for found in find_numbers(plain)
        if (found.text.lower().strip(), found.kind) not in spoken and not _supported(found, plain, sources)
    ]


def _plain(text: str) -> str:
    """Return a text of the same length without citations and the level of its intervals."""
    return _CONFIDENCE.sub(lambda m: "¤" * len(m[0]), _CITATION.sub(lambda m: " " * len(m[0]), text))


def _supported(found: Found, text: str, sources: Sources) -> bool:
    if found.kind in {"date", "word"}:
        return False  # the renderer prints values in digits: dates and number words can only be quoted
    if found.less_than:
        return found.value <= _LEAST_P and any(v.unit == _P and 0 <= v.value < found.value for v in sources.values)
    unit = _unit_at(found, text)
    values = [v for v in sources.values if v.unit == _P] if _P_EQUALS.search(text[: found.start]) else sources.values
    return any(_matches(found, v, unit) for v in values)


def _unit_at(found: Found, text: str) -> str | None:
    """Return the unit written at a number, None when there is none we know."""
    if found.kind == "percent":
        return "%"
    if found.kind == "currency":
        return next(unit for sign, unit in _CURRENCIES.items() if sign in found.text)
    following = _UNIT_WORD.match(text[found.end :])
    word = following[1].lower() if following else ""
    return word if word in _KNOWN_UNITS else None


def _matches(found: Found, known: Value, unit: str | None) -> bool:
    slack = found.tolerance * (1 + 1e-9) + 1e-12
    if abs(found.value - known.value) > slack:
        return False
    expected = known.unit.lower() if known.unit else None
    if unit == "%" or expected == "%":
        return unit == expected
    return unit is None or (expected is not None and unit in {expected, expected.split()[0]})


def _from_claims(claims: Iterable[Claim], outputs: Mapping[int, Json]) -> Sources:
    sources = Sources()
    for ref in (r for c in claims for r in c.value_refs):
        try:
            value = value_of(ref, outputs)
        except UngroundedAnswerError:
            continue
        if isinstance(value, str):
            sources.spoken.append(value)
            sources.quoted.append(value)
        else:
            unit = _P if ref.format == "p" else unit_of(ref)
            sources.values.append(Value(value, unit))
    return sources


def _texts(outputs: Mapping[int, Json]) -> list[str]:
    """Return what the tools themselves say beside their numbers."""
    said = (output.get(name) or [] for output in outputs.values() for name in ("warnings", "assumptions", "caveats"))
    methods = [m.rstrip(".") for output in outputs.values() if isinstance(m := output.get("method"), str)]
    return [*methods, *(text for texts in said for text in texts if isinstance(text, str))]
