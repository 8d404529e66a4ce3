"""Phrases of a query resolved against the vocabulary and against the catalogue's columns, synonyms and values."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from e2i_shared.api.classification import Entity
from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.classifier.grammar import LITTLE
from e2i_shared.classifier.text import fold, stem, within_edits, words
from e2i_shared.classifier.vocabulary import Phrases, Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.classifier.text import Word
    from e2i_shared.classifier.vocabulary import Vocabulary

MAX_GROUNDINGS = 6
_CACHED_CATALOGUES = 32
_ROLE_KINDS = {ColumnRole.TREATMENT: "treatment", ColumnRole.OUTCOME: "kpi"}
# Values and column names that are also little words of a question.
_VALUE_KINDS = frozenset({ColumnKind.CATEGORY, ColumnKind.TEXT, ColumnKind.ID})
_SUFFIXES = ("ing", "ed", "d", "er", "s", "es", "ly", "al", "y", "or", "ment", "able", "ation", "ness", "ful", "r", "n")


@dataclass(frozen=True, slots=True)
class Grounding:
    """A column of a data set, or one of its values."""

    dataset: str
    column: str
    kind: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Words ``first`` to ``last`` (exclusive) and what they stand for."""

    first: int
    last: int
    term: Term | None
    groundings: tuple[Grounding, ...]


@dataclass(frozen=True, slots=True)
class CatalogueIndex:
    """The phrases of a catalogue, and its words that a misspelling may stand for."""

    phrases: Phrases[Grounding]
    spelling: dict[str, list[str]]


_indexes: OrderedDict[Any, CatalogueIndex] = OrderedDict()


def catalogue_index(catalogue: Sequence[Dataset]) -> CatalogueIndex:
    """Return the catalogue's index, kept between calls as long as names, roles and synonyms stay the same."""
    key = tuple(
        (data.dataset_id, data.name, data.version, tuple((c.name, c.role, tuple(c.synonyms)) for c in data.columns))
        for data in catalogue
    )
    index = _indexes.get(key)
    if index is None:
        phrases = _index(catalogue)
        index = _indexes[key] = CatalogueIndex(phrases, by_first_letter(phrases.words()))
        while len(_indexes) > _CACHED_CATALOGUES:
            _indexes.popitem(last=False)
    return index


def _index(catalogue: Sequence[Dataset]) -> Phrases[Grounding]:
    """Index column names, synonyms and the most frequent values."""
    phrases: Phrases[Grounding] = Phrases()
    for data in catalogue:
        for column in data.columns:
            if column.role is ColumnRole.IGNORE:
                continue
            target = Grounding(data.name, column.name, _ROLE_KINDS.get(column.role, "column"))
            for phrase in (column.name, *column.synonyms):
                _add(phrases, phrase, target)
            for value in _values(column):
                _add(phrases, value, Grounding(data.name, column.name, "value", value))
    return phrases


def _values(column: Column) -> Iterable[str]:
    """Return the values by which a column can be recognised."""
    if column.kind not in _VALUE_KINDS:
        return ()
    return (value for value, _ in column.statistics.top_values if not value.isdigit())


def _add(phrases: Phrases[Grounding], phrase: str, target: Grounding) -> None:
    """Add a phrase unless it is a single little word or a single letter."""
    parts = [word.text for word in words(fold(phrase))]
    if len(parts) > 1 or (parts and len(parts[0]) > 1 and parts[0] not in LITTLE):
        phrases.add(phrase, target)


def correct(found: Sequence[Word], known: frozenset[str], targets: Mapping[str, Sequence[str]]) -> dict[int, str]:
    """Return, by position, the word each misspelt word was probably meant to be.

    Only words of five letters or more that nothing knows are looked at; one edit is allowed up to seven letters, two
    from eight; the first letter must be right; an inflection of a known word is no misspelling.
    """
    corrections: dict[int, str] = {}
    for at, word in enumerate(found):
        text = word.text
        if len(text) < 5 or not text.isalpha() or text in known or stem(text) in known:
            continue
        limit = 1 if len(text) < 8 else 2
        best = next(
            (c for edits in range(1, limit + 1) for c in targets.get(text[0], ()) if within_edits(text, c, edits)), None
        )
        if best and not _inflection(text, best):
            corrections[at] = best
    return corrections


def _inflection(left: str, right: str) -> bool:
    """Tell whether one word is the other with an ending."""
    short, long = sorted((left, right), key=len)
    return any(long == short + suffix or long == short.removesuffix("e") + suffix for suffix in _SUFFIXES)


def by_first_letter(candidates: Iterable[str]) -> dict[str, list[str]]:
    """Group the words a misspelling may be corrected to."""
    grouped: dict[str, list[str]] = {}
    for word in sorted({word for word in candidates if len(word) >= 5 and word.isalpha()}):
        grouped.setdefault(word[0], []).append(word)
    return grouped


def find_matches(stems: Sequence[str], vocabulary: Vocabulary, index: Phrases[Grounding]) -> list[Match]:
    """Return the matches of vocabulary and catalogue, the longer one winning where they overlap."""
    spans: dict[tuple[int, int], tuple[Term | None, tuple[Grounding, ...]]] = {}
    for first, last, terms in vocabulary.entities.find(stems):
        spans[first, last] = (terms[0], ())
    for first, last, targets in index.find(stems):
        spans[first, last] = (spans.get((first, last), (None, ()))[0], tuple(targets))
    taken: list[Match] = []
    for first, last in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
        if all(last <= other.first or first >= other.last for other in taken):
            term, groundings = spans[first, last]
            if term and not groundings:
                groundings = tuple(_ground_term(term, index))
            taken.append(Match(first, last, term, groundings))
    return sorted(taken, key=lambda match: match.first)


def _ground_term(term: Term, index: Phrases[Grounding]) -> list[Grounding]:
    """Find the catalogue's column or value that bears a term's canonical name."""
    key = [stem(word.text) for word in words(fold(term.canonical))]
    return next((targets for first, last, targets in index.find(key) if (first, last) == (0, len(key))), [])


def to_entities(
    matches: Sequence[Match], found: Sequence[Word], query: str, corrected: Mapping[int, str]
) -> list[Entity]:
    """Return one entity per match and grounding; data sets that explain more of the query come first."""
    coverage = Counter(data for match in matches for data in {g.dataset for g in match.groundings})
    entities: list[Entity] = []
    for match in matches:
        start, end = found[match.first].start, found[match.last - 1].end
        fuzzy = any(at in corrected for at in range(match.first, match.last))
        ranked = sorted(match.groundings, key=lambda g: -coverage[g.dataset])[:MAX_GROUNDINGS]
        places: Sequence[Grounding | None] = ranked or [None]
        entities += [_entity(query[start:end], match.term, place, start, end, fuzzy) for place in places]
    return entities


def _entity(text: str, term: Term | None, grounding: Grounding | None, start: int, end: int, fuzzy: bool) -> Entity:
    """Build one entity: the vocabulary names the kind, the catalogue the place."""
    kind = term.kind if term else grounding.kind if grounding else "segment"
    canonical = term.canonical if term else (grounding.value or grounding.column) if grounding else text
    place = {"dataset": grounding.dataset, "column": grounding.column, "value": grounding.value} if grounding else {}
    return Entity.model_validate(
        {"text": text, "kind": kind, "canonical": canonical, "start": start, "end": end, "fuzzy": fuzzy} | place
    )
