"""Starting and stopping: who may, what is left, what is said."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest
from e2i_shared.errors import ConfigurationError
from integration.local.conftest import alive, eventually

from infra.local.datadir import AlreadyRunningError
from infra.local.run import serve

if TYPE_CHECKING:
    from pathlib import Path

from integration.local.conftest import Service


def test_the_ready_file_has_the_address_and_an_owners_token(service: Service):
    document = json.loads(service.ready_file.read_text())

    assert set(document) == {"url", "token"}
    assert stat.S_IMODE(service.ready_file.stat().st_mode) == 0o600
    reply = httpx.get(f"{document['url']}/echo", headers={"authorization": f"Bearer {document['token']}"})
    claims = reply.json()["event"]["requestContext"]["authorizer"]["jwt"]["claims"]
    assert claims["role"] == "owner"
    assert claims["tenant_id"] == "00000000-0000-7000-8000-000000000001"


def test_a_second_runtime_on_the_same_data_is_refused_in_one_line(service: Service, tmp_path: Path):
    second = service.popen("--fresh", ready_file=tmp_path / "second.json")
    _, err = second.communicate(timeout=60)

    assert second.returncode == 2
    assert len(err.strip().splitlines()) == 1
    assert str(service.data_dir) in err
    assert service.url in err
    assert str(service.pid) in err
    assert not (tmp_path / "second.json").exists()
    assert httpx.get(f"{service.url}/public").status_code == 200
    assert service.ready_file.exists()


def refused(port: int, data_dir: Path, *, fresh: bool = False) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        serve(port, data_dir, data_dir.with_name("second.json"), fresh)
    assert not data_dir.with_name("second.json").exists()
    return caught.value


@pytest.mark.parametrize("fresh", [False, True])
def test_a_second_runtime_disturbs_nothing(service: Service, tmp_path: Path, fresh: bool):
    error = refused(0, service.data_dir, fresh=fresh)

    assert isinstance(error, AlreadyRunningError)
    assert service.url in error.message
    assert httpx.get(f"{service.url}/public").status_code == 200
    assert service.ready_file.exists()


def test_a_port_that_serves_already_is_refused_and_nothing_made(service: Service, tmp_path: Path):
    port = service.url.rpartition(":")[2]

    error = refused(int(port), tmp_path / "other")

    assert isinstance(error, AlreadyRunningError)
    assert f"Port {port} is in use" in error.message
    assert not (tmp_path / "other").exists()
    assert httpx.get(f"{service.url}/public").status_code == 200


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_with_somebody_elses_files_is_refused_and_left_alone(tmp_path: Path, fresh: bool):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("years of work")

    assert str(theirs) in refused(0, theirs, fresh=fresh).message
    assert [path.name for path in theirs.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_data_directory_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("")

    assert "cannot be used" in refused(0, tmp_path / "file").message


def test_a_signal_stops_everything_and_leaves_nothing_running(make, tmp_path: Path):
    service = make(tmp_path).start()
    with service.client() as client:
        assert client.get("/echo").status_code == 200
    pids = [process.pid for process in service.descendants()]
    server = service.server_pid()
    url = service.url

    returned, out, err = service.stop(signal.SIGHUP)

    assert returned == 0
    assert err == ""
    assert out.splitlines()[0] == "Starting the database …"
    assert not service.ready_file.exists()
    assert len(pids) >= 2
    eventually(lambda: not any(alive(pid) for pid in (*pids, server)), 5)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/public")


def test_what_was_kept_is_there_again_unless_a_fresh_start_is_asked_for(make, tmp_path: Path):
    service = make(tmp_path).start()
    key = (service.data_dir / "keys/token-signing-key.pem").read_bytes()
    (service.data_dir / "objects" / "kept").write_text("x")
    with service.client() as client, ThreadPoolExecutor(1) as pool:
        token = client.headers["authorization"]
        client.post("/misbehave", json={"do": "nap", "seconds": 0})
        in_flight = pool.submit(client.post, "/misbehave", json={"do": "nap", "seconds": 0.8})
        time.sleep(0.3)
        returned, _, _ = service.stop(signal.SIGTERM)
    assert returned == 0
    assert in_flight.result().status_code == 200, "requests in flight are answered before it stops"

    service.start()
    assert httpx.get(f"{service.url}/echo", headers={"authorization": token}).status_code == 200
    service.kill()
    server = service.server_pid()
    assert alive(server)
    service.ready_file.unlink()

    service.start("--fresh")
    assert not alive(server), "the orphan is stopped before its files go"
    assert (service.data_dir / "keys/token-signing-key.pem").read_bytes() != key
    assert list((service.data_dir / "objects").iterdir()) == []
    assert httpx.get(f"{service.url}/echo", headers={"authorization": token}).status_code == 401
    service.stop()


def test_a_killed_database_server_and_a_stale_pid_file_do_not_stop_the_next_start(make, tmp_path: Path):
    service = make(tmp_path).start()
    server = service.server_pid()
    service.kill()
    os.kill(server, signal.SIGKILL)
    eventually(lambda: not alive(server))
    service.ready_file.unlink()

    service.start()

    assert httpx.get(f"{service.url}/public").status_code == 200
    service.stop()
