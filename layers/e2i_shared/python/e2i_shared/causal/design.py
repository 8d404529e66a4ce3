"""Covariates as matrices: one for trees (missing stays missing), one for linear models (indicators, standardised).

Categories never explode: levels held by fewer than 1% of the units (or fewer than 10) are pooled, and trees see a category of
many levels as one column of codes ranked by frequency, which uses no outcome. Linear models also see products of the indicators of
two categories, where enough units hold both.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.errors import EstimationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST_INDICATORS = 30
TREE_INDICATORS = 12
PRODUCTS = "combinations of categories"  # owner of their columns
RARE_SHARE, RARE_COUNT = 0.01, 10
UNITS_PER_PRODUCT, MOST_PRODUCTS = 500, 100


@dataclass(frozen=True, slots=True)
class Covariate:
    """A column (n,): numbers with NaN where missing, or, with ``levels``, codes into them with NaN or −1 where missing."""

    name: str
    values: Floats
    levels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Design:
    """``trees`` (n, q) float32 and ``linear`` (n, p) float64, mean 0 and standard deviation 1; owners name each column's source.

    ``dropped`` says which covariates carry nothing and why.
    """

    trees: NDArray[np.float32]
    linear: Floats
    linear_owners: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Design:
        """Return the rows given."""
        return Design(self.trees[rows], self.linear[rows], self.linear_owners, self.dropped)

    def with_columns(self, extra: Floats, name: str) -> Design:
        """Return the design with numeric columns (n, k) added to both matrices."""
        trees = np.column_stack([self.trees, extra.astype(np.float32)])
        owners = (*self.linear_owners, *[name] * extra.shape[1])
        return Design(trees, np.column_stack([self.linear, _standardised(extra)]), owners, self.dropped)


def encode(covariates: Sequence[Covariate], n: int) -> Design:
    """Return the design of ``covariates``, without constant, empty and duplicate columns, nor one on another scale.

    Raises EstimationError where a column holds infinite values.
    """
    kept: dict[bytes, str] = {}
    dropped: list[tuple[str, str]] = []
    trees: list[Floats] = []
    linear: list[Floats] = []
    owners: list[str] = []
    indicators: list[Floats] = []
    for covariate in covariates:
        _refuse_infinite(covariate)
        why = _useless(covariate, kept)
        if why:
            dropped.append((covariate.name, why))
            continue
        for_trees, for_linear = _encode_one(covariate)
        trees.append(for_trees)
        linear.append(for_linear)
        owners += [covariate.name] * for_linear.shape[1]
        if covariate.levels is not None:
            indicators.append(for_linear)
    products = _products(indicators, n)
    linear.append(products)
    owners += [PRODUCTS] * products.shape[1]
    return Design(
        np.column_stack(trees).astype(np.float32) if trees else np.zeros((n, 0), dtype=np.float32),
        _standardised(np.column_stack(linear)) if linear else np.zeros((n, 0)),
        tuple(owners),
        tuple(dropped),
    )


def _products(blocks: list[Floats], n: int) -> Floats:
    """Return products (n, k) of indicators of different categories, the best supported first."""
    most = min(MOST_PRODUCTS, n // UNITS_PER_PRODUCT)
    floor = max(RARE_COUNT, RARE_SHARE * n)
    found: list[tuple[float, Floats]] = []
    for left, right in itertools.combinations(blocks, 2):
        counts = left.T @ right
        rows, columns = np.nonzero(counts >= floor)
        found += [(float(counts[i, j]), left[:, i] * right[:, j]) for i, j in zip(rows, columns, strict=True)]
    found.sort(key=lambda pair: -pair[0])
    return np.column_stack([column for _, column in found[:most]]) if found[:most] else np.zeros((n, 0))


def _refuse_infinite(covariate: Covariate) -> None:
    infinite = int(np.isinf(covariate.values).sum())
    if infinite:
        raise EstimationError(
            f"Covariate {covariate.name!r} holds {infinite} infinite values.",
            field="confounders",
            expected="finite numbers, or missing",
            got=covariate.name,
            hint="Correct these values, or leave the column out.",
        )


def _useless(covariate: Covariate, kept: dict[bytes, str]) -> str | None:
    held = _present(covariate)
    if not held.any():
        return "all values are missing"
    first = covariate.values[held][0]
    if (covariate.values[held] == first).all() and held.all():
        return "never varies"
    key = np.where(held, covariate.values, np.nan).tobytes()
    if key in kept:
        return f"equals {kept[key]}"
    kept[key] = covariate.name
    line = _shape(covariate) if held.all() else None
    if line is not None and line in kept:
        return f"is {kept[line]} on another scale"
    if line is not None:
        kept[line] = covariate.name
    return None


def _shape(covariate: Covariate) -> bytes | None:
    """Return what a number's columns b + c·x share for all b and c, to six digits; None for categories."""
    if covariate.levels is not None:
        return None
    centred = covariate.values - covariate.values.mean()
    standard = centred / centred.std()
    first = standard[int(np.abs(standard).argmax())]
    return b"line" + bytes(np.round(standard * np.sign(first), 6).tobytes())


def _present(covariate: Covariate) -> NDArray[np.bool_]:
    present = ~np.isnan(covariate.values)
    return present if covariate.levels is None else present & (covariate.values >= 0)


def _encode_one(covariate: Covariate) -> tuple[Floats, Floats]:
    present = _present(covariate)
    if covariate.levels is not None:
        return _encode_levels(np.where(present, covariate.values, -1).astype(np.intp))
    values = covariate.values
    if present.all():
        return values[:, None], values[:, None]
    filled = np.where(present, values, values[present].mean())
    return np.where(present, values, np.nan)[:, None], np.column_stack([filled, ~present])


def _encode_levels(codes: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Encode codes (n,), −1 for missing, which is a level of its own."""
    held, ranked, counts = np.unique(codes, return_inverse=True, return_counts=True)
    rank = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")[ranked.ravel()]
    floor = max(RARE_COUNT, RARE_SHARE * len(codes))
    common = int(min((counts >= floor).sum(), MOST_INDICATORS + 1))
    pooled = np.minimum(rank, common)
    # The most frequent level is the reference.
    indicators = (pooled[:, None] == np.arange(1, pooled.max() + 1)).astype(np.float64)
    ranks = rank[:, None].astype(np.float64)
    for_trees = indicators if len(held) <= TREE_INDICATORS and indicators.shape[1] else ranks
    return for_trees, indicators if indicators.shape[1] else ranks


def _standardised(columns: Floats) -> Floats:
    spread = columns.std(axis=0)
    return np.asarray((columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1.0))
