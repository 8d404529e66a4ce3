"""Similarity search stays exact for small tenants among many rows, and near-exact for large ones."""

from __future__ import annotations

import psycopg
import pytest
from e2i_shared.db.compositions import PostgresCompositions
from e2i_shared.ids import new_id
from psycopg import sql

SMALL, MIDDLE = new_id(), new_id()
LARGE = new_id()
COUNTS = {SMALL: 12, MIDDLE: 450, LARGE: 738}
MODEL = "m"


@pytest.fixture(scope="module")
def crowded(migrated):
    """1,200 episodes around 8 topics: the small tenant has 1% of them."""
    with psycopg.connect(migrated.admin) as connection:
        connection.execute("SELECT setseed(0.42)")
        connection.execute(
            "CREATE TABLE public.topics AS SELECT t, (SELECT array_agg(random() - 0.5) "
            "FROM generate_series(1, 1536) WHERE t = t) AS centre FROM generate_series(0, 7) AS t"
        )
        for tenant, count in COUNTS.items():
            connection.execute(
                "INSERT INTO composer_episodes (tenant_id, composition_id, query_text, status, embedding_model, "
                "query_embedding, success, completed_at) SELECT %s, new_id(), 'q' || n, 'COMPLETED', %s, "
                "(SELECT array_agg(c + 0.6 * (random() - 0.5)) FROM unnest(t.centre) AS c WHERE n = n)::vector, true, now() "
                "FROM generate_series(1, %s) AS n JOIN topics AS t ON t.t = n %% 8",
                [tenant, MODEL, count],
            )
        connection.execute("ANALYZE composer_episodes")
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET app.exact_search_rows = '100'").format(sql.Identifier(migrated.name))
        )
    return migrated


def truth(crowded, tenant, embedding, limit):
    with psycopg.connect(crowded.admin) as connection:
        connection.execute("SET LOCAL enable_indexscan = off")
        rows = connection.execute(
            "SELECT composition_id::text FROM composer_episodes WHERE tenant_id = %s "
            "ORDER BY query_embedding <=> %s::vector LIMIT %s",
            [tenant, embedding, limit],
        ).fetchall()
    return [identity for (identity,) in rows]


def questions(crowded, tenant, count):
    rows = crowded.as_admin(
        "SELECT query_embedding::real[] FROM composer_episodes WHERE tenant_id = %s ORDER BY composition_id LIMIT %s",
        [tenant, count],
    )
    return [vector for (vector,) in rows]


def test_a_tenant_with_one_row_in_a_hundred_gets_all_it_asks_for_and_exactly(crowded, database):
    repository = PostgresCompositions(database, SMALL)
    for question in questions(crowded, LARGE, 10):
        found = repository.similar(question, MODEL, limit=10, min_similarity=-1)

        assert [s.composition_id for s in found] == truth(crowded, SMALL, str(question), 10)


@pytest.mark.parametrize("tenant", [MIDDLE, LARGE], ids=["middle", "large"])
def test_recall_at_five_stays_above_95_percent_through_the_graph(crowded, database, tenant):
    repository = PostgresCompositions(database, tenant)
    asked = questions(crowded, tenant, 20)

    hits = sum(
        len(
            {s.composition_id for s in repository.similar(question, MODEL, limit=5, min_similarity=-1)}
            & set(truth(crowded, tenant, str(question), 5))
        )
        for question in asked
    )

    assert hits / (5 * len(asked)) >= 0.95


def test_results_come_nearest_first_and_never_below_the_threshold(crowded, database):
    (question,) = questions(crowded, LARGE, 1)

    found = PostgresCompositions(database, LARGE).similar(question, MODEL, limit=50, min_similarity=0.7)

    similarities = [s.similarity for s in found]
    assert similarities == sorted(similarities, reverse=True)
    assert similarities[0] == pytest.approx(1)
    assert min(similarities) >= 0.7


def test_few_rows_are_compared_one_by_one_and_many_through_the_graph(crowded, database):
    def graph_scans() -> int:
        with psycopg.connect(crowded.admin, autocommit=True) as connection:
            connection.execute("SELECT pg_stat_force_next_flush()")
            ((scans,),) = connection.execute(
                "SELECT sum(idx_scan)::integer FROM pg_stat_user_indexes WHERE indexrelname LIKE '%query_embedding_idx'"
            )
        return scans

    def search(tenant: str) -> None:
        with database.transaction(tenant) as connection:
            connection.execute(
                "SELECT * FROM find_similar_compositions(%s::vector, 5, -1, %s)", [str([1.0] * 1536), MODEL]
            ).fetchall()
        database._connection.execute("SELECT pg_stat_force_next_flush()")
        database._connection.commit()

    before = graph_scans()
    search(SMALL)
    assert graph_scans() == before
    search(LARGE)
    assert graph_scans() > before
