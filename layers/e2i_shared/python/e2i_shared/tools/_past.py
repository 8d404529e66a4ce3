"""Telling a past composition, or one output, in words that quote what is stored."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.errors import UnknownValueError, UnprocessableError
from e2i_shared.tools._glossary import glossary, look_up, term_of_field
from e2i_shared.tools._parts import Part, cite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.tools._parts import Cited
    from e2i_shared.tools._records import PastComposition, PastStep, Records

    Cite = Callable[[list[str]], Cited]

LATEST = "latest"
_MOST_FIELDS = 8
_MOST_NOTES = 4
_SHORT_NAME = 40  # characters: a longer method is a sentence
_CITATION = re.compile(r"\s*\[\d+\]")


def find(composition_id: str, session_id: str | None, records: Records | None) -> PastComposition:
    """Return a past composition by id or the latest one.

    Raises UnprocessableError where no past answers are at hand or none is completed, NotFoundError for an unknown id.
    """
    if records is None:
        raise _none_at_hand("Past answers are not at hand here.", composition_id)
    if composition_id != LATEST:
        return records.composition(composition_id)
    latest = records.latest(session_id)
    if latest is None:
        raise _none_at_hand("No question was answered before, so there is no result to explain.", session_id)
    return latest


def _none_at_hand(message: str, got: str | None) -> UnprocessableError:
    return UnprocessableError(
        message,
        field="composition_id",
        expected="a completed composition",
        got=got,
        hint="Ask for a term or a KPI, or ask a question first; GET /compositions lists past ones.",
    )


def tell(past: PastComposition, *, step: int | None, tool: str | None) -> tuple[list[Part], Sequence[PastStep]]:
    """Return the sentences about a composition, or about the steps chosen, and the steps they are about."""
    steps = _chosen(past, step=step, tool=tool)
    if step is not None or tool is not None:
        return [part for each in steps for part in _step_parts(past, each, outputs=True)], steps
    parts = [*_answered(past), *_readings(past), _asked(past)]
    parts += [part for each in steps for part in _step_parts(past, each, outputs=False)]
    return _once([*parts, *_endings(past)]), steps


def _once(parts: list[Part]) -> list[Part]:
    """Return the parts without those that repeat a text."""
    return list({part.text: part for part in reversed(parts)}.values())[::-1]


def _readings(past: PastComposition) -> list[Part]:
    """Return how to read the numbers of the answer: the terms of the fields it refers to."""
    claims = [claim for part in past.answer.parts for claim in part.claims] if past.answer else []
    fields = [ref.pointer.strip("/").split("/")[0] for claim in claims for ref in claim.value_refs]
    terms = {term_of_field()[name].term: term_of_field()[name] for name in fields if name in term_of_field()}
    return [
        Part(
            "reading",
            f"{term.title}: how to read it",
            f"{term.title}: {term.definition} {term.read}",
            [cite("glossary", term.term, publication=term.source)],
        )
        for term in list(terms.values())[:_MOST_NOTES]
    ]


def tell_output(output: Json, source: Cite) -> list[Part]:
    """Return what an output's known fields mean, how it was made and what it assumes."""
    by_term: dict[str, list[str]] = {}
    for name, value in output.items():
        if name in term_of_field() and value is not None and value not in ([], {}):
            by_term.setdefault(term_of_field()[name].term, []).append(name)
    made = [_finding(names, output, source) for names in by_term.values()]
    return [*made[:_MOST_FIELDS], *_notes(output, source)]


def _chosen(past: PastComposition, *, step: int | None, tool: str | None) -> list[PastStep]:
    chosen = [s for s in past.steps if step in (None, s.number) and tool in (None, s.tool)]
    if chosen or (step is None and tool is None):
        return chosen
    raise UnknownValueError(
        f"Composition {past.composition_id} has no such step.",
        field="step" if step is not None else "tool",
        expected="a step of the composition",
        got=str(step if step is not None else tool),
        candidates=[f"{s.number}: {s.tool}" for s in past.steps],
    )


