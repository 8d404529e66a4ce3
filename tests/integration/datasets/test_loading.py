"""Loading into Postgres: sealed, all or nothing, in constant memory."""

from __future__ import annotations

import io
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import psycopg
import pytest
from e2i_shared.datasets import ingest
from e2i_shared.datasets.source import FileSource, from_bytes, from_path, from_stream
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.errors import BadFileError, DatabaseUnavailableError, E2IError, StorageFullError, UnknownDatasetError
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY = 2_600  # rows beyond what inference looks at


def test_rows_are_sealed_and_another_tenant_sees_nothing(load, database, migrated, tables):
    from e2i_shared.db.rows import PostgresDataSource

    dataset = load("id,trx\n1,2\n", "sealed")
    table = next(name for name in tables() if dataset.dataset_id.replace("-", "") in name)

    with pytest.raises(UnknownDatasetError):
        PostgresDataSource(database, migrated.other_tenant).read(dataset.dataset_id, ["trx"])
    rows = sql.Identifier("rows", table)
    with psycopg.connect(migrated.app) as connection:
        assert connection.execute(sql.SQL("SELECT count(*) FROM {}").format(rows)).fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(sql.SQL("INSERT INTO {} VALUES (1, 2)").format(rows))


def test_progress_goes_up_to_the_size_of_the_file(store):
    content = b"id,trx\n" + b"1,2\n" * 200_000
    seen = []

    ingest.load(
        DatasetSpec(name="progress"),
        from_bytes(content),
        store,
        progress=lambda done, total: seen.append((done, total)),
    )

    done = [d for d, _ in seen]
    assert done == sorted(done)
    assert seen[-1] == (len(content), len(content))
    assert len(seen) > 2


def test_a_path_and_a_stream_load_alike(store, data, tmp_path):
    path = tmp_path / "file.csv"
    path.write_bytes(b"id,trx\n1,NA\n2,3\n3,\n")
    stream = io.BytesIO(path.read_bytes())

    ingest.load(DatasetSpec(name="from path"), from_path(path), store)
    ingest.load(DatasetSpec(name="from stream"), from_stream(stream), store)

    assert not stream.closed
    for name in ("from path", "from stream"):
        np.testing.assert_array_equal(data.read(name, ["trx"]).numbers("trx"), [np.nan, 3, np.nan])


class Generated(io.RawIOBase):
    """A file whose bytes are made while it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        self._rest = self._rest or next(self._pieces, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def generated(*runs: tuple[bytes, int]) -> FileSource:
    """Return a file of pieces, each repeated, that is never in memory as a whole."""

    def pieces() -> Iterator[bytes]:
        for piece, copies in runs:
            for start in range(0, copies, 1_000):
                yield piece * min(1_000, copies - start)

    size = sum(len(piece) * copies for piece, copies in runs)
    return FileSource("generated.csv", lambda: io.BufferedReader(Generated(pieces()), 1 << 16), size)


@pytest.mark.parametrize("rows", [0, 300_000])
def test_a_line_of_a_gigabyte_is_refused_in_constant_memory(store, tables, rows):
    before = tables()
    source = generated((b"id,note\n", 1), (b"1,abc\n", rows), (b"x" * 1024, 1 << 20))

    tracemalloc.start()
    try:
        with pytest.raises(BadFileError, match="is longer than") as caught:
            ingest.load(DatasetSpec(name="endless"), source, store)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert caught.value.line == rows + 2
    assert peak < 48 << 20
    assert tables() == before


def test_memory_does_not_grow_with_the_file(store):
    def peak(copies: int) -> int:
        source = generated((b"hcp_id,region,trx,rate,day\n", 1), (b"HCP-00017,North,12,0.25,2026-01-31\n", copies))
        tracemalloc.start()
        try:
            ingest.load(DatasetSpec(name=f"long {copies}"), source, store)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(30_000), peak(900_000)  # 1 MB and 31 MB

    assert large < small + (4 << 20)


def test_a_disk_that_fills_up_while_the_file_is_read_keeps_nothing(store, catalogue, tables):
    import errno

    class Full(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 1 << 20:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().read(size)

    before = tables()
    source = FileSource("full.csv", lambda: Full(b"id,trx\n" + b"1,2\n" * 500_000))

    with pytest.raises(StorageFullError, match="nothing was kept"):
        ingest.load(DatasetSpec(name="full"), source, store)

    assert tables() == before
    with pytest.raises(UnknownDatasetError):
        catalogue.find("full")


def test_a_source_that_breaks_off_keeps_nothing(store, tables):
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 1 << 20:
                raise ConnectionResetError("the upload vanished")
            return super().read(size)

    before = tables()

    with pytest.raises(ConnectionResetError):
        ingest.load(
            DatasetSpec(name="broken"), FileSource("b.csv", lambda: Broken(b"id,trx\n" + b"1,2\n" * 500_000)), store
        )

    assert tables() == before


def test_a_server_that_dies_during_the_load_keeps_nothing(store, migrated, tables):
    before = tables()

    def kill_then_go_on(done: int, total: int | None) -> None:
        if done > 1 << 20:
            migrated.as_admin(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'e2i' AND datname = %s",
                [migrated.name],
            )

    with pytest.raises(E2IError) as caught:
        ingest.load(
            DatasetSpec(name="killed"), from_bytes(b"id,trx\n" + b"1,2\n" * 600_000), store, progress=kill_then_go_on
        )

    assert isinstance(caught.value, DatabaseUnavailableError)
    assert tables() == before


def test_two_loads_of_one_name_at_once_become_two_versions(migrated):
    from concurrent.futures import ThreadPoolExecutor

    from e2i_shared.db.connection import Database
    from e2i_shared.db.loading import PostgresRowStore

    def load_once(trx: int) -> int:
        database = Database(migrated.app)
        try:
            store = PostgresRowStore(database, migrated.tenant)
            content = b"id,trx\n" + f"1,{trx}\n".encode() * 20_000
            return ingest.load(DatasetSpec(name="raced"), from_bytes(content), store).dataset.version
        finally:
            database.close()

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(load_once, range(3))) == [1, 2, 3]


def test_a_request_says_what_a_spec_says(store):
    from e2i_shared.api.datasets import LoadRequest

    request = LoadRequest(name="asked", content="id,trx\n1,2\n", unit="person", randomised=True)

    change = ingest.load_request(request, from_bytes(b"id,trx\n1,2\n"), store)

    assert (change.dataset.name, change.dataset.unit, change.dataset.randomised) == ("asked", "person", True)
    assert change.seconds > 0
    assert change.details["bytes"] == 11


def test_rows_wider_than_a_page(load, tables):
    before = tables()
    with pytest.raises(BadFileError) as caught:
        load(",".join(f"c{i}" for i in range(1_500)) + "\n" + ",".join(["1.5"] * 1_500) + "\n")

    assert "1,500 columns is wider than the database can store" in caught.value.message
    assert "several data sets" in caught.value.hint
    assert tables() == before


def test_numbers_too_large_to_average(load, tables):
    before = tables()
    with pytest.raises(BadFileError) as caught:
        load("id,x\n1,1e300\n2,-1e300\n3,1e300\n")

    assert caught.value.message == "A column holds numbers too large to average."
    assert tables() == before


def test_mixed_line_ends_are_refused_with_their_line(load):
    with pytest.raises(BadFileError) as caught:
        load("\n".join(["a,b", *(f"{i},7" for i in range(MANY))]) + "\n1,2\r3,4\n")

    assert caught.value.line == MANY + 2
    assert "carriage return" in caught.value.message
