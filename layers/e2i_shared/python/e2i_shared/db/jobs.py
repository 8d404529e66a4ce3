"""training_jobs: trainings that were asked for, how far they are, and the one end of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from e2i_shared.db import outbox
from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository, iso, iso_or_none, known_id, new_id_from, not_found
from e2i_shared.errors import ConflictError
from e2i_shared.twins.model import GenerateRequest, Job

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from e2i_shared.db.connection import Connection
    from e2i_shared.twins.model import NewTraining, Trained

CANCELLED = "cancelled"


class PostgresJobs(Repository):
    """TrainingJobs over Postgres. CANCELLED is kept as failed in the phase ``cancelled``."""

    def create(self, new: NewTraining) -> tuple[Job, int]:
        """Store a PENDING job and its model's next version, with ``training.requested`` in the outbox; return both."""

        def work(connection: Connection) -> tuple[Job, int]:
            values = _values(new)
            connection.execute(query("jobs", "lock_name"), values)
            row = connection.execute(query("jobs", "insert"), values).fetchone() or {}
            version = connection.execute(query("jobs", "insert_model"), values).fetchone() or {}
            outbox.append(connection, "training.requested", {"job_id": str(row["job_id"])})
            return job_of(row), version["model_version"]

        return self._run(work)

    def get(self, job_id: str) -> Job:
        """Return a job; raise NotFoundError."""
        return job_of(self._known(job_id))

    def request(self, job_id: str) -> GenerateRequest:
        """Return what was asked for."""
        return GenerateRequest.model_validate(self._known(job_id)["request"])

    def begin(self, job_id: str) -> Job | None:
        """Mark a job RUNNING and count the attempt; None where it has ended."""

        def work(connection: Connection) -> Job | None:
            row = connection.execute(query("jobs", "begin"), {"job_id": known_id(job_id, "job")}).fetchone()
            return None if row is None else _announced(connection, job_of(row))

        return self._run(work)

    def progress(self, job_id: str, phase: str, percent: int) -> None:
        """Record how far a RUNNING job is."""
        self._do(query("jobs", "progress"), job_id=job_id, phase=phase, percent=percent)

    def complete(self, job_id: str, found: Trained) -> bool:
        """Keep what was trained, end the job; active unless a newer version is in use. False where it had ended before."""

        def work(connection: Connection) -> bool:
            job = _ended(connection, job_id, "completed", "done", None)
            if job is None:
                return False
            named = {"model_id": job.twin_id}
            connection.execute(query("jobs", "lock_name_of"), named)
            newer = connection.execute(query("jobs", "newer_in_use"), named).fetchone() if found.active else None
            values = found.model_dump(mode="json") | named
            values |= {"metrics": Jsonb(found.metrics), "figures": Jsonb(found.figures)}
            values |= {"active": found.active and newer is None, "reason": newer and overtaken(newer["model_version"])}
            if values["active"]:
                connection.execute(
                    query("jobs", "deactivate_others"), named | {"reason": "A newer version was trained."}
                )
            connection.execute(query("jobs", "keep_model"), values)
            return True

        return self._run(work)

    def fail(self, job_id: str, message: str) -> bool:
        """End a job FAILED with the reason; False where it had ended before."""
        return self._run(lambda connection: _ended(connection, job_id, "failed", "failed", message) is not None)

    def cancel(self, job_id: str, user: str | None) -> Job:
        """End a job CANCELLED; raise ConflictError where it has ended otherwise."""
        by = f"Cancelled by {user}." if user else "Cancelled."
        known = known_id(job_id, "job")
        done = self._run(lambda connection: _ended(connection, known, "failed", CANCELLED, by))
        job = done or self.get(known)
        if job.status != "CANCELLED":
            raise has_ended(job)
        return job

    def retry(self, job_id: str) -> Job:
        """Let a FAILED job wait as if it were new, with ``training.requested`` in the outbox; raise ConflictError for another."""
        known = known_id(job_id, "job")

        def work(connection: Connection) -> Job | None:
            row = connection.execute(query("jobs", "retry"), {"job_id": known}).fetchone()
            if row is None:
                return None
            outbox.append(connection, "training.requested", {"job_id": known})
            return _announced(connection, job_of(row))

        found = self._run(work)
        if found is None:
            raise not_retried(self.get(known))
        return found

    def ask_to_log(self, *, settled_seconds: float = 0, unless: str | None = None) -> Sequence[str]:
        """Write ``training.log_requested`` for each training that is not in the experiment log; return their jobs.

        Those whose reason is ``unless``, or that changed in the last ``settled_seconds``, are left alone.
        """

        def work(connection: Connection) -> list[str]:
            values = {"settled": settled_seconds, "except": unless}
            jobs = [row["job_id"] for row in connection.execute(query("jobs", "unlogged"), values)]
            for job_id in jobs:
                outbox.append(connection, "training.log_requested", {"job_id": job_id})
            return jobs

        return self._run(work)

    def asked(self, name: str, brand: str, user: str) -> Sequence[datetime]:
        """Return when ``user`` asked for trainings of this twin in the last 30 days."""
        return [row["created_at"] for row in self._rows(query("jobs", "asked"), name=name, brand=brand, user=user)]

    def _known(self, job_id: str) -> Mapping[str, Any]:
        row = self._row(query("jobs", "get"), job_id=known_id(job_id, "job"))
        if row is None:
            raise not_found("job", job_id)
        return row


