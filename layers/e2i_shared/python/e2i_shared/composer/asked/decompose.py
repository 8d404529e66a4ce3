"""Phase 1 with a language model: it may split and join otherwise than the rules; what it returns is read by the same code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.classification import Dependency, DependencyType, Domain, RoutingPattern, SubQuestion
from e2i_shared.composer.asked.ask import fenced, instructions
from e2i_shared.composer.asked.plain_words import foreign_words
from e2i_shared.composer.decompose import decompose
from e2i_shared.composer.numbers import find_numbers
from e2i_shared.errors import E2IError, LanguageModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.classification import Classification
    from e2i_shared.api.common import Json
    from e2i_shared.composer.asked.ask import Ask
    from e2i_shared.composer.model import Decomposition

MOST_PARTS = 8


class PartDraft(BaseModel):
    """A sub-question."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=r"^Q[1-9]$")]
    text: Annotated[str, Field(min_length=3, max_length=1000)]
    domain: Domain


class EdgeDraft(BaseModel):
    """``to_id`` needs the answer of ``from_id``."""

    model_config = ConfigDict(extra="forbid")

    from_id: str
    to_id: str
    type: DependencyType


class DecompositionDraft(BaseModel):
    """What the model must answer."""

    model_config = ConfigDict(extra="forbid")

    sub_questions: Annotated[list[PartDraft], Field(min_length=1, max_length=MOST_PARTS)]
    dependencies: Annotated[list[EdgeDraft], Field(max_length=MOST_PARTS**2)]


def decompose_with(ask: Ask, query: str, classification: Classification, context: Sequence[str] = ()) -> Decomposition:
    """Return the model's decomposition, or the rules' where it has none that is valid."""
    if classification.routing_pattern == RoutingPattern.CLARIFICATION_NEEDED:
        return decompose(query, classification)
    try:
        draft = ask(instructions("decompose"), fenced(draft_data(query, classification, context)), DecompositionDraft)
        return _read(draft, query, classification, context)
    except (LanguageModelError, ValueError, E2IError):
        return decompose(query, classification)


def draft_data(query: str, classification: Classification, context: Sequence[str]) -> Json:
    """Return what a model is shown of a question: its words, those before it, and how the rules split it."""
    return {
        "question": query,
        "earlier_questions": list(context),
        "draft": {
            "sub_questions": [{"id": q.id, "text": q.text, "domain": q.domain} for q in classification.sub_questions],
            "dependencies": [{"from_id": d.from_, "to_id": d.to, "type": d.type} for d in classification.dependencies],
        },
    }


def _read(
    draft: DecompositionDraft, query: str, classification: Classification, context: Sequence[str]
) -> Decomposition:
    """Read the draft as the rules' own classification is read; raise ValueError where it breaks a rule."""
    ids = [q.id for q in draft.sub_questions]
    if ids != [f"Q{n}" for n in range(1, len(ids) + 1)]:
        raise ValueError("sub-questions are numbered in order")
    _refuse_invented_numbers(draft, query)
    _refuse_another_question(draft, query, classification, context)
    _refuse_circles(draft, ids)
    update = {
        "sub_questions": [SubQuestion(id=q.id, text=q.text, domain=q.domain) for q in draft.sub_questions],
        "dependencies": [
            Dependency.model_validate({"from": d.from_id, "to": d.to_id, "type": d.type}) for d in draft.dependencies
        ],
    }
    made = decompose(query, classification.model_copy(update=update))
    return made.model_copy(update={"source": "llm"})


def _refuse_invented_numbers(draft: DecompositionDraft, query: str) -> None:
    said = {found.text for found in find_numbers(query)}
    invented = {found.text for q in draft.sub_questions for found in find_numbers(q.text)} - said
    if invented:
        raise ValueError(f"numbers that the question does not hold: {sorted(invented)}")


def _refuse_another_question(
    draft: DecompositionDraft, query: str, classification: Classification, context: Sequence[str]
) -> None:
    """Raise where the parts speak of what neither the conversation nor the rules' parts hold, or leave out what these ask about."""
    rules, made = (" ".join(q.text for q in of.sub_questions) for of in (classification, draft))
    if invented := foreign_words(made, " ".join([query, *context, rules])):
        raise ValueError(f"words that the question does not hold: {invented}")
    if lost := foreign_words(rules, made):
        raise ValueError(f"words of the question that no part holds: {lost}")


def _refuse_circles(draft: DecompositionDraft, ids: list[str]) -> None:
    edges = {(d.from_id, d.to_id) for d in draft.dependencies}
    if any(a not in ids or b not in ids for a, b in edges):
        raise ValueError("a dependency joins two sub-questions")
    waiting = set(ids)
    while free := {q for q in waiting if not any(b == q and a in waiting for a, b in edges)}:
        waiting -= free
    if waiting:
        raise ValueError("the dependencies run in a circle")
