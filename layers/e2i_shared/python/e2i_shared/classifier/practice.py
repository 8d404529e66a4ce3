"""Practice sentences for training: patterns expanded with a fixed seed. They never become test rows."""

from __future__ import annotations

import math
import random
import re
from typing import TYPE_CHECKING, Any

import yaml

from e2i_shared.classifier.corpus import Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_CHOICE = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[\w']+")
_SPACES = re.compile(r"\s+")
SEED = 20261001
PER_PATTERN = 10
PAIRS = 1000
APART = 600
_BACKGROUND = 0.12
_JOINS = (", and ", " and ", "? ", "; ", ". ", ", ", "? And ", "\n", " - ", ", plus ")
_THEN = (
    ", then ",
    " and then ",
    ". Then ",
    "; then ",
    ", next ",
    ". After that, ",
    ". Based on that, ",
    " and use that to ",
    "? Finally, ",
)
_ALSO = (
    ", and ",
    " and ",
    "? ",
    "; ",
    ". Also, ",
    "? Separately, ",
    ", plus ",
    "\n",
    " + ",
    ", as well as ",
    "? On another note, ",
    ". Independently, ",
    ", and also ",
    " & ",
)


def unlike(practice: Sequence[Row], tested: Sequence[Row], limit: float = 0.75) -> list[Row]:
    """Return the practice rows that share fewer than ``limit`` of their words with every tested row (Jaccard)."""
    by_size: dict[int, list[frozenset[str]]] = {}
    for row in tested:
        bag = _bag(row)
        by_size.setdefault(len(bag), []).append(bag)
    return [row for row in practice if not _is_like(_bag(row), by_size, limit)]


def _is_like(bag: frozenset[str], by_size: Mapping[int, Sequence[frozenset[str]]], limit: float) -> bool:
    """Tell whether a bag is close to one of the others; only bags of about its size can be."""
    sizes = range(math.floor(limit * len(bag)), math.ceil(len(bag) / limit) + 1)
    return any(_overlap(bag, other) >= limit for size in sizes for other in by_size.get(size, ()))


def _bag(row: Row) -> frozenset[str]:
    """Return the words of a row."""
    return frozenset(_WORD.findall(row.query.lower()))


def _overlap(left: frozenset[str], right: frozenset[str]) -> float:
    """Return the share of words that two bags have in common."""
    return len(left & right) / max(1, len(left | right))


class Practice:
    """Expands patterns. ``rows`` returns labelled queries of one, two and three parts."""

    def __init__(self, path: Path, seed: int = SEED) -> None:
        self._patterns: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        self._chance = random.Random(seed)  # noqa: S311 - reproducible practice, nothing secret
        self._domains = [name for name in self._patterns["clauses"] if name != "NONE"]

    def expand(self, pattern: str) -> str:
        """Return one sentence of a pattern, innermost choices first, then slots."""
        text = str(pattern)
        while choice := _CHOICE.search(text):
            text = text[: choice.start()] + self._chance.choice(choice.group(1).split("|")) + text[choice.end() :]
        text = _SLOT.sub(lambda match: self._chance.choice(self._patterns["slots"][match.group(1)]), text)
        return _SPACES.sub(" ", text).strip().replace(" ,", ",")

    def clause(self, domain: str) -> str:
        """Return a clause of a domain."""
        return self.expand(self._chance.choice(self._patterns["clauses"][domain]))

    def rows(self) -> list[Row]:
        """Return all practice rows."""
        rows = [
            self._single(domain, pattern)
            for domain, patterns in self._patterns["clauses"].items()
            for pattern in patterns * PER_PATTERN
        ]
        rows += [self._linked() for _ in range(PAIRS)]
        rows += [self._conditional() for _ in range(PAIRS // 3)]
        rows += [self._ordered() for _ in range(PAIRS // 3)]
        rows += [self._apart() for _ in range(APART)]
        return rows

    def _single(self, domain: str, pattern: str) -> Row:
        """Return a question of one part, sometimes with a polite opening."""
        polite = self._chance.choice(self._patterns["polite"]) if domain != "NONE" else ""
        if domain != "NONE" and self._chance.random() < _BACKGROUND:
            said = self.expand(self._chance.choice(self._patterns["backgrounds"]))
            polite = said + self._chance.choice((".", ".", ",", ";", ":", " -"))
        return self._row([(polite + " " if polite else "", "", ""), ("", self.expand(pattern), domain)], ())

    def _linked(self) -> Row:
        """Return a part and one or two that need it; an order word makes a mere reference a sequence."""
        kind = self._chance.choices(("REFERENCE_CHAIN", "LOGICAL_SEQUENCE", "ENTITY_TRANSFORMATION"), (4, 3, 4))[0]
        follow = self._chance.choice(self._patterns["follows"][kind])
        first = self._chance.choice(follow["after"])
        join = self._chance.choice(_JOINS)
        if kind != "REFERENCE_CHAIN" or follow["domain"] != "EXPLANATION":
            ordered = self._chance.random() < 0.3
            join = self._chance.choice(_THEN) if ordered else join
            kind = "LOGICAL_SEQUENCE" if ordered and kind == "REFERENCE_CHAIN" else kind
        parts = [("", self.clause(first), first), (join, self.expand(follow["text"]), follow["domain"])]
        edges = [(0, 1, kind)]
        if self._chance.random() < 0.35:
            self._third(parts, edges)
        return self._row(parts, tuple(edges))

    def _third(self, parts: list[tuple[str, str, str]], edges: list[tuple[int, int, str]]) -> None:
        """Add a part that needs the second, or the first where the second is no ground for it."""
        kind = self._chance.choice(("REFERENCE_CHAIN", "ENTITY_TRANSFORMATION"))
        fits = [
            (follow, source)
            for follow in self._patterns["follows"][kind]
            for source in ((1,) if kind == "ENTITY_TRANSFORMATION" else (0,))
            if parts[source][2] in follow["after"] and follow["domain"] not in {part[2] for part in parts}
        ]
        if fits:
            follow, source = self._chance.choice(fits)
            parts.append((self._chance.choice(_JOINS[:6]), self.expand(follow["text"]), follow["domain"]))
            edges.append((source, 2, kind))

    def _conditional(self) -> Row:
        """Return a condition, before or behind what hangs on it."""
        condition = self._chance.choice(list(self._patterns["statements"]))
        other = self._chance.choice([name for name in self._domains if name != condition])
        fact, act = self.expand(self._chance.choice(self._patterns["statements"][condition])), self.clause(other)
        form = self._chance.randrange(4)
        if form == 0:
            word = self._chance.choice(("if ", "provided ", "assuming ", "in case ", "unless ", "only if ", "when "))
            return self._row(
                [("", word + fact, condition), (self._chance.choice((", ", ", then ", " then ")), act, other)],
                ((0, 1, "CONDITIONAL"),),
            )
        if form == 1:
            word = self._chance.choice(
                (" if ", ", but only if ", " only if ", " provided ", " unless ", ", assuming ", " as long as ")
            )
            return self._row([("", act, other), (word, fact, condition)], ((1, 0, "CONDITIONAL"),))
        word = self._chance.choice(
            (
                "If so, ",
                "if yes, ",
                "If it is, ",
                "If not, ",
                "otherwise ",
                "if that holds, ",
                "If it does, ",
                "only then ",
                "If they are, ",
            )
        )
        first = self.clause(condition)
        return self._row(
            [("", first, condition), (self._chance.choice(("? ", "; ", ". ", ", and ", ", ")), word + act, other)],
            ((0, 1, "CONDITIONAL"),),
        )

    def _ordered(self) -> Row:
        """Return two parts whose order is said by before, after or once, forward and backward."""
        early, late = self._chance.sample([name for name in self._patterns["firsts"] if name in self._domains], 2)
        form = self._chance.randrange(8)
        done = self.expand(self._chance.choice(self._patterns["firsts"][early]))
        goal = self.expand(self._chance.choice(self._patterns["firsts"][late]))
        kind = "LOGICAL_SEQUENCE"
        if form == 0:
            return self._row([("", f"before {goal}", late), (", ", self.clause(early), early)], ((1, 0, kind),))
        if form == 1:
            return self._row([("", self.clause(early), early), (" before ", goal, late)], ((0, 1, kind),))
        if form == 2:
            return self._row(
                [
                    (self._chance.choice(("after ", "once ", "having ", "now that ")), done, early),
                    (", ", self.clause(late), late),
                ],
                ((0, 1, kind),),
            )
        return self._row(
            [("", self.clause(late), late), (self._chance.choice((" after ", ", but first ", " once ")), done, early)],
            ((1, 0, kind),),
        )

    def _purpose(self, early: str, aim: str) -> Row:
        """Return a part and what it is needed for, forward and backward."""
        late = next(
            name
            for name, forms in self._patterns["purposes"].items()
            if any(aim.split(maxsplit=1)[0] in form for form in forms)
        )
        if self._chance.random() < 0.5:
            join = self._chance.choice(
                (
                    " so we can ",
                    " so that we can ",
                    ", so I can ",
                    ", then use that to ",
                    " in order to ",
                    " and use it to ",
                )
            )
            return self._row([("", self.clause(early), early), (join, aim, late)], ((0, 1, "LOGICAL_SEQUENCE"),))
        opening = self._chance.choice(("so that we can ", "in order to ", "so we can "))
        return self._row([("", opening + aim, late), (", ", self.clause(early), early)], ((1, 0, "LOGICAL_SEQUENCE"),))

    def _apart(self) -> Row:
        """Return two or three parts that do not need each other: each names its own things."""
        domains = self._chance.sample(self._domains, self._chance.choice((2, 2, 2, 3)))
        if self._chance.random() < 0.4:
            return self._listed(domains)
        parts = [
            ("" if at == 0 else self._chance.choice(_ALSO), self.clause(domain), domain)
            for at, domain in enumerate(domains)
        ]
        return self._row(parts, ())

    def _listed(self, domains: list[str]) -> Row:
        """Return parts named by nouns, in a sentence or in a numbered list."""
        items = [self.expand(self._chance.choice(self._patterns["nouns"][domain])) for domain in domains]
        opening = self._chance.choice(self._patterns["openings"])
        marks = self._chance.choice((None, None, None, None, "{}. ", "{}) ", "- ", "({}) "))
        if marks is None:
            joins = [
                "",
                *[self._chance.choice((", ", "; "))] * (len(items) - 2),
                self._chance.choice((" and ", ", and ", ", ", "; ", " + ", ", plus ")),
            ]
        else:
            joins = [
                ("\n" if at and self._chance.random() < 0.6 else " " if at else "") + marks.format(at + 1)
                for at in range(len(items))
            ]
        parts = [(join, item, domain) for join, item, domain in zip(joins, items, domains, strict=True)]
        return self._row([(f"{opening} " if opening else "", "", ""), *parts], ())

    def _row(self, parts: list[tuple[str, str, str]], edges: tuple[tuple[int, int, str], ...]) -> Row:
        """Write the parts down as one labelled query."""
        query, spans = "", []
        for before, text, domain in parts:
            query += before
            if domain and domain != "NONE":
                spans.append((len(query), len(query) + len(text), domain))
            query += text
        query = query + "?" if self._chance.random() < 0.5 else query
        query = query[0].upper() + query[1:] if self._chance.random() < 0.6 else query
        domains = tuple(dict.fromkeys(span[2] for span in spans))
        return Row(f"practice-{query[:40]}", query, (), "", domains, tuple(spans), edges)
