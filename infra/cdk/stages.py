"""What differs between dev, staging and prod."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Literal

from e2i_shared.settings import variable

StageName = Literal["dev", "staging", "prod"]


@dataclass(frozen=True, slots=True)
class TwinSettings:
    """How one environment trains and asks twins; what is left open is the functions' own default."""

    automatic_retraining: bool
    function_rows: int  # data sets of more rows are trained on in a container task
    inline_twins: int  # simulations of more twins are queued
    training_threads: int
    min_effect_threshold: float | None = None  # of the outcome's baseline: smaller effects are not worth a deployment
    min_confidence: float | None = None
    min_fidelity: float | None = None
    most_weeks: int | None = None  # the longest real test that is advised

    def variables(self) -> dict[str, str]:
        """Return them as the functions' variables."""
        told = {variable(each.name): getattr(self, each.name) for each in fields(self)}
        return {name: json.dumps(value) for name, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True)
class LanguageModels:
    """Which providers one environment may ask, in order, who embeds questions, and its budgets in US dollars; none by default."""

    providers: str = ""  # "anthropic", "openai", or both with a comma
    embeddings: Literal["local", "openai"] = "local"
    tenant_daily_usd: float = 50
    user_daily_usd: float = 10
    composition_usd: float = 0.5

    @property
    def used(self) -> bool:
        """Whether anything leaves the network."""
        return bool(self.providers) or self.embeddings != "local"

    def variables(self) -> dict[str, str]:
        """Return them as the functions' variables."""
        return {
            "E2I_LLM_PROVIDERS": self.providers,
            "E2I_LLM_EMBEDDINGS": self.embeddings,
            "E2I_LLM_TENANT_DAILY_USD": str(self.tenant_daily_usd),
            "E2I_LLM_USER_DAILY_USD": str(self.user_daily_usd),
            "E2I_LLM_COMPOSITION_USD": str(self.composition_usd),
        }


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
    twins: TwinSettings
    language_models: LanguageModels = LanguageModels()


STAGES: dict[StageName, Stage] = {
    "dev": Stage(
        "dev",
        0.5,
        2,
        1,
        14,
        2,
        keep_data=False,
        reader=False,
        throttle_rate=50,
        throttle_burst=100,
        twins=TwinSettings(automatic_retraining=False, function_rows=20_000, inline_twins=10_000, training_threads=4),
    ),
    "staging": Stage(
        "staging",
        0.5,
        4,
        7,
        30,
        2,
        keep_data=False,
        reader=False,
        throttle_rate=200,
        throttle_burst=400,
        twins=TwinSettings(automatic_retraining=True, function_rows=50_000, inline_twins=10_000, training_threads=4),
    ),
    "prod": Stage(
        "prod",
        1,
        16,
        35,
        400,
        3,
        keep_data=True,
        reader=True,
        throttle_rate=1000,
        throttle_burst=2000,
        twins=TwinSettings(automatic_retraining=False, function_rows=50_000, inline_twins=10_000, training_threads=4),
    ),
}