def _asked(past: PastComposition) -> Part:
    on = f" of data set {past.dataset}" if past.dataset else ""
    tools = ", ".join(f"[{s.number}] {s.tool}" for s in past.steps) or "no tool"
    text = f"“{past.query}” was asked{on} and answered with {tools}."
    return Part("question", "What was asked", text, [cite("composition", past.composition_id)])


def _answered(past: PastComposition) -> list[Part]:
    if past.answer is None:
        text = f"It ended as {past.status}: {_sentence(past.error or 'there is no answer')}"
        return [Part("not_answered", "No answer", text, [cite("composition", past.composition_id)])]
    made = []
    for part in past.answer.parts:
        by_step: dict[int, list[str]] = {number: [] for number in part.citations}
        for ref in (ref for claim in part.claims for ref in claim.value_refs):
            by_step.setdefault(ref.step, []).append(ref.pointer)
        sources = [
            cite("composition", past.composition_id, step=number, pointers=list(dict.fromkeys(pointers)))
            for number, pointers in by_step.items()
        ]
        text = _CITATION.sub("", part.text)  # its numbers are those of the past answer's steps: the citations name them
        made.append(Part("finding", part.question, text, sources or [cite("composition", past.composition_id)]))
    return made


def _step_parts(past: PastComposition, step: PastStep, *, outputs: bool) -> list[Part]:
    def source(pointers: list[str]) -> Cited:
        return cite("composition", past.composition_id, step=step.number, pointers=pointers)

    if step.output is None:
        text = f"{step.tool} ended as {step.status}: {_sentence(step.error or 'no output')}"
        return [Part("not_answered", f"Step {step.number}", text, [source([])])]
    return tell_output(step.output, source) if outputs else _notes(step.output, source)


def _notes(output: Json, source: Cite) -> list[Part]:
    """Return how an output was made, what it assumes and what it warns of."""
    made = []
    if isinstance(output.get("method"), str):
        made.append(_method(output["method"], source))
    for kind, name, title in (("assumption", "assumptions", "What it assumes"), ("caveat", "warnings", "What to mind")):
        texts = output.get(name)
        for i, text in enumerate(texts[:_MOST_NOTES] if isinstance(texts, list) else []):
            made.append(Part(kind, title, str(text), [source([f"/{name}/{i}"])]))
    return made


def _method(method: str, source: Cite) -> Part:
    """Return the method in words: as the tool says it, or what its short name stands for."""
    named = [each.key for each in look_up(method, ("term",)) if not each.fuzzy] if len(method) <= _SHORT_NAME else []
    if not named:
        text = method if " " in method else f"The method is {method}."
        return Part("method", "How it was computed", text, [source(["/method"])])
    term = glossary()[named[0]]
    sources = [source(["/method"]), cite("glossary", term.term, publication=term.source)]
    return Part("method", "How it was computed", f"{term.title}: {term.definition} {term.why}", sources)


def _endings(past: PastComposition) -> list[Part]:
    source = [cite("composition", past.composition_id)]
    quoted = {w for s in past.steps for w in (s.output or {}).get("warnings", [])}
    caveats = past.answer.caveats if past.answer else []
    made = [Part("caveat", "What to mind", text, source) for text in caveats if text not in quoted]
    made += [Part("not_answered", m.question, m.reason, source) for m in past.missing]
    return made


def _finding(names: list[str], output: Json, source: Cite) -> Part:
    """Return what the fields of one term say and mean."""
    term = term_of_field()[names[0]]
    numbers = {name: _number(output[name]) for name in names if isinstance(output[name], int | float)}
    values = ", ".join(f"{name} = {text}" for name, text in numbers.items())
    said = f"{term.title}: {values}. " if values else f"{term.title}. "
    sources = [source([f"/{name}" for name in names]), cite("glossary", term.term, publication=term.source)]
    return Part("finding", term.title, f"{said}{term.definition} {term.read}", sources)


def _sentence(text: str) -> str:
    return f"{text.rstrip('. ')}."


def _number(value: float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
