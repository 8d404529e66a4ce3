"""What an estimate is of: everything needed to make it again."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
Amount = Annotated[float, Field(ge=-1e30, le=1e30)]  # as large as data may be


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

    ate: Amount = Field(description="the reported effect, outcome units per unit of treatment")
    ci_lower: Amount = Field(description="lower bound of its interval")
    ci_upper: Amount = Field(description="upper bound of its interval")
    std_error: Annotated[float, Field(ge=0.0, le=1e30)] = Field(description="its standard error")
    specification: Specification

    @model_validator(mode="after")
    def _held(self) -> Self:
        if not self.ci_lower <= self.ate <= self.ci_upper:
            message = f"the interval from {self.ci_lower:g} to {self.ci_upper:g} does not hold the effect {self.ate:g}"
            raise ValueError(message)
        return self
