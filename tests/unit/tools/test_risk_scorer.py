from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.causal.diagnostics import auc
from e2i_shared.datasets.pharma import patients
from e2i_shared.datasets.sample import level_texts
from e2i_shared.errors import (
    InsufficientDataError,
    NoVariationError,
    UnknownColumnError,
    UnprocessableError,
)
from e2i_shared.tools.risk_scorer import EXAMPLES, TOOL, Params, run
from vega_lite import assert_valid

ROLES = {"stopped": "outcome", "age": "covariate", "dose": "treatment", "plan": "segment", "patient_id": "id"}
KINDS = {"patient_id": "id"}


def world(seed: int = 1, n: int = 1500) -> tuple[dict[str, list[Any]], np.ndarray]:
    """Return patients whose log odds of stopping are −1 + 1.2·age − 0.8·dose + 0.7·[plan = b], and those log odds."""
    rng = np.random.default_rng(seed)
    age, dose, plan = rng.normal(size=n), rng.integers(0, 3, n).astype(float), rng.random(n) < 0.4
    odds = -1.0 + 1.2 * age - 0.8 * dose + 0.7 * plan
    stopped = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float)
    columns: dict[str, list[Any]] = {
        "patient_id": [f"P{i:05d}" for i in range(n)],
        "age": age.tolist(),
        "dose": dose.tolist(),
        "plan": ["b" if p else "a" for p in plan],
        "stopped": stopped.tolist(),
    }
    return columns, odds


def risks(columns: dict[str, list[Any]], **params: Any):
    asked = {"entity_type": "patient", "risk_type": "discontinuation", "outcome_col": "stopped", "learner": "linear"}
    roles = {k: v for k, v in ({"doctor": "cluster"} | ROLES).items() if k in columns}
    ctx = context(columns, roles=roles, kinds=KINDS | ({"doctor": "id"} if "doctor" in columns else {}))
    return run(Params.model_validate({"dataset": "data"} | asked | params), ctx)


def test_the_auc_is_that_of_the_oracle():
    columns, odds = world(n=3000)

    judged = risks(columns).model_performance
    oracle = auc(np.array(columns["stopped"]), odds)

    assert judged.auc_lower - 0.005 <= oracle <= judged.auc_upper + 0.005
    assert oracle - 0.02 < judged.auc <= oracle + 0.005
    assert judged.n == 3000


def test_probabilities_are_right_where_the_model_is():
    judged = risks(world(n=3000)[0]).model_performance

    assert judged.calibration_slope == pytest.approx(1.0, abs=0.12)
    assert judged.calibration_intercept == pytest.approx(0.0, abs=0.15)
    assert judged.brier < judged.brier_reference
    for part in judged.calibration:
        se = np.sqrt(part.predicted * (1 - part.predicted) / part.n)
        assert abs(part.observed - part.predicted) <= 3.5 * se
    assert sum(part.n for part in judged.calibration) == 3000


def test_factors_are_those_that_were_planted():
    found = risks(world(n=3000)[0]).risk_factors

    assert next(iter(found)) == "age"
    assert (found["age"].direction, found["dose"].direction, found["plan"].direction) == ("raises", "lowers", "differs")
    assert found["age"].odds_ratio_per_sd == pytest.approx(np.exp(1.2), rel=0.15)
    assert sum(f.importance for f in found.values()) == pytest.approx(1.0)


def test_noise_predicts_nothing_and_the_answer_says_so():
    columns, _ = world()
    columns["stopped"] = (np.random.default_rng(9).random(1500) < 0.3).astype(float).tolist()

    result = risks(columns)

    assert abs(result.model_performance.auc - 0.5) < 0.06
    assert any("hardly tell events apart" in text for text in result.warnings)


def test_trees_find_what_a_line_cannot():
    columns, _ = world()
    rng = np.random.default_rng(2)
    age = np.array(columns["age"])
    columns["stopped"] = (rng.random(1500) < np.where(np.abs(age) > 1, 0.8, 0.2)).astype(float).tolist()

    line, trees = (risks(columns, learner=name).model_performance.auc for name in ("linear", "auto"))

    assert line < 0.6
    assert trees > 0.74


