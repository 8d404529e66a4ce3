"""Adjusting p-values for the number of tests made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def holm(p: Sequence[float]) -> NDArray[np.float64]:
    """Return Holm's adjusted p-values (k,): the chance of any false rejection stays below α whatever the tests' dependence.

    Formula: max over the tests up to it of (k − i + 1)·p₍ᵢ₎, at most 1 (Holm, Scandinavian Journal of Statistics 6, 1979).
    """
    values = np.asarray(p, dtype=np.float64)
    order, k = np.argsort(values, kind="stable"), len(values)
    adjusted = np.empty(k)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate((k - np.arange(k)) * values[order]))
    return adjusted


def benjamini_hochberg(p: Sequence[float]) -> NDArray[np.float64]:
    """Return adjusted p-values (k,) that keep the expected share of false rejections below α for independent tests.

    Formula: min over the tests from it on of k·p₍ᵢ₎/i (Benjamini and Hochberg, JRSS B 57, 1995).
    """
    values = np.asarray(p, dtype=np.float64)
    order, k = np.argsort(values, kind="stable"), len(values)
    scaled = k * values[order] / np.arange(1, k + 1)
    adjusted = np.empty(k)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return adjusted
