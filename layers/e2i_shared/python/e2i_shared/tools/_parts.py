"""Cited sentences of an explanation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json


@dataclass(frozen=True, slots=True)
class Cited:
    """Where a sentence comes from."""

    source: str
    reference: str
    step: int | None = None
    pointers: tuple[str, ...] = ()
    publication: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence or two with their sources."""

    kind: str
    title: str
    text: str
    citations: list[Cited]

    def as_json(self) -> Json:
        """Return it as JSON data."""
        return asdict(self)


def cite(
    source: str,
    reference: str,
    *,
    step: int | None = None,
    pointers: Sequence[str] = (),
    publication: str | None = None,
) -> Cited:
    """Return a citation."""
    return Cited(source, reference, step, tuple(pointers), publication)
