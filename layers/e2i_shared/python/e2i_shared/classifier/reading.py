"""A query read once: its words, corrected, tagged with what the vocabulary knows. Every later stage works on this."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from e2i_shared.classifier.entities import by_first_letter, correct
from e2i_shared.classifier.periods import find_periods
from e2i_shared.classifier.text import fold, stem, words
from e2i_shared.classifier.vocabulary import vocabulary

if TYPE_CHECKING:
    from datetime import date

    from e2i_shared.classifier.periods import PeriodSpan
    from e2i_shared.classifier.text import Word
    from e2i_shared.classifier.vocabulary import Phrases, Vocabulary

WH = frozenset("what which who whom whose why how when where whats hows whos wheres".split())
AUXILIARIES = frozenset(
    "did does do is are was were can could would will should has have had may might must am been be isn't aren't didn't doesn't "
    "won't wasn't can't couldn't haven't hasn't".split()
)
PRONOUNS = frozenset(
    "it its that this those these them they their theirs same such former latter result results finding findings ones one answer "
    "output above there both either former latter".split()
)
PREPOSITIONS = frozenset(
    "by in for of with across per from on at to over within among between during into about versus vs than through against without".split()
)
DETERMINERS = frozenset("the a an any each every all some our my your their no more most fewer less many much".split())
CONNECTORS = frozenset(
    "and then but or plus also so next finally lastly additionally secondly thirdly besides afterwards too separately".split()
)
SUBORDINATORS = frozenset(
    "if before after once when unless otherwise while whereas given assuming because since using until provided else whether suppose "
    "supposing depending without prior based whenever".split()
)
SUBJECTS = frozenset("we i you us me let lets".split())


@dataclass(frozen=True, slots=True)
class Reading:
    """Words with corrected texts, stems, tags (``<kpi>`` for "TRx") and domain cues, position by position."""

    query: str
    folded: str
    words: tuple[Word, ...]
    texts: tuple[str, ...]
    stems: tuple[str, ...]
    tags: tuple[str, ...]
    cues: tuple[str, ...]
    hints: tuple[str, ...]
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
    return by_first_letter(words_of.entities.words() | words_of.domain_cues.words())


def read(query: str, today: date, known: frozenset[str], words_of: Vocabulary | None = None) -> Reading:
    """Read a query once. ``known`` are words that are never taken for misspellings."""
    words_of = words_of or vocabulary()
    folded = fold(query)
    found = tuple(words(folded))
    corrected = correct(found, known, spelling_targets(words_of))
    texts = tuple(corrected.get(at, word.text) for at, word in enumerate(found))
    stems = tuple(stem(text) for text in texts)
    periods = tuple(find_periods(folded, query, today))
    tags = _tags(found, texts, stems, periods, words_of)
    cues, hints = _spread(words_of.domain_cues, stems), _spread(words_of.domain_hints, stems)
    return Reading(query, folded, found, texts, stems, tags, cues, hints, words_of.asking_verbs, periods, corrected)


def _spread(phrases: Phrases[str], stems: tuple[str, ...]) -> tuple[str, ...]:
    """Return by word which domain its phrase is a sign of, or nothing."""
    signs = [""] * len(stems)
    for first, last, domains in phrases.find(stems):
        signs[first:last] = [domains[0]] * (last - first)
    return tuple(signs)


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
