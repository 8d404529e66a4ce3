"""Putting an explanation together from the glossary, the KPI catalogue, a past composition and a given output."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from e2i_shared.errors import UnknownValueError, UnprocessableError
from e2i_shared.tools import _glossary, _past
from e2i_shared.tools._parts import Part, cite

if TYPE_CHECKING:
    from e2i_shared.tools._glossary import Named
    from e2i_shared.tools._records import PastComposition, Records
    from e2i_shared.tools.result_explainer import Params

LATEST = "latest"
_MOST_TERMS = 6
_POINTS_BACK = re.compile(
    r"\b(?:last|latest|previous|prior|above|that|those|this|these|your|our|earlier)\s+(?:\w+\s+){0,2}?"
    r"(?:answers?|results?|findings?|estimates?|analys[ie]s|numbers?|compositions?|recommendations?|simulations?|effects?|"
    r"conclusions?|outputs?|outcomes?)\b|\bthe (?:results?|findings?|answer|analysis|simulation)\b|"
    r"\b(?:you|we|it) (?:just )?(?:found|said|got|estimated|computed|concluded)\b|"
    r"\b(?:explain|interpret|summari[sz]e|unpack)\s+(?:it|that|this|them|these|those)\b",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Explanation:
    """What was put together."""

    subject: Literal["term", "kpi", "composition", "output", "several"]
    title: str
    parts: list[Part]
    terms: list[str] = field(default_factory=list)
    kpis: list[str] = field(default_factory=list)
    composition_id: str | None = None
    related: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def explain(params: Params, records: Records | None) -> Explanation:
    """Return the explanation of all that is asked for; raise as ``result_explainer.run`` does."""
    named, past = _named(params), None
    if params.composition_id or params.step or params.tool or _points_back(params, named):
        past = _past.find(params.composition_id or LATEST, params.session_id, records)
    if not (named or past or params.result):
        raise _nothing(params)
    made = [_of_name(each) for each in named]
    if past:
        made.append(_of_past(past, params))
    if params.result is not None:
        made.append(_of_output(params))
    return _joined(made, _fuzzy(named))


def _named(params: Params) -> list[Named]:
    """Return the terms and KPIs asked for by name, then those of the question."""
    made = _require(params.term, ("term", "kpi"), "term") if params.term else []
    if params.kpi:
        made += _require(params.kpi, ("kpi", "term"), "kpi")
    if params.question:
        asked = _glossary.asked_for(params.question)
        also = _glossary.mentioned(params.question)
        made += [*asked, *(each for each in also if not (asked and each.fuzzy))]
    return list({(each.kind, each.key): each for each in made}.values())[:_MOST_TERMS]


def _require(phrase: str, kinds: tuple[str, str], name: str) -> list[Named]:
    found = _glossary.look_up(phrase, kinds[:1]) or _glossary.look_up(phrase, kinds)
    if found:
        return found
    raise UnknownValueError(
        f"Neither the glossary nor the KPI catalogue knows {phrase!r}.",
        field=name,
        expected="a term or a KPI",
        got=phrase,
        candidates=_glossary.candidates(phrase) or sorted(t.title for t in _glossary.glossary().values())[:10],
    )


def _points_back(params: Params, named: list[Named]) -> bool:
    """Return whether the question means an answer given before: it says so, or names nothing else."""
    if params.result is not None or not params.question:
        return False
    return bool(_POINTS_BACK.search(params.question)) or not (named or params.term or params.kpi)


def _nothing(params: Params) -> UnprocessableError:
    return UnprocessableError(
        "There is nothing to explain.",
        field="question",
        expected="a question, term, kpi, composition_id or result",
        got=params.question,
        candidates=_glossary.candidates(params.question or ""),
        hint="Name a term (E-value), a KPI (market share), or a composition's id.",
    )


def _of_name(named: Named) -> Explanation:
    return _of_term(named.key) if named.kind == "term" else _of_kpi(named.key)


def _of_term(key: str) -> Explanation:
    term = _glossary.glossary()[key]
    source = cite("glossary", key, publication=term.source)
    parts = [
        Part("definition", term.title, term.definition, [source]),
        Part("why", f"{term.title}: why it matters", term.why, [source]),
        Part("reading", f"{term.title}: how to read it", term.read, [source]),
    ]
    return Explanation("term", term.title, parts, terms=[key])


def _of_kpi(name: str) -> Explanation:
    kpi = _glossary.kpi_catalogue()[name]
    source = cite("kpi", name)
    direction = "Higher is better." if kpi.higher_is_better else "Lower is better."
    formulas = [f"{each.text()}, in {each.unit}" if each.unit else each.text() for each in kpi.definitions]
    known = f"{kpi.title}; also called {', '.join(kpi.synonyms[:4])}." if kpi.synonyms else f"{kpi.title}."
    parts = [
        Part("definition", kpi.title, known, [source]),
        Part("formula", f"{kpi.title}: how it is computed", f"{'; or '.join(formulas)}.", [source]),
        Part("reading", f"{kpi.title}: how to read it", direction, [source]),
    ]
    return Explanation("kpi", kpi.title, parts, kpis=[name])


def _of_past(past: PastComposition, params: Params) -> Explanation:
    parts, steps = _past.tell(past, step=params.step, tool=params.tool)
    fields = {name for each in steps for name in (each.output or {})}
    return Explanation(
        "composition", past.query, parts, composition_id=past.composition_id, related=_titles(sorted(fields))
    )


def _of_output(params: Params) -> Explanation:
    output, tool = params.result or {}, params.result_tool or "output"
    parts = _past.tell_output(output, lambda pointers: cite("output", tool, pointers=pointers))
    if not parts:
        raise UnprocessableError(
            "The result holds nothing that can be explained.",
            field="result",
            expected="a tool's output",
            got=", ".join(sorted(output)[:10]) or "an empty object",
        )
    return Explanation("output", tool, parts, related=_titles(sorted(output)))


def _titles(fields: list[str]) -> list[str]:
    terms = _glossary.term_of_field()
    return list(dict.fromkeys(terms[name].title for name in fields if name in terms))


def _fuzzy(named: list[Named]) -> list[str]:
    return [f"Read as {_glossary.title_of(each)}: the spelling was only close." for each in named if each.fuzzy]


def _joined(made: list[Explanation], warnings: list[str]) -> Explanation:
    explained = {_glossary.glossary()[key].title for each in made for key in each.terms}
    return Explanation(
        made[0].subject if len(made) == 1 else "several",
        "; ".join(each.title for each in made),
        [part for each in made for part in each.parts],
        terms=[key for each in made for key in each.terms],
        kpis=[name for each in made for name in each.kpis],
        composition_id=next((each.composition_id for each in made if each.composition_id), None),
        related=[title for each in made for title in each.related if title not in explained],
        warnings=warnings,
    )
