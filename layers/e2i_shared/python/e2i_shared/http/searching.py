"""Search over past questions, the glossary and documents: rankings by words and by vectors, fused by reciprocal rank.

Cormack, Clarke and Büttcher 2009, "Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank Learning Methods":
a hit scores the sum over rankings of 1 / (60 + its rank).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from e2i_shared.api.search import Embedding, Embeddings, SearchHit, SearchResults
from e2i_shared.composer.embedding import DIMENSIONS
from e2i_shared.http import language
from e2i_shared.ports import Found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_shared.api.search import SearchKind
    from e2i_shared.http.caller import Caller
    from e2i_shared.ports import Tenant

    How = Literal["words", "vector", "name"]
    Ranking = tuple[SearchKind, How, Sequence[Found]]

CONSTANT = 60
DEPTH = 50  # of each ranking
NEAR_FROM = 0.3
EXCERPT = 300


def embedding(text: str, who: Caller) -> Embedding:
    """Return the vector of a text."""
    made = language.embed(who.tenant_id, [text], who.subject)
    return Embedding(model=made.model, dimensions=DIMENSIONS, embedding=made.vectors[0])


def embeddings(texts: Sequence[str], who: Caller) -> Embeddings:
    """Return the vectors of texts, in their order."""
    made = language.embed(who.tenant_id, texts, who.subject)
    return Embeddings(model=made.model, dimensions=DIMENSIONS, embeddings=made.vectors)


def search(
    tenant: Tenant, text: str, kinds: Sequence[SearchKind], limit: int, user_id: str | None = None
) -> SearchResults:
    """Return the best hits of the kinds asked for (all, where none is)."""
    wanted = [each for each in _rankings(tenant, text, user_id) if not kinds or each[0] in kinds]
    return SearchResults(items=fuse(wanted)[:limit])


def fuse(rankings: Sequence[Ranking]) -> list[SearchHit]:
    """Return every hit once, by its reciprocal-rank sum; ties by kind and id."""
    hits: dict[tuple[SearchKind, str], SearchHit] = {}
    for kind, how, ranking in rankings:
        for rank, found in enumerate(ranking, start=1):
            before = hits.get((kind, found.id))
            score = 1 / (CONSTANT + rank) + (before.score if before else 0.0)
            text = found.text or (before.text if before else "")
            matched = list(dict.fromkeys([*(before.matched if before else []), how]))
            hit = SearchHit(kind=kind, id=found.id, title=found.title, text=text, score=score, matched=matched)
            hits[kind, found.id] = hit
    return sorted(hits.values(), key=lambda hit: (-hit.score, hit.kind, hit.id))


def _rankings(tenant: Tenant, text: str, user_id: str | None) -> Iterator[Ranking]:
    yield "composition", "words", tenant.search.compositions(text, DEPTH)
    yield "document", "words", tenant.search.documents(text, DEPTH)
    for model, vector in _vectors(tenant, text, user_id).items():
        near = tenant.compositions.similar(vector, model, DEPTH, NEAR_FROM)
        yield "composition", "vector", [Found(each.composition_id, each.query, "") for each in near]
        yield "document", "vector", tenant.search.documents_near(vector, model, DEPTH)
    yield from _glossary(text)


def _vectors(tenant: Tenant, text: str, user_id: str | None) -> dict[str, list[float]]:
    """Return the text's vector by model: the configured one's, and the local one's for what was stored while there was no other."""
    both = language.embed(tenant.tenant_id, [text], user_id), language.embed_locally([text])
    return {made.model: made.vectors[0] for made in both}


def _glossary(text: str) -> Iterator[Ranking]:
    from e2i_shared.tools._glossary import glossary, kpi_catalogue, look_up, mentioned

    named = list(dict.fromkeys((each.kind, each.key) for each in (*look_up(text), *mentioned(text))))
    terms = [glossary()[key] for kind, key in named if kind == "term"]
    kpis = [kpi_catalogue()[key] for kind, key in named if kind == "kpi"]
    yield "term", "name", [Found(each.term, each.title, each.definition[:EXCERPT]) for each in terms]
    yield "kpi", "name", [Found(each.name, each.title, "") for each in kpis]
