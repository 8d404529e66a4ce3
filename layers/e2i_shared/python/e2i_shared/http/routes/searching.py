"""Embeddings, and search over past questions, the glossary and documents."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from e2i_shared import bootstrap
from e2i_shared.api.search import (
    Embedding,
    EmbeddingBatchRequest,
    EmbeddingRequest,
    Embeddings,
    SearchKind,
    SearchResults,
)
from e2i_shared.http import caller, searching

router = Router()
TAGS = ["Search"]
Words = Annotated[str, Query(min_length=1, max_length=1000, description="What to look for, in plain words.")]
Kind = Annotated[SearchKind | None, Query(description="Only hits of this kind.")]
Limit = Annotated[int, Query(ge=1, le=50)]


@router.post("/embeddings", tags=TAGS, summary="Embed a text")
def embed_text(request: EmbeddingRequest) -> Embedding:
    """Return the unit vector of a text, with the name of the model that made it."""
    return searching.embedding(request.text, caller.current())


@router.post("/embeddings/batch", tags=TAGS, summary="Embed up to 100 texts")
def embed_texts(request: EmbeddingBatchRequest) -> Embeddings:
    """Return the unit vectors of texts, in their order."""
    return searching.embeddings(request.texts, caller.current())


@router.get("/search", tags=TAGS, summary="Search past questions, the glossary and documents")
def search(q: Words, kind: Kind = None, limit: Limit = 10) -> SearchResults:
    """Return what is nearest by words, by name and by vector, fused by reciprocal rank."""
    who = caller.current()
    return searching.search(bootstrap.for_tenant(who.tenant_id), q, [kind] if kind else [], limit, who.subject)
