"""Full text and vectors over a tenant's answered questions and documents."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository
from e2i_shared.ports import Found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg.rows import DictRow

_NO_WORD = re.compile(r"\W+")  # what is left cannot be read as an operator


class PostgresSearch(Repository):
    """The search of one tenant; row-level security hides all others' rows."""

    def compositions(self, text: str, limit: int) -> Sequence[Found]:
        """Return answered questions that hold any of the words, best first."""
        return _found(self._rows(query("search", "compositions"), words=_words(text), limit=limit))

    def documents(self, text: str, limit: int) -> Sequence[Found]:
        """Return documents that hold any of the words, best first."""
        return _found(self._rows(query("search", "documents_by_words"), words=_words(text), limit=limit))

    def documents_near(
        self, embedding: Sequence[float], model: str, limit: int, min_similarity: float = 0.3
    ) -> Sequence[Found]:
        """Return documents by cosine similarity among vectors of the same model."""
        vector = json.dumps(list(embedding))
        statement = query("search", "documents_by_vector")
        rows = self._rows(statement, embedding=vector, model=model, limit=limit, min_similarity=min_similarity)
        return _found(rows)


def _words(text: str) -> str:
    return _NO_WORD.sub(" ", text.replace("_", " "))


def _found(rows: Sequence[DictRow]) -> list[Found]:
    return [Found(row["id"], row["title"], row["text"]) for row in rows]
