"""The experiment log: what a training left behind, written down for people who compare models, now or once the log is back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared import bootstrap
from e2i_shared.http import bundles
from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    from e2i_shared.ports import Tenant

NOT_CONFIGURED = "no experiment log is configured (E2I_MLFLOW_URI)"


def why(error: Exception) -> str:
    """Return what kept the log from being written, without passwords of addresses."""
    return re.sub(r"://[^/\s@]*@", "://", f"{type(error).__name__}: {error}")[:500]


def log(tenant: Tenant, job_id: str) -> str:
    """Log a completed training; whatever keeps the log from it is recorded with the twin, which stays usable."""
    job = tenant.twins.jobs.get(job_id)
    if job.status != "COMPLETED":
        return job.status
    models = tenant.twins.models
    try:
        experiments = bootstrap.experiment_log()
        if experiments is None:
            models.record_run(job.twin_id, None, None, NOT_CONFIGURED)
            return job.status
        twin = models.get(job.twin_id)
        run = experiments.record(tenant.tenant_id, twin, bundles.content(twin))
    except Exception as error:  # noqa: BLE001 - a log that is away must not take a trained twin with it
        telemetry.note("experiment_log_failed", error_type=type(error).__name__)
        telemetry.count("ExperimentLog", {"status": "PENDING"})
        models.record_run(job.twin_id, None, None, why(error))
    else:
        models.record_run(job.twin_id, run.run_id, run.model_uri, None)
    return job.status