def test_the_samples_patients_are_told_apart_nearly_as_well_as_truth_allows(sample, sample_context):
    table = sample.tables["patients"]
    ill, age = table.numbers("comorbidities"), table.numbers("age")
    truth = 0.29 + 0.045 * ill - 0.001 * (age - 50) + 0.06 * (level_texts(table, "payer") == patients.PAYERS[-1])
    for lever in ("copay_card", "nurse_support"):
        truth = truth + sample.unit_effects["patients", lever, "discontinued_90d"] * table.numbers(lever)
    oracle = auc(table.numbers("discontinued_90d"), truth)

    result = run(Params.model_validate(EXAMPLES[0]), sample_context)

    assert oracle > 0.57
    assert oracle - 0.03 < result.model_performance.auc < oracle + 0.01
    assert result.excluded["adherence_pdc"].startswith("an outcome")
    assert any("adherence_pdc" in text for text in result.warnings)
    assert result.label == "discontinued_90d is true"
    assert result.risk_factors["comorbidities"].direction == "raises"
    assert len(result.scores) == 50
    assert result.entities == 5000


def test_scores_are_sorted_capped_and_agree_with_the_high_risk_list():
    result = risks(world()[0], limit=20, high_risk_share=0.05)

    values = [score.risk for score in result.scores]
    assert values == sorted(values, reverse=True)
    assert len(values) == 20
    assert result.high_risk_count == 75
    assert result.high_risk_entities == [score.entity for score in result.scores]
    assert values[-1] >= result.risk_threshold
    assert result.scores[0].percentile == 1.0
    assert "age" in result.scores[0].drivers


def test_the_high_risk_share_holds_more_events_than_chance():
    judged = risks(world(n=3000)[0]).model_performance

    assert judged.lift > 2
    assert judged.high_risk_captured == pytest.approx(judged.lift * 0.1, rel=0.01)


