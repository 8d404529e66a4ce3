"""The trained numbers, read once."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from e2i_shared.classifier.linear import LinearModel

if TYPE_CHECKING:
    from collections.abc import Mapping

MODELS = ("boundary", "second", "domain", "link", "confidence")
FILE = "weights.json.gz"


@dataclass(frozen=True, slots=True)
class Weights:
    """Five linear models, two lists of words, and how good the same training was on test rows (``marks``: row by row).

    ``known`` words are never taken for misspellings; ``familiar`` ones were seen in questions that can be answered.
    """

    boundary: LinearModel
    second: LinearModel
    domain: LinearModel
    link: LinearModel
    confidence: LinearModel
    known: frozenset[str]
    familiar: frozenset[str]
    version: str
    measured: dict[str, float] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the file's content; the same weights give the same bytes."""
        data: dict[str, Any] = {name: getattr(self, name).to_json() for name in MODELS}
        text = json.dumps(
            data
            | {"known": sorted(self.known), "familiar": sorted(self.familiar)}
            | {"measured": self.measured, "marks": self.marks},
            separators=(",", ":"),
            ensure_ascii=False,
        )
        return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def from_bytes(content: bytes) -> Weights:
    """Read what ``to_bytes`` wrote; the version is a digest of the content."""
    text = gzip.decompress(content)
    data: Mapping[str, Any] = json.loads(text)
    models = {name: LinearModel.from_json(data[name]) for name in MODELS}
    return Weights(
        **models,
        known=frozenset(data["known"]),
        familiar=frozenset(data.get("familiar", data["known"])),
        version=hashlib.sha256(text).hexdigest()[:12],
        measured=data.get("measured", {}),
        marks=data.get("marks", {}),
    )


@cache
def weights() -> Weights:
    """Return the shipped weights."""
    return from_bytes(files("e2i_shared.classifier").joinpath(FILE).read_bytes())
