"""Stage 1: what the text of a question holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.api.classification import Entity, Features, storable
from e2i_shared.classifier.clauses import split
from e2i_shared.classifier.entities import catalogue_index, correct, find_matches, to_entities
from e2i_shared.classifier.reading import Reading, is_english, read
from e2i_shared.classifier.text import stem
from e2i_shared.classifier.vocabulary import vocabulary
from e2i_shared.classifier.weights import weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from e2i_shared.api.datasets import Dataset
    from e2i_shared.classifier.clauses import Clause
    from e2i_shared.classifier.vocabulary import Phrases

_CAUSAL = "CAUSAL"


def extract_features(text: str, catalogue: Sequence[Dataset], today: date) -> Features:
    """Return what a text holds, resolved against the vocabulary and the catalogue.

    Parameters
    ----------
    text
        Any text; offsets in the result count its characters.
    catalogue
        Data sets whose columns, synonyms and values may be meant. A phrase that fits several places yields one entity for
        each, the data set that explains most of the text first.
    today
        The day from which "last quarter" is seen.
    """
    trained = weights()
    reading = read(str(storable(text)), today, trained)
    return features_of(reading, split(reading, trained.boundary)[0], catalogue)


def features_of(reading: Reading, clauses: Sequence[Clause], catalogue: Sequence[Dataset]) -> Features:
    """Return the features of a reading that is already cut into clauses."""
    words_of = vocabulary()
    entities, corrected = resolve(reading, catalogue)
    return Features(
        clauses=[reading.query[slice(*clause.span(reading))] for clause in clauses],
        question_words=[text for text in reading.texts if text in words_of.question_words],
        entities=entities,
        periods=[span.period for span in reading.periods],
        causal_cues=list(_phrases(reading, words_of.domain_cues, _CAUSAL)),
        conditional_cues=list(_phrases(reading, words_of.cues, "conditional")),
        comparison_cues=list(_phrases(reading, words_of.cues, "comparison")),
        corrections={reading.words[at].text: word for at, word in corrected.items()},
        language_ok=is_english(reading),
    )


def resolve(reading: Reading, catalogue: Sequence[Dataset]) -> tuple[list[Entity], dict[int, str]]:
    """Return the entities with periods, in order of mention, and what was read as a misspelling."""
    index = catalogue_index(catalogue)
    own = correct(reading.words, weights().known, index.spelling) if catalogue else {}
    corrected = own | reading.corrected
    stems = [stem(corrected.get(at, word.text)) for at, word in enumerate(reading.words)]
    matches = find_matches(stems, vocabulary(), index.phrases)
    entities = to_entities(matches, reading.words, reading.query, corrected)
    taken = [(span.start, span.end) for span in reading.periods]
    entities = [e for e in entities if not any(start <= e.start and e.end <= end for start, end in taken)]
    return sorted([*entities, *_periods(reading)], key=lambda e: e.start), corrected


def _periods(reading: Reading) -> Iterator[Entity]:
    """Yield each period as an entity; its canonical form is ``start/end``."""
    for span in reading.periods:
        canonical = f"{span.period.start}/{span.period.end}"
        yield Entity(text=span.period.text, kind="period", canonical=canonical, start=span.start, end=span.end)


def _phrases(reading: Reading, phrases: Phrases[str], name: str) -> Iterator[str]:
    """Yield the cues of one name as they were written."""
    for first, last, names in phrases.find(reading.stems):
        if name in names:
            yield reading.query[reading.words[first].start : reading.words[last - 1].end]
