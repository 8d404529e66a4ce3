"""The embedded server: configured, adopted, restarted, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest
from e2i_shared.errors import ConfigurationError
from integration.local.conftest import alive, eventually

from infra.local import postgres
from infra.local.datadir import open_data_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("server")
    root.chmod(0o755)
    return open_data_dir(root / "data").postgres


@pytest.fixture
def server(folder: Path) -> Iterator[postgres.Server]:
    running = postgres.start(folder)
    yield running
    running.stop()
    assert not running.alive


def value(server: postgres.Server, name: str) -> str:
    with psycopg.connect(server.admin_conninfo) as connection:
        return connection.execute("SELECT current_setting(%s)", [name]).fetchone()[0]


def test_it_listens_to_its_owner_only_and_takes_little(server: postgres.Server):
    assert value(server, "listen_addresses") == ""
    assert value(server, "unix_socket_permissions") == "0700"
    assert value(server, "shared_buffers") == "128MB"
    assert value(server, "max_wal_size") == "512MB"
    assert value(server, "TimeZone") == "UTC"
    assert value(server, "fsync") == "on"


def test_the_runtimes_database_is_made_once(server: postgres.Server):
    first = postgres.create_runtime_database(server)

    assert postgres.create_runtime_database(server) == first
    with psycopg.connect(first) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("e2i_runtime",)


def test_a_running_server_is_adopted(server: postgres.Server, folder: Path):
    pid = server.handle.get_pid()

    assert postgres.start(folder).handle.get_pid() == pid


def test_a_killed_server_comes_up_again_with_what_was_committed(server: postgres.Server, folder: Path):
    with psycopg.connect(server.admin_conninfo, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    pid = server.handle.get_pid()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not alive(pid))
    assert not server.alive

    again = postgres.start(folder)

    assert again.alive
    assert again.handle.get_pid() != pid
    with psycopg.connect(again.admin_conninfo) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


@pytest.fixture
def bystander() -> Iterator[int]:
    """A process that has nothing to do with it."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"]) as process:
        yield process.pid
        assert process.poll() is None, "nobody else's process is ended"
        process.kill()


def test_a_pid_file_that_names_somebody_else_does_not_stop_it(folder: Path, bystander: int):
    lines = [str(bystander), str(folder), "1", "5432", str(folder), "", "1 1", "ready"]
    (folder / "postmaster.pid").write_text("\n".join(lines) + "\n")
    (folder / ".s.PGSQL.5432.lock").write_text("\n".join(lines) + "\n")
    (folder / ".handle_pids.json").write_text("[1]")

    server = postgres.start(folder)

    assert server.alive
    assert server.handle.get_pid() != bystander
    server.stop()


def test_an_orphan_is_stopped_and_anything_else_left_alone(folder: Path, tmp_path: Path, bystander: int):
    server = postgres.start(folder)

    postgres.stop_orphan(folder)
    assert not server.alive
    postgres.stop_orphan(folder)
    postgres.stop_orphan(tmp_path)
    (tmp_path / "postmaster.pid").write_text(f"{bystander}\n")
    postgres.stop_orphan(tmp_path)
    assert alive(bystander)
    server.stop()


def test_a_server_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tmp_path.chmod(0o755)
    broken = open_data_dir(tmp_path / "d").postgres
    broken.mkdir()
    (broken / "PG_VERSION").write_text("18\n")
    (broken / "postgresql.conf").write_text("nonsense = here\n")
    monkeypatch.setattr(postgres.time, "sleep", lambda _: None)

    with pytest.raises(ConfigurationError) as caught:
        postgres.start(broken)

    assert str(broken) in caught.value.message
    assert caught.value.field == "data_dir"
