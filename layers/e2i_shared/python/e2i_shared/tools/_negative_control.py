"""The negative-control outcome of a refutation: named by the user or by the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnRole
from e2i_shared.causal.refuters.base import NegativeControl
from e2i_shared.causal.refuters.negative_control import NegativeControlOutcome
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools._analysis import prepare
from e2i_shared.tools._columns import NUMERIC_KINDS, match_column, numeric_column, plain

if TYPE_CHECKING:
    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.tools._registry import ToolContext
    from e2i_shared.tools._rerun import Rerun
    from e2i_shared.tools.refutation_runner import Params

SAID = "negative control"


def control_column(params: Params, context: ToolContext) -> str | None:
    """Return the control's column: as asked, else as the catalogue says where all tests, or this one, are run.

    Raises UnprocessableError where the test is asked for and no column is known.
    """
    dataset = context.data.describe(params.causal_result.specification.dataset)
    if params.negative_control_col is not None:
        return numeric_column(dataset, params.negative_control_col, "negative_control_col").name
    asked = NegativeControlOutcome.name in params.tests
    if not asked and "tests" in params.model_fields_set:
        return None
    named = next((c.name for c in dataset.columns if _is_control(c)), None)
    if asked and named is None:
        raise UnprocessableError(
            "The negative-control test needs a column that the treatment cannot change.",
            field="negative_control_col",
            expected="a numeric or true/false column",
            got="none",
            candidates=_candidates(dataset),
            hint="Name one, or describe a column as a negative control in the catalogue.",
        )
    return named


def negative_control(
    name: str, params: Params, again: Rerun, context: ToolContext
) -> tuple[NegativeControl | None, list[str]]:
    """Return the column's values beside the study's rows, and warnings.

    A column that is part of the estimate cannot be its control: refused with UnprocessableError where it, or the test, was asked
    for; else left out with a warning.
    """
    settled = again.prepared.specification
    column = match_column(again.prepared.dataset, name).name
    part = {settled.treatment_col: "the treatment", settled.outcome_col: "the outcome"}
    part |= dict.fromkeys(settled.confounders or [], "adjusted for")
    asked = params.negative_control_col is not None or NegativeControlOutcome.name in params.tests
    if column in part and not asked:
        return None, [f"The negative control {column!r} is not used: it is {part[column]} in this estimate."]
    if column in part:
        raise UnprocessableError(
            f"{column!r} is {part[column]} in this estimate and cannot be its negative control.",
            field="negative_control_col",
            expected="a column that is no part of the estimate",
            got=column,
            candidates=[c for c in _candidates(again.prepared.dataset) if c not in part],
            hint="Estimate the effect with confounders that leave it out.",
        )
    frame = prepare(settled, context, [column]).frame
    return NegativeControl(column, frame.numbers(column)), []


def _is_control(column: Column) -> bool:
    told = (column.description or "", *column.synonyms)
    return column.kind in NUMERIC_KINDS and any(SAID in plain(text) for text in told)


def _candidates(dataset: Dataset) -> list[str]:
    roles = {ColumnRole.OUTCOME, ColumnRole.COVARIATE}
    return [c.name for c in dataset.columns if c.kind in NUMERIC_KINDS and c.role in roles]
