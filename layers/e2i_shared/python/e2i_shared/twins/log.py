"""Where trainings are logged for people who compare models: a Protocol over an experiment log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from e2i_shared.twins.model import Twin


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """Where the log keeps a training: its run, and the address of the model in the registry."""

    run_id: str
    model_uri: str


class ExperimentLog(Protocol):
    """A log of trainings with a registry of models."""

    def record(self, tenant_id: str, twin: Twin, bundle: bytes) -> LoggedRun:
        """Log parameters, metrics, figures and the model of a trained twin; the active one is the champion."""
        ...
