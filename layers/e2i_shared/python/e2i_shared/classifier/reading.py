"""A query read once: its words, corrected, tagged with what the vocabulary knows. Every later stage works on this."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

from e2i_shared.classifier.entities import by_first_letter, correct
from e2i_shared.classifier.grammar import LITTLE_ENGLISH
from e2i_shared.classifier.periods import find_periods
from e2i_shared.classifier.text import fold, in_full, stem, words
from e2i_shared.classifier.vocabulary import vocabulary

if TYPE_CHECKING:
    from datetime import date

    from e2i_shared.classifier.periods import PeriodSpan
    from e2i_shared.classifier.text import Word
    from e2i_shared.classifier.vocabulary import Phrases, Vocabulary


_CODE = re.compile(r"</?[a-z]\w*(?:\s[^<>]{0,200})?/?>|\bdrop\s+(?:table|database)\b|\bselect\b[^.?]{0,40}\*|;\s*--")


class Lexicon(Protocol):
    """What training knows of words."""

    @property
    def known(self) -> frozenset[str]:
        """Words that are never taken for misspellings."""
        ...

    @property
    def familiar(self) -> frozenset[str]:
        """Words of questions that can be answered."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """Words with corrected texts, stems, tags (``<kpi>`` for "TRx"), domain cues and hints, position by position.

    A word is ``strange`` when no answerable question of the training corpus used it.
    """

    query: str
    folded: str
    words: tuple[Word, ...]
    texts: tuple[str, ...]
    stems: tuple[str, ...]
    tags: tuple[str, ...]
    cues: tuple[str, ...]
    hints: tuple[str, ...]
    terms: tuple[str, ...]
    concepts: tuple[tuple[str, ...], ...]
    strange: tuple[bool, ...]
    asked: frozenset[str]
    periods: tuple[PeriodSpan, ...]
    corrected: dict[int, str]

    def gap(self, at: int) -> str:
        """Return what stands between word ``at - 1`` and word ``at``."""
        left = self.words[at - 1].end if at else 0
        right = self.words[at].start if at < len(self.words) else len(self.query)
        return self.folded[left:right]


@cache
def spelling_targets(words_of: Vocabulary) -> dict[str, list[str]]:
    """Return the words of the vocabulary that a misspelling may stand for."""
    return by_first_letter(words_of.spelling | words_of.entities.words() | words_of.domain_cues.words())


def read(query: str, today: date, trained: Lexicon) -> Reading:
    """Read a query once."""
    words_of = vocabulary()
    folded = fold(query)
    found = tuple(words(folded))
    corrected = correct(found, trained.known, spelling_targets(words_of))
    texts = in_full([corrected.get(at, word.text) for at, word in enumerate(found)])
    stems = tuple(stem(text) for text in texts)
    periods = tuple(find_periods(folded, query, today))
    tags = _tags(found, texts, stems, periods, words_of)
    cues, hints = _spread(words_of.domain_cues, stems), _spread(words_of.domain_hints, stems)
    terms = _spread(words_of.terms, stems)
    concepts = _senses(words_of.concepts, stems, found, periods, today)
    strange = tuple(
        tag[0] != "<" and len(tag) > 3 and tag not in trained.familiar and not cue and not senses
        for tag, cue, senses in zip(tags, cues, concepts, strict=True)
    )
    return Reading(
        query,
        folded,
        found,
        texts,
        stems,
        tags,
        cues,
        hints,
        terms,
        concepts,
        strange,
        words_of.asking_verbs,
        periods,
        corrected,
    )


def _spread(phrases: Phrases[str], stems: tuple[str, ...]) -> tuple[str, ...]:
    """Return by word which domain its phrase is a sign of, or nothing."""
    signs = [""] * len(stems)
    for first, last, domains in phrases.find(stems):
        signs[first:last] = [domains[0]] * (last - first)
    return tuple(signs)


def _senses(
    phrases: Phrases[str],
    stems: tuple[str, ...],
    found: tuple[Word, ...],
    periods: tuple[PeriodSpan, ...],
    today: date,
) -> tuple[tuple[str, ...], ...]:
    """Return by word the groups of one sense that its phrase stands in; of a period, whether it is past or to come."""
    senses: list[tuple[str, ...]] = [()] * len(stems)
    for first, last, names in phrases.find(stems):
        senses[first:last] = [tuple(names)] * (last - first)
    for at, word in enumerate(found):
        for span in periods:
            if span.start <= word.start < span.end:
                senses[at] = ("FUTURE",) if span.period.start >= today.isoformat() else ("PAST",)
    return tuple(senses)


def _tags(
    found: tuple[Word, ...],
    texts: tuple[str, ...],
    stems: tuple[str, ...],
    periods: tuple[PeriodSpan, ...],
    words_of: Vocabulary,
) -> tuple[str, ...]:
    """Return each word, or what it names: ``<region>`` for "region", ``<region=>`` for one of them, ``<num>``, ``<period>``."""
    tags = [_plain(text) for text in texts]
    for first, last, terms in words_of.entities.find(stems):
        mark = (
            f"<{terms[0].kind}>" if terms[0].generic or terms[0].kind in {"kpi", "treatment"} else f"<{terms[0].kind}=>"
        )
        tags[first:last] = [mark] * (last - first)
    for at, word in enumerate(found):
        if any(period.start <= word.start < period.end for period in periods):
            tags[at] = "<period>"
    return tuple(tags)


def _plain(text: str) -> str:
    """Return a word, numbers as ``<num>``."""
    return "<num>" if text[0].isdigit() else text


def is_english(reading: Reading) -> bool:
    """Tell whether the letters are Latin and the little words are not mostly another language's."""
    letters = [char for char in reading.folded if char.isalpha()]
    if sum(char.isascii() for char in letters) < 0.7 * len(letters):
        return False
    foreign = sum(text in vocabulary().foreign for text in reading.texts)
    english = sum(text in LITTLE_ENGLISH for text in reading.texts)
    return not (foreign > english and (foreign >= 2 or sum(reading.strange) * 2 >= len(reading.words)))


def is_code(reading: Reading) -> bool:
    """Tell whether the text holds markup or SQL."""
    return bool(_CODE.search(reading.folded))
