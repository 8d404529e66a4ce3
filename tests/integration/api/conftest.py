"""Handlers over a migrated Postgres; what leaves the machine is faked."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from e2i_shared import bootstrap, settings
from e2i_shared.objects import FolderObjects
from e2i_shared.wiring import EnvironmentWiring
from world import TENANT, FakeEvents, FakeQueues, FakeWorkflows, assays, request, seed, seed_to_control, trial

from functions.run_tool import handler as run_tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import MigratedDatabase


@dataclass
class PostgresWiring(EnvironmentWiring):
    """The real wiring, but for workflows, events, queues and objects."""

    started: FakeWorkflows = field(default_factory=FakeWorkflows)
    bus: FakeEvents = field(default_factory=FakeEvents)
    letters: FakeQueues = field(default_factory=FakeQueues)
    folder: Path | None = None

    def workflows(self) -> FakeWorkflows:
        return self.started

    def events(self) -> FakeEvents:
        return self.bus

    def queues(self) -> FakeQueues:
        return self.letters

    def objects(self) -> FolderObjects:
        assert self.folder is not None
        return FolderObjects(self.folder, "http://objects.example.com", "secret")


def trial_csv() -> str:
    """Return the trial as a file."""
    _, frame = trial()
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["visits", "trx", "region"])
    region = frame.columns["region"]
    for i in range(frame.n):
        rows.writerow(
            [int(frame.numbers("visits")[i]), f"{frame.numbers('trx')[i]:.4f}", region.levels[region.codes[i]]]
        )
    return text.getvalue()


def assays_csv() -> str:
    """Return the assays as a file."""
    _, frame = assays()
    months, bench = frame.columns["batch_month"].values.astype("datetime64[D]"), frame.columns["bench"]
    rows = zip(months, frame.numbers("potency"), bench.codes, strict=True)
    lines = [f"{month},{potency},{bench.levels[code]}" for month, potency, code in rows]
    return "\n".join(["batch_month,potency,bench", *lines, ""])


def load_assays() -> dict[str, Any]:
    """Load the assays through the API."""
    spec, _ = assays()
    said = spec.model_dump(mode="json", exclude_none=True, exclude={"ignore_other_columns"})
    reply: dict[str, Any] = run_tool.handle(request("POST", "/datasets", {**said, "content": assays_csv()}), None)
    return reply


def load_trial(tenant: str = TENANT) -> dict[str, Any]:
    """Load the trial through the API."""
    spec, _ = trial()
    said = spec.model_dump(mode="json", exclude_none=True, exclude={"ignore_other_columns"})
    reply: dict[str, Any] = run_tool.handle(
        request("POST", "/datasets", {**said, "content": trial_csv()}, tenant=tenant), None
    )
    return reply


@pytest.fixture(scope="module")
def wiring(migrated: MigratedDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresWiring]:
    """Return the wiring in use, with the trial loaded and what the example events name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("E2I_DATABASE_URL", migrated.app)
        patch.setenv("E2I_STATE_MACHINE_ARN", "arn:x")
        patch.setenv("E2I_EVENT_BUS", "e2i")
        patch.setenv("E2I_RATE_PER_SECOND", "1e6")
        patch.setenv("E2I_RATE_BURST", "1000000")
        settings.read.cache_clear()
        with bootstrap.wired(PostgresWiring(folder=tmp_path_factory.mktemp("objects"))) as made:
            assert isinstance(made, PostgresWiring)
            assert load_assays()["statusCode"] == 201
            assert load_trial()["statusCode"] == 201
            seed(made.tenant(TENANT))
            seed_to_control(made.tenant(TENANT))
            yield made
            made.database().close()
        settings.read.cache_clear()
