"""A runtime of the tiny product, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

from infra.local.tokens import issue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TESTS = Path(__file__).parents[2]
TENANT = "00000000-0000-7000-8000-000000000001"


def eventually(check: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Return the first truthy answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.03)
    raise AssertionError("it did not happen in time")


@dataclass
class Service:
    """A data directory and the runtime that runs on it."""

    folder: Path
    process: subprocess.Popen[str] | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def ready_file(self) -> Path:
        return self.folder / "ready.json"

    @property
    def url(self) -> str:
        return json.loads(self.ready_file.read_text())["url"]

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def popen(self, *extra: str, data_dir: Path | None = None, ready_file: Path | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tiny.service", "--data-dir", str(data_dir or self.data_dir)]
        command += ["--ready-file", str(ready_file or self.ready_file), *extra]
        environment = {**os.environ, "PYTHONPATH": str(TESTS), "TINY_DIR": str(self.folder), "AWS_PROFILE": "somebody"}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def start(self, *extra: str) -> Service:
        self.process = self.popen(*extra)
        eventually(lambda: self.ready_file.exists() or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.process.communicate()
        return self

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        assert self.process is not None
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    def client(self, role: str = "owner", **headers: str) -> httpx.Client:
        token = issue(self.data_dir, role, TENANT, "tester", 600)
        return httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {token}", **headers}, timeout=40)

    def call(self, service: str, call: str, **arguments: Any) -> Any:
        """Call AWS from inside a function."""
        with self.client() as client:
            reply = client.post("/aws", json={"service": service, "call": call, "arguments": arguments})
        assert reply.status_code == 200, reply.text
        return reply.json()

    def lines_of(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.pid).children(recursive=True)

    def server_pid(self) -> int:
        return int((self.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


def alive(pid: int) -> bool:
    """Return whether a process runs (one that only waits to be reaped does not)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepare a data directory that was started and stopped once, for others to be copied from."""
    folder = tmp_path_factory.mktemp("prepared")
    folder.chmod(0o755)
    service = Service(folder).start()
    service.stop()
    return service.data_dir


@pytest.fixture(scope="session")
def make(prepared: Path) -> Callable[[Path], Service]:
    """Return what makes a service in a folder, with a copy of the prepared data."""

    def copy(folder: Path) -> Service:
        folder.chmod(0o755)
        subprocess.run(
            ["/bin/cp", "-a", str(prepared), str(folder / "data")], check=True
        )  # keeps the server's own user
        return Service(folder)

    return copy


@pytest.fixture(scope="session")
def service(make: Callable[[Path], Service], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run one service that many tests talk to and none disturbs."""
    running = make(tmp_path_factory.mktemp("local")).start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.stop()


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each of these starts a database server."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.postgres)
