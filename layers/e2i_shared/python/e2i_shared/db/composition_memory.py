"""What past compositions are remembered for: questions near one, and questions of one shape that were answered in full."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from e2i_shared.composer.model import SimilarComposition
from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository, known_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg.rows import DictRow


class Memory(Repository):
    """The past compositions of one tenant; row-level security hides all others'."""

    def similar(
        self, embedding: Sequence[float], model: str, limit: int = 5, min_similarity: float = 0.7
    ) -> Sequence[SimilarComposition]:
        """Return past episodes by cosine similarity among vectors of the same model."""
        values = {"embedding": json.dumps(list(embedding)), "model": model}
        statement = query("compositions", "similar")
        return [_similar(row) for row in self._rows(statement, **values, limit=limit, min_similarity=min_similarity)]

    def neighbours(
        self, composition_id: str, limit: int = 5, min_similarity: float = 0.7
    ) -> Sequence[SimilarComposition]:
        """Return past episodes near this one by their stored vectors of the same model, without itself."""
        values = {"composition_id": known_id(composition_id, "composition"), "limit": limit}
        rows = self._rows(query("compositions", "neighbours"), **values, min_similarity=min_similarity)
        return [_similar(row) for row in rows]

    def answered_alike(self, domains: Sequence[str], edges: Sequence[str], limit: int) -> Sequence[str]:
        """Return ids of episodes of the same shape that were answered in full, newest first; edges are ``Q1>Q2:TYPE``, sorted."""
        values = {"domains": list(domains), "edges": sorted(edges), "limit": limit}
        return [row["composition_id"] for row in self._rows(query("compositions", "answered_alike"), **values)]


def _similar(row: DictRow) -> SimilarComposition:
    return SimilarComposition(
        composition_id=row["composition_id"],
        query=row["query_text"],
        similarity=row["similarity"],
        success=row["success"],
    )
