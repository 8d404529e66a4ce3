"""What an estimate is of: everything needed to make it again."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.common import Filter, Scalar

Method = Literal[
    "auto",
    "difference_in_means",
    "regression_adjustment",
    "ipw",
    "aipw",
    "partially_linear",
    "average_partial_effect",
    "difference_in_differences",
]
Estimand = Literal["ate", "att"]


class Specification(BaseModel):
    """Everything needed to estimate the same effect again, and what was settled on the way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    filters: list[Filter] = []
    treatment_col: str
    outcome_col: str
    confounders: list[str] | None = Field(None, description="columns adjusted for; null: by their roles; [] for none")
    treatment_contrast: list[Scalar] | None = Field(
        None, min_length=2, max_length=2, description="treated and untreated value; other rows are left out"
    )
    cluster_col: str | None = Field(None, description="rows with the same value are correlated; null: by role")
    method: Method = "auto"
    estimand: Estimand = "ate"
    treatment_kind: Literal["binary", "dose", "arms"] | None = None
    reference_level: Scalar | None = Field(None, description="level that the others of a treatment are compared with")
    weight_col: str | None = Field(None, description="how many units a row stands for")
    unit_col: str | None = Field(None, description="difference in differences: the unit seen again; null: by role")
    time_col: str | None = Field(None, description="difference in differences: its period; null: by role")
    treated_from: Scalar | None = Field(
        None, description="difference in differences: first treated period of the rows marked by treatment_col"
    )


class CausalResult(BaseModel):
    """What is read of causal_effect_estimator's output; its other fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    ate: float = Field(description="the reported effect, outcome units per unit of treatment")
    ci_lower: float = Field(description="lower bound of its interval")
    ci_upper: float = Field(description="upper bound of its interval")
    std_error: float = Field(description="its standard error")
    specification: Specification
