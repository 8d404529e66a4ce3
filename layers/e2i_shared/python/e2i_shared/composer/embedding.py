"""A deterministic 1536-dimensional embedding of a question, computed locally from hashed words and letter groups.

Feature hashing with signs (Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning"): each feature adds
±weight at one place, so that the expected inner product of two texts is that of their feature counts. Texts that share words or
spelling are near; synonyms are not. Vectors of other models must never be compared with these: store ``MODEL`` beside them.
"""

from __future__ import annotations

import hashlib
import math
from itertools import pairwise
from typing import TYPE_CHECKING

from e2i_shared.composer.words import is_common, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "local-hash-1536-v1"
DIMENSIONS = 1536
_COMMON_WEIGHT, _PAIR_WEIGHT, _LETTERS_WEIGHT = 0.3, 0.6, 0.25


def embed(text: str) -> list[float]:
    """Return the unit vector of a text; the zero vector for a text without words."""
    vector = [0.0] * DIMENSIONS
    for feature, weight in _features(text):
        digest = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "little")
        vector[(digest >> 1) % DIMENSIONS] += weight if digest & 1 else -weight
    norm = math.sqrt(math.fsum(x * x for x in vector))
    return [x / norm for x in vector] if norm else vector


def _features(text: str) -> Iterator[tuple[str, float]]:
    stems = [(t.stem, _COMMON_WEIGHT if is_common(t.text) else 1.0) for t in tokenize(text)]
    for stem, weight in stems:
        yield f"w:{stem}", weight
        padded = f"^{stem}$"
        for i in range(len(padded) - 2):
            yield f"l:{padded[i : i + 3]}", weight * _LETTERS_WEIGHT
    for (left, a), (right, b) in pairwise(stems):
        yield f"p:{left} {right}", _PAIR_WEIGHT * max(a, b)
