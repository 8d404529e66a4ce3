"""Starting and stopping: who may, what is left, what is said."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest
from integration.local.conftest import alive, eventually

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


def test_a_second_runtime_on_the_same_data_is_refused_and_disturbs_nothing(service: Service, tmp_path: Path):
    for extra in ((), ("--fresh",)):
        second = service.popen(*extra, ready_file=tmp_path / "second.json")
        _, err = second.communicate(timeout=30)

        assert second.returncode == 2
        assert len(err.strip().splitlines()) == 1
        assert str(service.data_dir) in err
        assert service.url in err
        assert str(service.pid) in err
        assert not (tmp_path / "second.json").exists()
    assert httpx.get(f"{service.url}/public").status_code == 200
    assert service.ready_file.exists()


def test_a_second_runtime_on_the_same_port_is_refused_and_disturbs_nothing(service: Service, tmp_path: Path):
    port = service.url.rpartition(":")[2]
    second = service.popen("--port", port, data_dir=tmp_path / "other", ready_file=tmp_path / "second.json")
    _, err = second.communicate(timeout=30)

    assert second.returncode == 2
    assert len(err.strip().splitlines()) == 1
    assert port in err
    assert not (tmp_path / "other").exists()
    assert httpx.get(f"{service.url}/public").status_code == 200


def test_a_folder_with_somebody_elses_files_is_refused_and_left_alone(service: Service, tmp_path: Path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("years of work")
    for extra in ((), ("--fresh",)):
        process = service.popen(*extra, data_dir=theirs, ready_file=tmp_path / "second.json")
        _, err = process.communicate(timeout=30)

        assert process.returncode == 2
        assert str(theirs) in err
        assert [path.name for path in theirs.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_data_directory_is_refused(service: Service, tmp_path: Path):
    (tmp_path / "file").write_text("")
    process = service.popen(data_dir=tmp_path / "file", ready_file=tmp_path / "second.json")
    _, err = process.communicate(timeout=30)

    assert process.returncode == 2
    assert "cannot be used" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_and_leaves_nothing_running(make, tmp_path: Path, number: signal.Signals):
    service = make(tmp_path).start()
    with service.client() as client:
        assert client.get("/echo").status_code == 200
    pids = [process.pid for process in service.descendants()]
    server = service.server_pid()
    url = service.url

    returned, out, err = service.stop(number)

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
    with service.client() as client:
        token = client.headers["authorization"]
    service.stop()

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


def test_requests_in_flight_are_answered_before_it_stops(make, tmp_path: Path):
    service = make(tmp_path).start()
    with service.client() as client, ThreadPoolExecutor(1) as pool:
        client.post("/misbehave", json={"do": "nap", "seconds": 0})
        running = pool.submit(client.post, "/misbehave", json={"do": "nap", "seconds": 0.8})
        time.sleep(0.3)
        service.stop()

        assert running.result().status_code == 200


def test_a_port_that_somebody_else_holds_is_refused(service: Service, tmp_path: Path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        process = service.popen("--port", port, data_dir=tmp_path / "d", ready_file=tmp_path / "r.json")
        _, err = process.communicate(timeout=30)

    assert process.returncode == 2
    assert f"Port {port} is in use" in err