def has_ended(job: Job) -> ConflictError:
    """Return the error for a job that cannot be cancelled any more."""
    return ConflictError(
        f"The job is {job.status} and cannot be cancelled.", field="job_id", expected="a job that runs", got=job.status
    )


def not_retried(job: Job) -> ConflictError:
    """Return the error for a job that cannot be tried again."""
    return ConflictError(
        f"The job is {job.status} and cannot be tried again."
        if job.status != "FAILED"
        else "The twin of this job was deleted.",
        field="job_id",
        expected="a FAILED job whose twin was not deleted",
        got=job.status,
        hint="POST /digital-twins/generate asks for a new version.",
    )


def overtaken(version: int) -> str:
    """Return why a version is not active although it was trained."""
    return f"Version {version}, which was asked for later, is in use."


def job_of(row: Mapping[str, Any]) -> Job:
    """Return a row as a job."""
    return Job(
        job_id=str(row["job_id"]),
        twin_id=str(row["model_id"]),
        name=row["model_name"],
        brand=row["brand"],
        status=status_of(row["status"], row["phase"]),
        phase=row["phase"],
        percent=row["percent"],
        attempts=row["attempts"],
        retries=row["retries"],
        error=row["error_message"],
        requested_by=row["requested_by"],
        created_at=iso(row["created_at"]),
        started_at=iso_or_none(row["started_at"]),
        completed_at=iso_or_none(row["completed_at"]),
    )


def status_of(status: str, phase: str) -> Any:
    """Return a stored status as it is spoken of."""
    return "CANCELLED" if phase == CANCELLED else status.upper()


def _values(new: NewTraining) -> dict[str, Any]:
    request = new.request
    return {
        "job_id": new_id_from(new.job_id, "job_id"),
        "model_id": new_id_from(new.twin_id, "twin_id"),
        "name": request.name,
        "brand": request.brand,
        "description": request.description,
        "twin_type": request.twin_type,
        "outcome": request.outcome,
        "features": request.features or [],
        "scope": request.geographic_scope,
        "request": Jsonb(request.model_dump(mode="json")),
        "user": new.user,
    }


def _ended(connection: Connection, job_id: str, status: str, phase: str, error: str | None) -> Job | None:
    """End a job in the caller's transaction; None where it has ended before."""
    values = {"job_id": job_id, "status": status, "phase": phase, "error": error and error[:2_000]}
    row = connection.execute(query("jobs", "end_job"), values).fetchone()
    return None if row is None else _announced(connection, job_of(row))


def _announced(connection: Connection, job: Job) -> Job:
    payload = {"job_id": job.job_id, "twin_id": job.twin_id, "status": job.status, "error": job.error}
    outbox.append(connection, "training.updated", payload)
    return job
