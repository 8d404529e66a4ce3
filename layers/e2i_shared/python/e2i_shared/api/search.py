"""Embeddings, and search over what a tenant asked, the glossary, and its documents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from e2i_shared.api.common import Wire

Text = Annotated[str, Field(min_length=1, max_length=8000)]
SearchKind = Literal["composition", "term", "kpi", "document"]


class EmbeddingRequest(Wire):
    """``POST /embeddings``."""

    text: Text


class EmbeddingBatchRequest(Wire):
    """``POST /embeddings/batch``."""

    texts: Annotated[list[Text], Field(min_length=1, max_length=100)]


class Embedding(Wire):
    """A unit vector, and the model that made it: vectors of different models are never compared."""

    model: str
    dimensions: int
    embedding: list[float]


class Embeddings(Wire):
    """Unit vectors in the order of the texts."""

    model: str
    dimensions: int
    embeddings: list[list[float]]


class SearchHit(Wire):
    """Something found; ``score`` is the reciprocal-rank sum over the rankings it is in, ``matched`` names those."""

    kind: SearchKind
    id: str
    title: str
    text: str = ""
    score: float
    matched: list[Literal["words", "vector", "name"]]


class SearchResults(Wire):
    """``GET /search``: best first."""

    items: list[SearchHit]
