"""Search over past questions, the glossary and documents: rankings by words and by vectors, fused by reciprocal rank.

Cormack, Clarke and Büttcher 2009, "Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank Learning Methods":
a hit scores the sum over rankings of 1 / (60 + its rank).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from e2i_shared.api.search import Embedding, Embeddings, SearchHit, SearchResults
from e2i_shared.composer.embedding import DIMENSIONS, MODEL, embed
from e2i_shared.ports import Found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_shared.api.search import SearchKind
    from e2i_shared.ports import Tenant

    How = Literal["words", "vector", "name"]
    Ranking = tuple[SearchKind, How, Sequence[Found]]

CONSTANT = 60
DEPTH = 50  # of each ranking
NEAR_FROM = 0.3
EXCERPT = 300


def embedding(text: str) -> Embedding:
    """Return the vector of a text."""
    return Embedding(model=MODEL, dimensions=DIMENSIONS, embedding=embed(text))


def embeddings(texts: Sequence[str]) -> Embeddings:
    """Return the vectors of texts, in their order."""
    return Embeddings(model=MODEL, dimensions=DIMENSIONS, embeddings=[embed(text) for text in texts])


def search(tenant: Tenant, text: str, kinds: Sequence[SearchKind], limit: int) -> SearchResults:
    """Return the best hits of the kinds asked for (all, where none is)."""
    wanted = [each for each in _rankings(tenant, text) if not kinds or each[0] in kinds]
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


def _rankings(tenant: Tenant, text: str) -> Iterator[Ranking]:
    vector = embed(text)
    near = tenant.compositions.similar(vector, MODEL, DEPTH, NEAR_FROM)
    yield "composition", "words", tenant.search.compositions(text, DEPTH)
    yield "composition", "vector", [Found(each.composition_id, each.query, "") for each in near]
    yield "document", "words", tenant.search.documents(text, DEPTH)
    yield "document", "vector", tenant.search.documents_near(vector, MODEL, DEPTH)
    yield from _glossary(text)


def _glossary(text: str) -> Iterator[Ranking]:
    from e2i_shared.tools._glossary import glossary, kpi_catalogue, look_up, mentioned

    named = list(dict.fromkeys((each.kind, each.key) for each in (*look_up(text), *mentioned(text))))
    terms = [glossary()[key] for kind, key in named if kind == "term"]
    kpis = [kpi_catalogue()[key] for kind, key in named if kind == "kpi"]
    yield "term", "name", [Found(each.term, each.title, each.definition[:EXCERPT]) for each in terms]
    yield "kpi", "name", [Found(each.name, each.title, "") for each in kpis]
