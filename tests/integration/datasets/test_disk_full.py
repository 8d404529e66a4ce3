"""A disk that is full: a small file system of its own under the table, where the machine lets us mount one."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest
from e2i_shared.datasets import ingest
from e2i_shared.datasets.source import from_bytes
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.errors import StorageFullError, UnknownDatasetError
from psycopg import sql


@pytest.fixture
def small_disk(migrated):
    """Give the module's database a tablespace of four megabytes."""
    folder = Path(tempfile.mkdtemp(prefix="e2i-small-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)],  # noqa: S607 -- wherever mount lives
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("this machine does not let us mount a tmpfs")
    space = folder / "space"
    try:
        with psycopg.connect(migrated.admin, autocommit=True) as connection:
            owner = Path(connection.execute("SHOW data_directory").fetchone()[0]).stat()
            space.mkdir()
            os.chown(space, owner.st_uid, owner.st_gid)
            folder.chmod(0o755)
            connection.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(space))))
            connection.execute("GRANT CREATE ON TABLESPACE small TO e2i_owner, e2i_app")
            name = sql.Identifier(migrated.name)
            connection.execute(sql.SQL("ALTER DATABASE {} SET default_tablespace = small").format(name))
            yield
            connection.execute(sql.SQL("ALTER DATABASE {} RESET default_tablespace").format(name))
            kept = migrated.as_admin("SELECT schemaname, tablename FROM pg_tables WHERE tablespace = 'small'")
            with psycopg.connect(migrated.admin) as inside:
                for table in kept:
                    inside.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(*table)))
            connection.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)  # noqa: S607 -- wherever umount lives
        folder.rmdir()


def test_a_full_disk_under_the_table_keeps_nothing_and_says_so(small_disk, store, catalogue, tables):
    before = tables()

    with pytest.raises(StorageFullError) as caught:
        ingest.load(DatasetSpec(name="full"), from_bytes(b"id,trx\n" + b"1,2\n" * 400_000), store)

    assert "nothing was kept" in caught.value.message
    assert "Free disk space" in caught.value.hint
    assert tables() == before
    with pytest.raises(UnknownDatasetError):
        catalogue.find("full")


def test_a_small_file_still_loads_afterwards(small_disk, store, database):
    with pytest.raises(StorageFullError):
        ingest.load(DatasetSpec(name="again"), from_bytes(b"id,trx\n" + b"1,2\n" * 400_000), store)

    assert ingest.load(DatasetSpec(name="again"), from_bytes(b"id,trx\n1,2\n"), store).dataset.version == 1
    database.close()
    assert ingest.load(DatasetSpec(name="again"), from_bytes(b"id,trx\n1,3\n"), store).dataset.version == 2
