"""The product in a process of its own, questions put to it with what is to go wrong, and what became of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import psycopg
from e2i_shared.api.composition import TERMINAL
from e2i_shared.db.catalogue import PostgresCatalogue
from e2i_shared.db.compositions import PostgresCompositions
from e2i_shared.db.connection import Database
from e2i_shared.objects import FolderObjects
from psycopg.rows import dict_row

from cli import examples, loading
from cli.client import Client
from cli.connection import Connection
from faulty.handlers import SECRET
from faulty.invariants import History, violations
from infra.local.executions import execution_arn
from infra.local.tokens import issue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TESTS = Path(__file__).parents[1]
TENANT = "00000000-0000-7000-8000-000000000001"
STRANGER = "00000000-0000-7000-8000-00000000beef"
QUESTION = (
    "Did training raise earnings, does that survive refutation, which age groups gained most, "
    "and how many people per arm would a test of that effect need?"
)
# Its steps: 1 the effect; after it 2 refutation, 3 sensitivity, 4 by age, 6 size of a test; after 4 the ranking, 5.


def eventually(check: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Return the first truthy answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def alive(pid: int) -> bool:
    """Return whether a process runs."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass
class Product:
    """A running service in a folder."""

    folder: Path
    step_seconds: int = 30
    seconds: int = 300
    process: subprocess.Popen[bytes] | None = None
    asked: list[str] = field(default_factory=list)
    database: Database | None = None

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    def start(self) -> Product:
        """Start it and load the data."""
        (self.folder / "faults").mkdir(exist_ok=True)
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        more = {
            "PYTHONPATH": str(TESTS),
            "FAULTY_DIR": str(self.folder),
            "FAULTY_STEP_SECONDS": str(self.step_seconds),
            "FAULTY_SECONDS": str(self.seconds),
            "E2I_RATE_BURST": "100000",
            "E2I_MLFLOW_URI": "",
        }
        command = [sys.executable, "-m", "faulty.service", "--data-dir", str(self.data_dir), "--ready-file", str(ready)]
        with (self.folder / "service.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=os.environ | more, stdout=log, stderr=log)
        eventually(lambda: ready.exists() or self.process.poll() is not None, 90)
        assert self.process.poll() is None, (self.folder / "service.log").read_text()
        self.database = Database((self.folder / "database").read_text())
        return self

    @contextmanager
    def running(self, warm: int) -> Iterator[Product]:
        """Run it within the block, with its data, after ``warm`` questions at once have started its processes."""
        self.folder.chmod(0o755)
        self.start()
        try:
            self.load()
            for identity in [self.ask() for _ in range(warm)]:
                self.ended(identity)
            yield self
        finally:
            self.stop()

    def load(self) -> None:
        """Load the experiment on training and earnings."""
        with Client(self.connection()) as client:
            path = examples.write_study("nsw", self.folder)
            loading.load(client, path, examples.description_of(path))

    def stop(self, number: int = signal.SIGTERM) -> None:
        assert self.process is not None
        assert self.database is not None
        self.database.close()
        self.process.send_signal(number)
        self.process.wait(30)

    def connection(self, tenant: str = TENANT) -> Connection:
        url = json.loads((self.folder / "ready.json").read_text())["url"]
        return Connection(url, issue(self.data_dir, "owner", tenant, "tester", 3600), "test")

    def call(self, method: str, path: str, body: Any = None, tenant: str = TENANT) -> httpx.Response:
        known = self.connection(tenant)
        headers = {"authorization": f"Bearer {known.token}"}
        return httpx.request(method, f"{known.url}/api/v1{path}", json=body, headers=headers, timeout=60)

    def aws(self, service: str, call: str, **arguments: Any) -> Any:
        """Call AWS from inside a function."""
        known = self.connection()
        body = {"service": service, "call": call, "arguments": arguments}
        headers = {"authorization": f"Bearer {known.token}"}
        reply = httpx.post(f"{known.url}/aws", json=body, headers=headers, timeout=60)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def ask(self, faults: dict[str, Any] | None = None, *, query: str = QUESTION, **fields: Any) -> str:
        """Ask with what is to go wrong, and return the composition's id."""
        session = uuid.uuid4().hex
        (self.folder / "faults" / f"{session}.json").write_text(json.dumps(faults or {}))
        body = {"query": query, "dataset": "nsw", "session_id": session, **fields}
        reply = self.call("POST", "/compose", body)
        assert reply.status_code == 202, reply.text
        self.asked.append(reply.json()["composition_id"])
        return self.asked[-1]

    def view(self, identity: str) -> dict[str, Any]:
        reply = self.call("GET", f"/compositions/{identity}")
        assert reply.status_code == 200, reply.text
        return reply.json()

    def ended(self, identity: str, seconds: float = 60, attempt: int = 1) -> dict[str, Any]:
        """Return the composition once it ended."""

        def check() -> dict[str, Any] | None:
            found = self.view(identity)
            return found if found["status"] in {s.value for s in TERMINAL} and found["attempt"] == attempt else None

        return eventually(check, seconds)

    def runs(self, identity: str, name: str) -> list[tuple[int, float]]:
        """Return the processes and times of each run of a tool, or of a phase (``"execute <tool>"``, ``"plan"``)."""
        path = self.folder / "runs" / identity / name
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(line.split()[0]), float(line.split()[1])) for line in lines]

    def executions(self, identity: str, attempts: int) -> list[dict[str, Any]]:
        names = [identity if n == 1 else f"{identity}-{n}" for n in range(1, attempts + 1)]
        return [
            self.aws("stepfunctions", "describe_execution", executionArn=execution_arn("compose", name))
            for name in names
        ]

    def repository(self) -> PostgresCompositions:
        assert self.database is not None
        objects = FolderObjects(self.data_dir / "objects", "", "")
        return PostgresCompositions(self.database, TENANT, lambda: objects)

    def rows(self, statement: str, identity: str) -> list[dict[str, Any]]:
        """Return rows about a composition."""
        with psycopg.connect((self.folder / "database").read_text(), row_factory=dict_row) as connection:
            connection.execute("SELECT set_config('app.tenant_id', %s, true)", [TENANT])
            return connection.execute(statement, [identity]).fetchall()

    def history(self, identity: str) -> History:
        """Collect what is known of a composition; relays first, as the clock would within a minute."""
        self.aws("lambda", "invoke", FunctionName="relay", Payload="{}")
        assert self.database is not None
        found = self.repository()
        record = found.get(identity)
        running = [e["name"] for e in self.executions(identity, record.attempt) if e.get("status") == "RUNNING"]
        return History(
            record=record,
            steps=found.steps(identity),
            events=found.events(identity, limit=1000),
            performance=self.rows(PERFORMANCE, identity),
            usage=self.rows("SELECT outcome, cost_usd FROM llm_usage WHERE composition_id = %s", identity),
            outbox=self.rows(OUTBOX, identity),
            running=running,
            others_see=self.call("GET", f"/compositions/{identity}", tenant=STRANGER).status_code,
            logs="".join(path.read_text(errors="replace") for path in (self.data_dir / "logs").glob("*.log")),
            secrets=[SECRET, self.connection().token],
            datasets=PostgresCatalogue(self.database, TENANT).all(),
            late_seconds=self.step_seconds,
        )

    def sound(self, identity: str) -> History:
        """Assert that the invariants hold of a composition that ended, and return what is known of it."""
        eventually(lambda: not self.history(identity).running, 10)
        seen = self.history(identity)
        found = violations(seen)
        assert found == [], (found, identity, seen.record.status, seen.record.error_message)
        return seen


PERFORMANCE = (
    "SELECT s.step_number, p.success FROM tool_performance p JOIN composition_steps s USING (tenant_id, step_id) "
    "WHERE p.composition_id = %s"
)
OUTBOX = "SELECT topic, published_at FROM outbox WHERE payload->>'composition_id' = %s ORDER BY outbox_id"
