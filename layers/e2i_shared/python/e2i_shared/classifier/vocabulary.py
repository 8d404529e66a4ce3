"""The vocabulary file, read once, and a matcher of phrases in a line of words."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from e2i_shared.classifier.text import fold, stem, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

T = TypeVar("T")
SOURCE = "vocabulary.yaml"
COMPILED = "vocabulary.json"
SETTING = "E2I_VOCABULARY"


@dataclass(frozen=True, slots=True)
class Term:
    """What a phrase of the vocabulary stands for; ``generic`` when it names the kind itself ("region")."""

    kind: str
    canonical: str

    @property
    def generic(self) -> bool:
        """Tell whether the phrase names the kind and not one of it."""
        return self.kind == self.canonical


class Phrases(Generic[T]):
    """Phrases of one to six words, each with what it stands for; the longest match wins."""

    def __init__(self) -> None:
        self._targets: dict[tuple[str, ...], list[T]] = {}
        self._longest: dict[str, int] = {}
        self._beginnings: dict[str, list[T]] = {}

    def add(self, phrase: str, target: T) -> None:
        """Add a phrase; its case, plural, hyphens and underscores do not matter. A word with a star matches its beginning."""
        if phrase.endswith("*") and " " not in phrase:
            self._beginnings.setdefault(fold(phrase[:-1]), []).append(target)
            return
        key = tuple(stem(word.text) for word in words(fold(phrase)))[:6]
        if key and target not in self._targets.setdefault(key, []):
            self._targets[key].append(target)
            self._longest[key[0]] = max(self._longest.get(key[0], 0), len(key))

    def find(self, stems: Sequence[str]) -> Iterator[tuple[int, int, list[T]]]:
        """Yield (first word, one past the last word, targets) from left to right without overlap."""
        at = 0
        while at < len(stems):
            step = 1
            for length in range(min(self._longest.get(stems[at], 0), len(stems) - at), 0, -1):
                targets = self._targets.get(tuple(stems[at : at + length]))
                if targets:
                    yield at, at + length, targets
                    step = length
                    break
            else:
                if beginning := self._by_beginning(stems[at]):
                    yield at, at + 1, beginning
            at += step

    def _by_beginning(self, word: str) -> list[T] | None:
        """Return what the longest starred phrase that begins a word stands for."""
        lengths = range(len(word), 2, -1) if self._beginnings else ()
        return next((self._beginnings[word[:n]] for n in lengths if word[:n] in self._beginnings), None)

    def words(self) -> set[str]:
        """Return every word of every phrase."""
        return {word for key in self._targets for word in key}

    def items(self) -> Iterator[tuple[tuple[str, ...], list[T]]]:
        """Yield phrases with their targets."""
        yield from self._targets.items()


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The vocabulary, indexed."""

    entities: Phrases[Term]
    domain_cues: Phrases[str]
    domain_hints: Phrases[str]
    terms: Phrases[str]
    cues: Phrases[str]
    concepts: Phrases[str]
    question_words: frozenset[str]
    asking_verbs: frozenset[str]
    foreign: frozenset[str]
    spelling: frozenset[str]
    canonical: dict[tuple[str, str], list[str]] = field(default_factory=dict)


def build(raw: dict[str, Any]) -> Vocabulary:
    """Index the parsed vocabulary file."""
    entities: Phrases[Term] = Phrases()
    canonical: dict[tuple[str, str], list[str]] = {}
    for kind, names in raw["entities"].items():
        for name, synonyms in names.items():
            canonical[kind, name] = [name, *synonyms]
            for phrase in (name, *synonyms):
                entities.add(phrase, Term(kind, name))
    groups = {name: _group(raw[name]) for name in ("domain_cues", "domain_hints", "cues")}
    groups["terms"] = _group({"TERM": raw.get("terms", [])})
    groups["concepts"] = _group(raw.get("concepts", {}))
    sets = {
        name: frozenset(map(str, raw.get(name, ())))
        for name in ("question_words", "asking_verbs", "foreign", "spelling")
    }
    return Vocabulary(entities=entities, canonical=canonical, **groups, **sets)  # type: ignore[arg-type]  # names are the fields'


def _group(names: Mapping[str, Sequence[object]]) -> Phrases[str]:
    """Index one group of phrases by the name they stand for."""
    phrases = Phrases[str]()
    for name, wordings in names.items():
        for wording in wordings:
            phrases.add(str(wording), name)
    return phrases


def parse(text: str) -> dict[str, Any]:
    """Return what a vocabulary file says."""
    import yaml

    read: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    return read


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary: the YAML file that ``E2I_VOCABULARY`` names, else the shipped one, compiled to JSON."""
    if own := os.environ.get(SETTING):
        return build(parse(Path(own).read_text(encoding="utf-8")))
    return build(json.loads(files("e2i_shared.classifier").joinpath(COMPILED).read_text(encoding="utf-8")))
