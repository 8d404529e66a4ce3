"""The glossary that ships with the tools, and finding its terms (and KPIs) in a reader's words."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from e2i_shared.tools._columns import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_shared.tools._kpis import Kpi

_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
_POSSESSIVE = re.compile(r"['’]s\b")
_LONGEST = 6  # words of a name
_NEAR, _CANDIDATES = 0.82, 0.45  # similarity that counts as a typing error; that is worth offering
_SHORTEST_TYPO = 5  # letters: shorter words are near too many others


class Term(BaseModel):
    """An entry: what it is, why it matters, how to read it, and where that comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    term: str
    title: str
    synonyms: list[str] = []
    definition: str
    why: str
    read: str
    source: str
    fields: list[str] = []

    def names(self) -> set[str]:
        """Return all it is called, as compared."""
        return {plain(text) for text in (self.term, self.title, *self.synonyms, _without_brackets(self.title))}


@dataclass(frozen=True, slots=True)
class Named:
    """What a phrase names: a glossary term or a KPI; ``fuzzy`` where it was only close."""

    kind: Literal["term", "kpi"]
    key: str
    phrase: str
    fuzzy: bool = False


@cache
def glossary() -> dict[str, Term]:
    """Return the terms by key."""
    import yaml

    text = files("e2i_shared.tools").joinpath("glossary.yaml").read_text(encoding="utf-8")
    terms = [Term.model_validate(entry) for entry in yaml.load(text, Loader=_loader())["terms"]]  # noqa: S506 -- the safe loader, in C
    return {term.term: term for term in terms}


@cache
def term_of_field() -> dict[str, Term]:
    """Return the term that explains each output field of the tools."""
    return {field: term for term in glossary().values() for field in term.fields}


def kpi_catalogue() -> dict[str, Kpi]:
    """Return the KPIs by name."""
    from e2i_shared.tools._kpis import kpis

    return kpis()


def look_up(phrase: str, kinds: Sequence[str] = ("term", "kpi")) -> list[Named]:
    """Return what a name means, exactly or by a near spelling, terms first; nothing on a miss."""
    wanted = plain(_POSSESSIVE.sub("", phrase)).strip(" ?.!\"'")
    names = {name: kept for name, found in _names().items() if (kept := [each for each in found if each.kind in kinds])}
    for spelled in (wanted, _singular(wanted)):
        if spelled in names:
            return names[spelled]
    near = difflib.get_close_matches(wanted, names, n=1, cutoff=_NEAR) if len(wanted) >= _SHORTEST_TYPO else []
    return [replace(each, fuzzy=True) for each in names[near[0]]] if near else []


def mentioned(text: str) -> list[Named]:
    """Return the terms and KPIs that a sentence names, in its order, longest names first; near spellings where none fits."""
    words = [match[0] for match in _WORD.finditer(_POSSESSIVE.sub("", text))]
    exact = _distinct(_scan(words, exact=True))
    return exact or [each for each in _distinct(_scan(words, exact=False)) if each.phrase not in _EVERYDAY]


def candidates(phrase: str, count: int = 5) -> list[str]:
    """Return the titles nearest to a name nobody knows."""
    near = difflib.get_close_matches(plain(phrase), _names(), n=count * 2, cutoff=_CANDIDATES)
    return list(dict.fromkeys(title_of(each) for name in near for each in _names()[name]))[:count]


def title_of(named: Named) -> str:
    """Return the title of a term or KPI."""
    return glossary()[named.key].title if named.kind == "term" else kpi_catalogue()[named.key].title


@cache
def _names() -> dict[str, list[Named]]:
    """Return everything known by the name it is compared under, terms first, at most one of each kind."""
    known: dict[str, list[Named]] = {}
    for term in glossary().values():
        for name in term.names():
            known[_POSSESSIVE.sub("", name)] = [Named("term", term.term, name)]
    for kpi in kpi_catalogue().values():
        for name in kpi.names():
            found = known.setdefault(name, [])
            found += [Named("kpi", kpi.name, name)] if all(each.kind == "term" for each in found) else []
    return known


def _scan(words: Sequence[str], *, exact: bool) -> Iterator[Named]:
    start = 0
    while start < len(words):
        for length in range(min(_LONGEST, len(words) - start), 0, -1):
            phrase = " ".join(words[start : start + length])
            found = _exact(phrase) if exact else look_up(phrase)
            if found and not (length == 1 and phrase.casefold() in _EVERYDAY and not phrase.isupper()):
                yield from found
                start += length
                break
        else:
            start += 1


# Names that are also everyday words: in a sentence they are meant only in capitals, or as the term asked for.
_EVERYDAY = frozenset(
    ("late", "mix", "return", "share", "stopping", "interval", "volume", "target", "targets", "details", "sales", "visits",
     "calls", "goal", "sampling", "writers", "samples", "se", "power", "frequency", "reach", "coverage", "what if", "engagement",
     "productivity", "alpha", "drift", "balance", "twin", "churn", "prescriber", "effect", "gamma", "benchmark", "cohort",
     "sensitivity", "instrument", "opportunity", "matching", "scripts", "prescriptions", "emails", "turnover", "revenue")
)  # fmt: skip
_ASKED = re.compile(
    r"\b(?:what(?:'s| is| are| does| do)|define|definition of|meaning of|explain|understand|mean by)\s+"
    r"(?:the\s+(?:meaning|definition) of\s+)?(?:an?\s+|the\s+|is\s+)?"
    r"(?P<phrase>[^?.!,;]+?)(?:\s+(?:mean|means|stand for|in (?:plain|simple)\b.*))?\s*[?.!,;]?\s*$",
    re.IGNORECASE,
)


def asked_for(text: str) -> list[Named]:
    """Return the term that a sentence asks the meaning of ("what does power mean?"), everyday words included."""
    asked = _ASKED.search(text.strip())
    return look_up(asked["phrase"]) if asked else []


def _exact(phrase: str) -> list[Named]:
    wanted = plain(phrase)
    return _names().get(wanted) or _names().get(_singular(wanted)) or []


def _distinct(found: Iterator[Named]) -> list[Named]:
    return list({(each.kind, each.key): each for each in found}.values())


def _singular(name: str) -> str:
    return name.removesuffix("s") if not name.endswith("ss") else name


def _without_brackets(title: str) -> str:
    return re.sub(r"\s*\([^)]*\)", "", title)


def _loader() -> type:
    import yaml

    loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return loader
