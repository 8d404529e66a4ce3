"""What differs between dev, staging and prod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StageName = Literal["dev", "staging", "prod"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One environment. Capacity is in Aurora capacity units, retention in days."""

    name: StageName
    min_capacity: float
    max_capacity: float
    backup_days: int
    log_days: int
    availability_zones: int
    keep_data: bool
    reader: bool
    throttle_rate: int  # requests per second at the API's stage
    throttle_burst: int


STAGES: dict[StageName, Stage] = {
    "dev": Stage("dev", 0.5, 2, 1, 14, 2, keep_data=False, reader=False, throttle_rate=50, throttle_burst=100),
    "staging": Stage("staging", 0.5, 4, 7, 30, 2, keep_data=False, reader=False, throttle_rate=200, throttle_burst=400),
    "prod": Stage("prod", 1, 16, 35, 400, 3, keep_data=True, reader=True, throttle_rate=1000, throttle_burst=2000),
}
