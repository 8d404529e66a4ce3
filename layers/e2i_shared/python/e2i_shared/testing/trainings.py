"""Trainings in memory."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from e2i_shared.db import jobs
from e2i_shared.db.repository import known_id, not_found
from e2i_shared.testing.twins import FakeTwins
from e2i_shared.twins.model import Job, Twin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.testing.twin_rows import Held
    from e2i_shared.twins.model import GenerateRequest, NewTraining, Trained


class FakeJobs:
    """TrainingJobs in memory."""

    def __init__(self, held: Held) -> None:
        self._held = held

    def create(self, new: NewTraining) -> tuple[Job, int]:
        """Store a PENDING job and its model's next version."""
        held, now, request, user = self._held, self._held.now(), new.request, new.user
        job = Job(
            job_id=new.job_id,
            twin_id=new.twin_id,
            name=request.name,
            brand=request.brand,
            status="PENDING",
            phase="queued",
            percent=0,
            attempts=0,
            requested_by=user,
            created_at=now,
        )
        same = [t.version for t in held.twins.values() if (t.name, t.brand) == (request.name, request.brand)]
        version = max(same, default=0) + 1
        held.jobs[job.job_id], held.requests[job.job_id] = job, request
        held.twins[job.twin_id] = Twin(
            twin_id=job.twin_id,
            name=request.name,
            brand=request.brand,
            twin_type=request.twin_type,
            version=version,
            status="PENDING",
            active=False,
            outcome=request.outcome,
            interventions=request.interventions,
            created_at=now,
            job_id=job.job_id,
            description=request.description,
            geographic_scope=request.geographic_scope,
            dataset=request.dataset,
            features=request.features or [],
            training_config=request.model_dump(mode="json"),
            created_by=user,
        )
        held.outbox.append("training.requested", {"job_id": job.job_id})
        return job, version

    def get(self, job_id: str) -> Job:
        """Return a job; raise NotFoundError."""
        known = known_id(job_id, "job")
        if known not in self._held.jobs:
            raise not_found("job", job_id)
        return self._held.jobs[known]

    def request(self, job_id: str) -> GenerateRequest:
        """Return what was asked for."""
        return self._held.requests[self.get(job_id).job_id]

    def begin(self, job_id: str) -> Job | None:
        """Mark a job RUNNING and count the attempt; None where it has ended."""
        job = self._held.jobs.get(job_id)
        if job is None or job.ended:
            return None
        started = job.started_at or self._held.now()
        return self._announced(
            job, status="RUNNING", phase="read", percent=0, attempts=job.attempts + 1, started_at=started
        )

    def progress(self, job_id: str, phase: str, percent: int) -> None:
        """Record how far a RUNNING job is."""
        job = self._held.jobs[job_id]
        if job.status == "RUNNING":
            self._held.jobs[job_id] = job.model_copy(update={"phase": phase, "percent": percent})

    def complete(self, job_id: str, found: Trained) -> bool:
        """Keep what was trained, end the job; active unless a newer version is in use. False where it had ended before."""
        held, job = self._held, self._held.jobs[job_id]
        if not self._end(job_id, "COMPLETED", "done", None):
            return False
        held.change(
            job.twin_id,
            **found.model_dump(include={"bundle_key", "features", "metrics", "figures", "warnings", "mlflow_pending"}),
            model_hash=found.bundle_digest,
            fidelity_score=found.fidelity_score,
        )
        if found.active and job.twin_id not in held.deleted:
            self._use(held.twins[job.twin_id])
        return True

    def fail(self, job_id: str, message: str) -> bool:
        """End a job FAILED with the reason; False where it had ended before."""
        return self._end(job_id, "FAILED", "failed", message[:2_000])

    def cancel(self, job_id: str, user: str | None) -> Job:
        """End a job CANCELLED; raise ConflictError where it has ended otherwise."""
        job = self.get(job_id)
        self._end(job.job_id, "CANCELLED", "cancelled", f"Cancelled by {user}." if user else "Cancelled.")
        job = self.get(job_id)
        if job.status != "CANCELLED":
            raise jobs.has_ended(job)
        return job

    def retry(self, job_id: str) -> Job:
        """Let a FAILED job wait as if it were new; raise ConflictError for another."""
        job = self.get(job_id)
        if job.status != "FAILED" or job.twin_id in self._held.deleted:
            raise jobs.not_retried(job)
        self._held.outbox.append("training.requested", {"job_id": job.job_id})
        anew = {"status": "PENDING", "phase": "queued", "percent": 0, "attempts": 0, "retries": job.retries + 1}
        return self._announced(job, **anew, error=None, started_at=None, completed_at=None)

    def ask_to_log(self, *, settled_seconds: float = 0, unless: str | None = None) -> Sequence[str]:
        """Write ``training.log_requested`` for each training that is not in the experiment log; return their jobs."""
        reasons = {None, unless} | ({"waiting to be logged"} if settled_seconds else set())
        twins = [t for t in self._held.twins.values() if t.model_hash and t.twin_id not in self._held.deleted]
        found = [t.job_id for t in twins if t.mlflow_pending not in reasons and t.job_id]
        for job_id in found:
            self._held.outbox.append("training.log_requested", {"job_id": job_id})
        return found

    def _use(self, twin: Twin) -> None:
        same = [t for t in self._held.twins.values() if (t.name, t.brand, t.active) == (twin.name, twin.brand, True)]
        newer = [t.version for t in same if t.version > twin.version]
        if newer:
            self._held.change(twin.twin_id, deactivation_reason=jobs.overtaken(newer[0]))
        else:
            FakeTwins(self._held).activate(twin.twin_id, "A newer version was trained.")

    def asked(self, name: str, brand: str, user: str) -> Sequence[datetime]:
        """Return when ``user`` asked for trainings of this twin in the last 30 days."""
        since = self._held.clock() - timedelta(days=30)
        named = [j for j in self._held.jobs.values() if (j.name, j.brand, j.requested_by) == (name, brand, user)]
        return [at for at in (datetime.fromisoformat(j.created_at) for j in named) if at > since]

    def _end(self, job_id: str, status: Any, phase: str, error: str | None) -> bool:
        job = self._held.jobs.get(job_id)
        if job is None or job.ended:
            return False
        percent = 100 if status == "COMPLETED" else job.percent
        ended = {"status": status, "phase": phase, "error": error, "percent": percent, "completed_at": self._held.now()}
        self._announced(job, **ended)
        return True

    def _announced(self, job: Job, **changes: Any) -> Job:
        changed = job.model_copy(update=changes)
        self._held.jobs[job.job_id] = changed
        self._held.change(job.twin_id, status=changed.status)
        payload = {"job_id": job.job_id, "twin_id": job.twin_id, "status": changed.status, "error": changed.error}
        self._held.outbox.append("training.updated", payload)
        return changed