def test_rows_of_one_cluster_stay_in_one_fold():
    rng = np.random.default_rng(5)
    columns, _ = world(n=1200)
    habit = np.repeat(rng.normal(0, 2, 60), 20)
    columns["doctor"] = [f"D{i // 20:03d}" for i in range(1200)]
    columns["mark"] = (np.arange(1200) // 20 + rng.normal(0, 0.01, 1200)).tolist()
    columns["stopped"] = (rng.random(1200) < 1 / (1 + np.exp(-habit))).astype(float).tolist()

    kept = risks(columns, learner="auto").model_performance

    assert kept.auc < 0.62
    assert "doctor whole" in kept.validation


def test_a_prescribers_risk_is_the_mean_of_its_patients():
    columns, _ = world(n=600)
    columns["doctor"] = [f"D{i % 100:03d}" for i in range(600)]

    result = risks(columns, entity_type="doctor", limit=100)

    assert result.entities == 100
    assert all(score.rows == 6 for score in result.scores)
    assert any("mean over its rows" in text for text in result.assumptions)


def test_rows_without_an_outcome_are_scored_too():
    columns, odds = world()
    columns["stopped"] = [None if i % 3 == 0 else v for i, v in enumerate(columns["stopped"])]

    result = risks(columns, limit=1000)
    scores = {score.entity: score.risk for score in result.scores}

    assert result.model_performance.n == 1000
    assert result.entities == 1500
    unknown = [i for i in range(0, 1500, 3) if f"P{i:05d}" in scores]
    assert len(unknown) > 200
    assert np.corrcoef([scores[f"P{i:05d}"] for i in unknown], odds[unknown])[0, 1] > 0.9


def test_what_gives_the_event_away_is_left_out_and_said():
    columns, _ = world()
    columns["exit_code"] = [v + 0.001 * i / 1500 for i, v in enumerate(columns["stopped"])]

    result = risks(columns)

    assert "known only afterwards" in result.excluded["exit_code"]
    assert result.model_performance.auc < 0.95


def test_non_adherence_is_adherence_below_its_bound(sample_context):
    base = {"dataset": "patients", "entity_type": "patient", "risk_type": "non_adherence", "learner": "linear"}

    usual = run(Params.model_validate(base), sample_context)
    strict = run(Params.model_validate(base | {"event_below": 0.6}), sample_context)

    assert usual.label == "adherence_pdc < 0.8"
    assert strict.event_rate < usual.event_rate
    assert usual.excluded["discontinued_90d"].startswith("an outcome")


def activity(seed: int = 3, n: int = 300) -> dict[str, list[Any]]:
    """Return 18 months of prescribers of whom the loosely bound lose most of their activity at some time."""
    rng = np.random.default_rng(seed)
    bond = rng.normal(size=n)
    gone = np.where(rng.random((n, 18)) < np.where(bond < -0.5, 0.12, 0.005)[:, None], 1, 0).cumsum(axis=1) > 0
    trx = rng.poisson(np.where(gone, 1.0, 20.0))
    months = [f"{2024 + (m + 6) // 12}-{(m + 6) % 12 + 1:02d}-01" for m in range(18)]
    return {
        "hcp_id": [f"H{i:03d}" for i in range(n) for _ in range(18)],
        "month": months * n,
        "bond": np.repeat(bond, 18).tolist(),
        "trx": trx.ravel().astype(float).tolist(),
    }


def churn(columns: dict[str, list[Any]], **params: Any):
    ctx = context(
        columns,
        roles={"hcp_id": "cluster", "bond": "covariate", "trx": "outcome", "month": "time"},
        kinds={"hcp_id": "id", "trx": "integer"},
    )
    asked = {"dataset": "data", "entity_type": "hcp", "risk_type": "churn", "learner": "linear"}
    return run(Params.model_validate(asked | params), ctx)


def test_churn_is_learned_from_the_past_and_judged_on_the_future():
    result = churn(activity())

    assert result.label == "trx of the next 3 months is at least 50% below that of the last 3"
    assert result.model_performance.auc > 0.7
    assert result.risk_factors["bond"].direction == "lowers"
    assert "by models of earlier ones" in result.model_performance.validation
    assert result.entities <= 300


def test_the_label_of_churn_is_what_one_counts_by_hand():
    columns = activity()
    trx = np.array(columns["trx"]).reshape(300, 6, 3).sum(axis=2)
    before, after = trx[:, :-1], trx[:, 1:]
    counted = (after <= 0.5 * before)[before > 0]

    assert churn(columns).event_rate == pytest.approx(counted.mean())


def test_churn_needs_three_horizons():
    with pytest.raises(InsufficientDataError) as caught:
        churn(activity(), time_horizon_days=270)
    assert caught.value.field == "time_horizon_days"


def test_the_same_seed_gives_the_same_scores():
    columns, _ = world()

    assert risks(columns, learner="auto") == risks(columns, learner="auto")


@pytest.mark.parametrize(
    ("params", "error", "field"),
    [
        ({"outcome_col": "nothing like it"}, UnknownColumnError, None),
        ({"outcome_col": "plan"}, UnprocessableError, "outcome_col"),
        ({"outcome_col": "age"}, UnprocessableError, "event_below"),
        ({"outcome_col": "age", "event_below": 0.0, "event_above": 1.0}, UnprocessableError, "event_below"),
        ({"outcome_col": "age", "event_above": 99.0}, NoVariationError, "outcome_col"),
        ({"outcome_col": "age", "event_above": 2.6}, InsufficientDataError, "filters"),
        ({"outcome_col": None, "risk_type": "adverse_event"}, UnprocessableError, "outcome_col"),
        ({"outcome_col": None, "risk_type": "churn"}, UnprocessableError, "outcome_col"),
        ({"entity_type": "planet"}, UnprocessableError, "entity_type"),
        ({"predictors": ["stopped"]}, UnprocessableError, "predictors"),
        ({"predictors": ["patient_id"]}, UnprocessableError, "predictors"),
        ({"filters": [{"column": "age", "op": "gt", "value": 1.8}]}, InsufficientDataError, "filters"),
    ],
)
def test_what_cannot_be_scored_is_refused(params, error, field):
    with pytest.raises(error) as caught:
        risks(world(n=1000)[0], **params)
    if field:
        assert caught.value.field == field


def test_another_horizon_than_the_columns_is_refused(sample_context):
    asked = EXAMPLES[0] | {"time_horizon_days": 180}

    with pytest.raises(UnprocessableError, match="within 90 days") as caught:
        run(Params.model_validate(asked), sample_context)
    assert caught.value.expected == "90"


def test_a_measure_of_the_aftermath_is_refused_as_a_predictor(sample_context):
    asked = EXAMPLES[0] | {"predictors": ["age", "adherence_pdc"]}

    with pytest.raises(UnprocessableError, match="known only after"):
        run(Params.model_validate(asked), sample_context)


def test_nothing_to_predict_from_is_refused():
    columns, _ = world(n=300)

    with pytest.raises(UnprocessableError) as caught:
        risks({name: columns[name] for name in ("patient_id", "stopped")})
    assert caught.value.field == "predictors"


def test_the_pictures_are_calibration_and_factors():
    output = risks(world()[0]).model_dump(mode="json")

    calibration, factors = TOOL.charts(output)

    assert_valid(calibration)
    assert_valid(factors)
    assert len(calibration["data"]["values"]) == 10
    assert factors["data"]["values"][0]["label"] == "age (raises)"
