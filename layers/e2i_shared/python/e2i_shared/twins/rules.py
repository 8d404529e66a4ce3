"""What holds between columns in every row, found in the data, so that a population drawn from them never breaks it.

Kinds: a ≤ b (``nrx ≤ trx``), a column computed from others (``total = new + refills``), a column decided by a finer one
(``region`` by ``territory``, ``season`` by ``month``), a computed share that stays one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

TOLERANCE = 1e-6
LEAST_CORRELATION = 0.2
LEAST_BROKEN_BY_CHANCE = 0.01  # share of rows that would break a real rule were the columns independent
NEAR, LEAST_NEAR = 0.9, 0.02
PROBE = 300
ROWS_PER_VALUE = 20


@dataclass(frozen=True, slots=True)
class AtMost:
    """``column`` ≤ ``bound`` in every row; ``tight`` where rows come near the bound, so that it shapes the column."""

    column: str
    bound: str
    tight: bool = True

    def breaks(self, values: Mapping[str, Floats]) -> Mask:
        """Return which rows (n,) break it; a missing value breaks nothing."""
        a, b = values[self.column], values[self.bound]
        return np.asarray(a > b + TOLERANCE * np.maximum(1.0, np.abs(b)))

    def broken(self, values: Mapping[str, Floats]) -> int:
        """Return how many rows break it."""
        return int(self.breaks(values).sum())


@dataclass(frozen=True, slots=True)
class Within:
    """A computed ``column`` lies from ``low`` to ``high``: a share, or nothing below zero."""

    column: str
    low: float
    high: float

    def breaks(self, values: Mapping[str, Floats]) -> Mask:
        """Return which rows (n,) break it; a missing value breaks nothing."""
        held = values[self.column]
        return np.asarray((held < self.low - TOLERANCE) | (held > self.high + TOLERANCE))

    def broken(self, values: Mapping[str, Floats]) -> int:
        """Return how many rows break it."""
        return int(self.breaks(values).sum())


@dataclass(frozen=True, slots=True)
class Computed:
    """``column`` = constant + Σ weight·source, or with ``product`` the product (or ratio) of two sources."""

    column: str
    sources: tuple[str, ...]
    weights: tuple[float, ...] = ()
    constant: float = 0.0
    product: str = ""

    def of(self, values: Mapping[str, Floats]) -> Floats:
        """Return the column (n,) from its sources."""
        parts = [values[s] for s in self.sources]
        if self.product == "times":
            return np.asarray(parts[0] * parts[1])
        if self.product == "over":
            return np.asarray(np.divide(parts[0], parts[1], out=np.zeros_like(parts[0]), where=parts[1] != 0))
        return np.asarray(self.constant + sum(w * p for w, p in zip(self.weights, parts, strict=True)))

    def broken(self, values: Mapping[str, Floats]) -> int:
        """Return how many rows break it."""
        wanted = self.of(values)
        return int((np.abs(values[self.column] - wanted) > _slack(wanted)).sum())


@dataclass(frozen=True, slots=True)
class Decided:
    """``column``'s value (or code) is that of ``values`` at the place in ``keys`` of ``by``'s value (or code)."""

    column: str
    by: str
    keys: tuple[float, ...]
    values: tuple[float, ...]

    def of(self, values: Mapping[str, Floats]) -> Floats:
        """Return the column (n,), by the nearest key: what is computed may differ from it in its last digit."""
        keys = np.asarray(self.keys)
        return np.asarray(self.values)[np.searchsorted((keys[:-1] + keys[1:]) / 2, values[self.by])]

    def broken(self, values: Mapping[str, Floats]) -> int:
        """Return how many rows break it."""
        return int((values[self.column] != self.of(values)).sum())


Rule = AtMost | Computed | Decided | Within


@dataclass(frozen=True, slots=True)
class Rules:
    """All that was found; the order of ``computed`` lets each be computed from what is there.

    ``derived`` is what holds of computed columns: it cannot shape them, so rows that break it are drawn again.
    """

    at_most: tuple[AtMost, ...]
    computed: tuple[Computed, ...]
    decided: tuple[Decided, ...]
    derived: tuple[AtMost | Within, ...] = ()

    @property
    def every(self) -> tuple[Rule, ...]:
        """All rules."""
        return (*self.at_most, *self.computed, *self.decided, *self.derived)

    def broken(self, values: Mapping[str, Floats]) -> int:
        """Return how many times rows break a rule; rows with a missing value in it keep it."""
        return sum(rule.broken(_complete(rule, values)) for rule in self.every)


def discover(numbers: Mapping[str, Floats], categories: Mapping[str, Floats]) -> Rules:
    """Return the rules of numeric columns (n,) with NaN where missing, and of category codes (n,)."""
    decided = _decided(dict(numbers) | dict(categories))
    gone = {rule.column for rule in decided}
    own = {name: values for name, values in numbers.items() if name not in gone}
    computed = _computed(own)
    free = [name for name in own if name not in {rule.column for rule in computed}]
    made = [rule.column for rule in computed]
    pairs = [(a, b) for a, b in itertools.permutations(own, 2) if a in made or b in made]
    derived: tuple[AtMost | Within, ...] = (*_at_most(own, pairs), *_within(own, made))
    return Rules(_at_most(own, itertools.permutations(free, 2)), computed, decided, derived)


def _within(numbers: Mapping[str, Floats], computed: Sequence[str]) -> tuple[Within, ...]:
    """Return that computed columns never negative stay so, and that those from 0 to 1 stay shares."""
    ranges = {name: (float(np.nanmin(numbers[name])), float(np.nanmax(numbers[name]))) for name in computed}
    return tuple(Within(n, 0.0, 1.0 if high <= 1 else np.inf) for n, (low, high) in ranges.items() if low >= 0)


def _at_most(numbers: Mapping[str, Floats], pairs: Iterable[tuple[str, str]]) -> tuple[AtMost, ...]:
    found = []
    for a, b in pairs:
        x, y = _both(numbers[a], numbers[b])
        if len(x) < PROBE or np.ptp(x) == 0 or np.ptp(y) == 0 or (x > y).any():
            continue
        shuffled = np.roll(y, len(y) // 2 + 1)
        if (x > shuffled).mean() >= LEAST_BROKEN_BY_CHANCE and np.corrcoef(x, y)[0, 1] >= LEAST_CORRELATION:
            near = float((x >= NEAR * y).mean()) if x.min() >= 0 else float((y - x <= (1 - NEAR) * np.ptp(y)).mean())
            found.append(AtMost(a, b, tight=near >= LEAST_NEAR))
    return tuple(found)


def _computed(numbers: Mapping[str, Floats]) -> tuple[Computed, ...]:
    """Return columns that others give exactly, later ones first; a source may be computed itself, but never from what it gives.

    In reverse they can be computed one after the other.
    """
    found: dict[str, Computed] = {}
    for name in reversed(list(numbers)):
        others = [o for o in numbers if o != name and name not in _behind(o, found)]
        rule = _linear(name, others, numbers) or _product(name, others, numbers)
        if rule:
            found[name] = rule
    depth = {name: len(_chain(name, found)) for name in found}
    return tuple(found[name] for name in sorted(found, key=lambda n: -depth[n]))


def _behind(name: str, found: Mapping[str, Computed]) -> set[str]:
    """Return the columns that a column is computed from, directly or not."""
    sources = found[name].sources if name in found else ()
    return set(sources).union(*(_behind(source, found) for source in sources))


def _chain(name: str, found: Mapping[str, Computed]) -> tuple[str, ...]:
    """Return the longest chain of computed columns that ends with a column."""
    if name not in found:
        return ()
    return (*max((_chain(source, found) for source in found[name].sources), key=len, default=()), name)


def _linear(name: str, others: Sequence[str], numbers: Mapping[str, Floats]) -> Computed | None:
    y = numbers[name]
    if not others or np.isnan(y).any() or np.ptp(y) == 0:
        return None
    whole = [o for o in others if not np.isnan(numbers[o]).any() and np.ptp(numbers[o]) > 0]
    if not whole or _misses(y, whole, numbers):
        return None
    for source in reversed(whole[:]):
        fewer = [o for o in whole if o != source]
        if fewer and not _misses(y, fewer, numbers):
            whole = fewer
    weights = _weights(y, whole, numbers)
    rule = Computed(name, tuple(whole), tuple(_rounded(w) for w in weights[1:]), _rounded(weights[0]))
    return rule if not rule.broken(numbers) else None


def _misses(y: Floats, sources: Sequence[str], numbers: Mapping[str, Floats]) -> bool:
    """Return whether no weighted sum of sources gives y (n,), on some rows and then on all."""
    for rows in (slice(PROBE), slice(None)):
        some = {o: numbers[o][rows] for o in sources}
        weights = _weights(y[rows], sources, some)
        fitted = weights[0] + sum(w * some[o] for w, o in zip(weights[1:], sources, strict=True))
        if (np.abs(fitted - y[rows]) > _slack(y[rows])).any():
            return True
    return False


def _weights(y: Floats, sources: Sequence[str], numbers: Mapping[str, Floats]) -> Floats:
    design = np.column_stack([np.ones(len(y)), *(numbers[o] for o in sources)])
    scale = np.maximum(np.abs(design).max(axis=0), 1e-300)
    return np.asarray(np.linalg.lstsq(design / scale, y, rcond=1e-10)[0] / scale)


def _product(name: str, others: Sequence[str], numbers: Mapping[str, Floats]) -> Computed | None:
    probe = {o: numbers[o][:PROBE] for o in (name, *others)}
    if np.isnan(numbers[name]).any() or np.ptp(numbers[name]) == 0:
        return None
    for a, b in itertools.permutations(others, 2):
        for kind in ("times", "over"):
            rule = Computed(name, (a, b), product=kind)
            if (kind == "times" and a > b) or np.isnan(probe[a]).any() or np.isnan(probe[b]).any():
                continue
            if not rule.broken(probe) and not rule.broken(numbers):
                return rule
    return None


def _decided(columns: Mapping[str, Floats]) -> tuple[Decided, ...]:
    """Return columns of few values that another one decides; a column that decides is not itself decided."""
    coded = {name: codes for name, values in columns.items() if (codes := _few_values(values)) is not None}
    found: list[Decided] = []
    for name, by in itertools.permutations(coded, 2):
        gone, used = {r.column for r in found}, {r.by for r in found}
        if name in gone or by in gone or name in used:
            continue
        (own, a), (keys, b) = coded[name], coded[by]
        table = np.zeros(len(keys), dtype=np.intp)
        table[b] = a
        if 1 < len(own) <= len(keys) and (table[b] == a).all():
            found.append(Decided(name, by, tuple(keys.tolist()), tuple(own[table].tolist())))
    return tuple(found)


def _few_values(values: Floats) -> tuple[Floats, NDArray[np.intp]] | None:
    """Return a column's values (k,) and codes (n,), where each is shared by rows enough."""
    if np.isnan(values).any():
        return None
    held, codes = np.unique(values, return_inverse=True)
    return (held, codes.ravel()) if len(values) >= ROWS_PER_VALUE * len(held) else None


def _both(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    present = ~(np.isnan(x) | np.isnan(y))
    return x[present], y[present]


def _complete(rule: Rule, values: Mapping[str, Floats]) -> dict[str, Floats]:
    names = (rule.column, *_others(rule))
    rows = ~np.isnan(np.column_stack([values[n] for n in names])).any(axis=1)
    return {n: values[n][rows] for n in names}


def _others(rule: Rule) -> tuple[str, ...]:
    if isinstance(rule, Computed):
        return rule.sources
    if isinstance(rule, Within):
        return ()
    return (rule.bound if isinstance(rule, AtMost) else rule.by,)


def _slack(values: Floats) -> Floats:
    return np.asarray(TOLERANCE * np.maximum(1.0, np.abs(values)))


def _rounded(weight: float) -> float:
    near = round(float(weight), 6)
    return near if abs(near - weight) <= 1e-8 * max(1.0, abs(weight)) else float(weight)
