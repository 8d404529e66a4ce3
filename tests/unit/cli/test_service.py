"""up, token and doctor; and starting a service of one's own."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import httpx
import pytest
from e2i_shared.errors import ConfigurationError

from cli import checks, runtime, service
from cli.exits import CommandError, Exit
from infra.local import run as local
from infra.local import tokens

READY = {"status": "ready", "dependencies": [{"name": "database", "ok": True, "latency_ms": 0.4, "detail": None}]}


def test_up_serves_where_it_is_told_and_prints_url_and_token(run, monkeypatch, tmp_path: Path):
    seen = {}

    def serve(port: int, data_dir: Path, ready_file: Path, fresh: bool, on_event) -> None:
        seen.update(port=port, data_dir=data_dir, ready_file=ready_file, fresh=fresh)
        data_dir.mkdir(parents=True, exist_ok=True)
        (data_dir / "ready.json").write_text(json.dumps({"url": "http://127.0.0.1:1234", "token": "tok"}))
        on_event("Starting the database …")
        on_event("Ready at http://127.0.0.1:1234")

    monkeypatch.setattr(local, "serve", serve)
    result = run("up", "--port", "0", "--data-dir", str(tmp_path / "d"), "--ready-file", "r.json", "--fresh")

    assert result.exit_code == 0, result.stderr
    assert seen == {"port": 0, "data_dir": tmp_path / "d", "ready_file": Path("r.json"), "fresh": True}
    for text in ("Starting the database", "Ready at http://127.0.0.1:1234", "tok", "/api/v1/docs"):
        assert text in result.stderr


def test_up_that_cannot_start_says_why_and_exits_1(run, monkeypatch):
    def serve(*_: object) -> None:
        raise ConfigurationError("Port 8321 is in use by another program.", hint="choose another with --port")

    monkeypatch.setattr(local, "serve", serve)
    result = run("up")
    assert result.exit_code == Exit.FAILED
    assert "Port 8321" in result.stderr
    assert "--port" in result.stderr


def test_a_token_is_printed_for_a_role_and_a_tenant(run, tmp_path: Path):
    (tmp_path / "d" / "keys").mkdir(parents=True)
    tokens.ensure_key(tmp_path / "d" / "keys")
    made = run(
        "token", "--role", "viewer", "--tenant", "00000000-0000-7000-8000-000000000009", "--data-dir", "d"
    ).output

    claims = tokens.Authorizer.of(tmp_path / "d" / "keys").claims(f"Bearer {made.strip()}")
    assert (claims["role"], claims["tenant_id"]) == ("viewer", "00000000-0000-7000-8000-000000000009")


@pytest.mark.parametrize("arguments", [("--role", "emperor"), ("--data-dir", "nowhere")])
def test_a_token_that_cannot_be_made_says_why(run, tmp_path: Path, arguments: tuple[str, ...]):
    (tmp_path / ".e2i" / "keys").mkdir(parents=True)
    tokens.ensure_key(tmp_path / ".e2i" / "keys")
    result = run("token", *arguments)
    assert result.exit_code == Exit.REJECTED
    assert result.stderr.strip()


def test_the_default_ports_of_command_and_makefile_leave_room_for_choice(run):
    assert str(service.DEFAULT_PORT) in run("up", "--help").output


def test_doctor_lists_python_packages_disk_and_port_and_notes_that_nothing_runs(run, run_json, monkeypatch):
    monkeypatch.delenv("E2I_URL")
    found = {check["name"]: check["state"] for check in run_json("doctor", "--port", str(free_port()))}
    assert found["python"] == found["pydantic"] == found["disk"] == found["port"] == "ok"
    assert found["service"] == "note"
    assert "Doctor" in run("doctor").output


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_port_that_something_else_holds_is_noted():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        assert checks._port(port, running=False).state == "note"
        assert checks._port(port, running=True).state == "ok"


def test_a_full_disk_and_a_missing_package_are_bad(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(checks, "MINIMUM_FREE_BYTES", 10**18)
    monkeypatch.setattr(checks, "PACKAGES", ("no-such-package",))
    assert checks._disk(tmp_path / "new" / "er").state == "bad"
    assert [check.remedy for check in checks._packages()] == ["Run: make setup"]


@pytest.fixture
def _service(monkeypatch) -> None:
    def replies(request: httpx.Request) -> httpx.Response:
        pages = {"/api/v1/health": {"status": "ok", "version": "0.1.0"}, "/api/v1/ready": READY}
        if request.url.path in pages:
            return httpx.Response(200, json=pages[request.url.path])
        return httpx.Response(401, json={"title": "Not authenticated", "status": 401, "detail": "No token."})

    class Fake(checks.Client):
        def __init__(self, known) -> None:
            super().__init__(known, httpx.MockTransport(replies))

    monkeypatch.setattr(checks, "Client", Fake)


@pytest.mark.usefixtures("_service")
def test_a_service_that_refuses_the_token_is_bad_and_exits_1(run):
    result = run("doctor")
    assert result.exit_code == Exit.FAILED
    assert "No token." in result.output
    assert "database" in result.output


def test_a_service_that_does_not_come_up_tells_its_last_words(tmp_path: Path, monkeypatch):
    said = "import sys; sys.stderr.write('The disk is full.\\n'); sys.exit(2)"
    monkeypatch.setattr(runtime, "MODULE", ("-c", said))
    with pytest.raises(CommandError) as refused, runtime.running(tmp_path / "d"):
        pass
    assert refused.value.code is Exit.UNREACHABLE
    assert "The disk is full." in refused.value.problem["detail"]


def test_a_service_is_stopped_when_the_block_ends_even_by_an_error(tmp_path: Path, monkeypatch):
    script = (
        "import json, sys, time, pathlib, os; a = sys.argv; "
        "pathlib.Path(a[a.index('--ready-file') + 1]).write_text(json.dumps({'url': 'http://x', 'token': str(os.getpid())})); "
        "time.sleep(60)"
    )
    monkeypatch.delenv("E2I_URL", raising=False)
    monkeypatch.delenv("E2I_TOKEN", raising=False)
    monkeypatch.setattr(runtime, "MODULE", ("-c", script))

    def fail() -> None:
        with runtime.running(tmp_path / "d") as known:
            pids.append(int(known.token))
            message = "stop here"
            raise RuntimeError(message)

    pids: list[int] = []
    with pytest.raises(RuntimeError, match="stop here"):
        fail()
    assert not Path(f"/proc/{pids[0]}").exists() or sys.platform != "linux"
