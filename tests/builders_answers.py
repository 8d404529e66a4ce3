"""Outputs of tools as they come back, small and made by hand; each fits its tool's own result model."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
BASE: Json = {"n": 6720, "method": "a method", "assumptions": [], "warnings": [], "seed": 1}


def change_output(**changes: Any) -> Json:
    cause = {
        "kind": "exposure",
        "name": "rep_visits",
        "label": "how much rep_visits",
        "amount": -5931.2,
        "ci_lower": -6865.0,
        "ci_upper": -4997.0,
        "std_error": 476.0,
        "share": 1.177,
        "beyond_noise": True,
        "level_a": 2.61,
        "level_b": 1.04,
        "effect_per_unit": 1.26,
    }
    rest = cause | {"kind": "response", "name": "baseline", "amount": 893.2, "ci_lower": 1.0, "ci_upper": 1800.0}
    groups = [("mix", 145.0), ("exposure", -5977.0), ("response", 794.0)]
    return {
        **BASE,
        "outcome": "trx",
        "title": "Total prescriptions (TRx)",
        "unit": "TRx",
        "aggregate": "sum",
        "side_a": "2026-04-01 to 2026-06-30",
        "side_b": "2026-07-01 to 2026-09-30",
        "period_a": {"start": "2026-04-01", "end": "2026-07-01"},
        "period_b": {"start": "2026-07-01", "end": "2026-10-01"},
        "n_a": 3000,
        "n_b": 3000,
        "value_a": 32393.0,
        "value_b": 27355.0,
        "change": -5038.0,
        "change_pct": -15.55,
        "ci_lower": -5600.0,
        "ci_upper": -4476.0,
        "main_cause": cause,
        "contributions": [cause, rest],
        "groups": [{"kind": k, "amount": a, "ci_lower": a - 9, "ci_upper": a + 9, "share": None} for k, a in groups],
        "residual": 0.0,
        "slices": [
            {
                "dimension": "region",
                "level": "Northeast",
                "amount": -3182.0,
                "share": 0.63,
                "by_size": 0.0,
                "by_rate": -3182.0,
                "value_a": 11.0,
                "value_b": 7.5,
                "n_a": 840,
                "n_b": 840,
                "main_lever": None,
            }
        ],
        "levers": ["rep_visits"],
        "adjusted_for": ["decile"],
    } | changes


def driver_output(**changes: Any) -> Json:
    first = {
        "lever": "rep_visits",
        "rank": 1,
        "rank_best": 1,
        "rank_worst": 1,
        "effect": 1.262,
        "ci_lower": 1.201,
        "ci_upper": 1.323,
        "std_error": 0.03,
        "p_value": 1e-9,
        "p_adjusted": 1e-8,
        "significant": True,
        "per_sd": 2.41,
        "contribution": 2.9,
        "contribution_ci_lower": 2.7,
        "contribution_ci_upper": 3.1,
        "share_of_outcome": 0.25,
        "mean_level": 2.3,
        "sd_level": 1.91,
        "unit": "visits",
        "method": "aipw",
    }
    second = first | {
        "lever": "email_campaign",
        "rank": 2,
        "effect": 0.04,
        "ci_lower": -0.11,
        "ci_upper": 0.19,
        "significant": False,
        "p_adjusted": 0.82,
    }
    return {
        **BASE,
        "outcome": "trx",
        "unit": "TRx",
        "outcome_mean": 11.4,
        "rank_by": "per_sd",
        "top_driver": "rep_visits",
        "drivers": [first, second],
        "not_ranked": [],
        "critical_value": 2.6,
        "adjusted_for": ["decile"],
        "n_clusters": 1000,
    } | changes


def simulation_output(**changes: Any) -> Json:
    return {
        **BASE,
        "n": 61944,
        "treatment_col": "rep_visits",
        "outcome_col": "trx",
        "unit": "TRx",
        "intervention": "+20% rep_visits",
        "population": "Dermatology or decile 2",
        "target_members": [],
        "predicted_outcome": 8.707,
        "confidence_interval": {"lower": 8.6, "upper": 8.8},
        "baseline_outcome": 8.350,
        "change": 0.357,
        "change_interval": {"lower": 0.333, "upper": 0.382},
        "p_value": 1e-9,
        "lift_percentage": 4.28,
        "lift_interval": {"lower": 4.0, "upper": 4.56},
        "total_change": 22143.0,
        "total_interval": {"lower": 20599.0, "upper": 23687.0},
        "mean_dose_before": 2.0,
        "mean_dose_after": 2.4,
        "share_changed": 0.9,
        "share_beyond_support": 0.02,
        "rows_modelled": 72000,
        "caveats": [],
        "curve": [],
    } | changes


def policy_output(**changes: Any) -> Json:
    gain = {"estimate": 612.0, "ci_lower": 579.0, "ci_upper": 644.0, "p_value": 0.0}
    target = {
        "rank": 1,
        "unit": "HCP-00747",
        "treatments": 2.0,
        "predicted_effect": 1.3,
        "expected_gain": 2.6,
        "volume": 9.0,
    }
    allocation = {
        "column": "region",
        "segment": "Northeast",
        "candidates": 250,
        "treated": 180,
        "treatments": 350.0,
        "share_of_budget": 0.703,
        "mean_effect": 1.2,
    }
    return {
        **BASE,
        "treatment_col": "rep_visits",
        "outcome_col": "trx",
        "unit": "TRx",
        "unit_col": "hcp_id",
        "candidates": 1000,
        "treated": 265,
        "budget": 500.0,
        "spent": 498.0,
        "targets": [target, target | {"rank": 2, "unit": "HCP-00111", "treatments": 1.0}],
        "allocation_by_segment": [allocation],
        "expected_gain": gain,
        "gain_against_random": gain | {"estimate": 187.0, "ci_lower": 157.0, "ci_upper": 217.0},
        "gain_against_volume": gain | {"estimate": 31.8, "ci_lower": 9.8, "ci_upper": 53.9},
        "gain_per_treatment": 1.22,
        "volume_ranked_by": "trx",
        "net_value": None,
        "net_value_ci_lower": None,
        "net_value_ci_upper": None,
        "average_effect": 0.9,
        "qini": 0.1,
        "qini_ci_lower": 0.05,
        "qini_ci_upper": 0.15,
        "feature_importance": {},
        "budget_curve": [],
    } | changes


def roi_output(**changes: Any) -> Json:
    return {
        **BASE,
        "estimated_roi": 1.84,
        "npv": 92000.0,
        "breakeven_months": 4.2,
        "breakeven_reason": None,
        "confidence_range": [1.21, 2.47],
        "npv_range": [60500.0, 123500.0],
        "breakeven_range": [3.1, 6.0],
        "probability_of_profit": 0.997,
        "breakeven_effect": 0.012,
        "effect": 1.26,
        "monthly_gain": 12600.0,
        "total_gain": 142000.0,
        "total_cost": 50000.0,
        "time_horizon_months": 12,
        "discount_rate": 0.1,
        "monthly_rate": 0.008,
        "cash_flow": [],
    } | changes


def drift_output(**changes: Any) -> Json:
    return {
        **BASE,
        "feature": "samples_dropped",
        "psi_value": 0.893,
        "drift_severity": "severe",
        "threshold": 0.0071,
        "beyond_chance": True,
        "bin_contributions": [],
        "largest_contribution": "(missing)",
        "reference_period": {"start": "2026-01-01", "end": "2026-04-01"},
        "comparison_period": {"start": "2026-09-01", "end": "2026-10-01"},
        "reference_n": 9000,
        "comparison_n": 3000,
        "reference_mean": 3.51,
        "comparison_mean": 4.62,
        "reference_missing_share": 0.0,
        "comparison_missing_share": 0.2,
        "unit": "samples",
        "design_effect": 1.0,
    } | changes


def comparison_output(**changes: Any) -> Json:
    test = {
        "column": "age",
        "test": "ks",
        "statistic": 0.5,
        "df": None,
        "p_value": 1e-9,
        "p_adjusted": 1e-9,
        "significant": True,
        "effect_size": -0.62,
        "effect_name": "cliffs_delta",
        "magnitude": "large",
        "largest_at": "64",
        "mean_a": 63.04,
        "mean_b": 46.61,
        "standardised_difference": -1.2,
        "n_a": 1500,
        "n_b": 2200,
        "missing_a": 0,
        "missing_b": 0,
        "design_effect": 1.0,
        "reference": "asymptotic",
    }
    same = test | {
        "column": "sex",
        "test": "chi2",
        "significant": False,
        "p_adjusted": 0.41,
        "effect_size": 0.013,
        "mean_a": None,
        "mean_b": None,
    }
    return {
        **BASE,
        "test_results": [test, same],
        "significant_differences": ["age"],
        "adjustment": "holm",
        "alpha": 0.05,
        "n_a": 1500,
        "n_b": 2200,
        "visualization_data": {},
    } | changes


def forecast_output(**changes: Any) -> Json:
    points = [("2026-10", "2026-10-01", 9120.0, 8700.0, 9540.0), ("2026-11", "2026-11-01", 9050.0, 8510.0, 9590.0)]
    backtest = {
        "origins": 9,
        "first_origin": "2025-09",
        "horizon": 2,
        "mase": 0.81,
        "smape": 3.42,
        "mae": 301.0,
        "coverage": 0.889,
        "widening": 1.0,
    }
    return {
        **BASE,
        "kpi": "trx",
        "title": "Total prescriptions (TRx)",
        "unit": "TRx",
        "grain": "month",
        "horizon": 2,
        "level": 0.9,
        "forecast": [dict(zip(("period", "start", "value", "lower", "upper"), p, strict=True)) for p in points],
        "history": [],
        "total": 18170.0,
        "last_value": 9000.0,
        "next_value": 9120.0,
        "change_pct": 1.0,
        "chosen": "ets",
        "chosen_title": "exponential smoothing",
        "why": "lowest error",
        "season": 12,
        "seasonal": False,
        "backtest": backtest,
        "candidates": [],
        "intervention": None,
    } | changes


def propensity_output(**changes: Any) -> Json:
    names = ("mean", "std", "minimum", "p05", "median", "p95", "maximum", "mean_treated", "mean_untreated")
    summary = dict(zip(names, (0.33, 0.14, 0.05, 0.161, 0.3, 0.583, 0.9, 0.4, 0.3), strict=True))
    verdict = {
        "verdict": "good",
        "explanation": "0% of rows have a propensity outside [0.05, 0.95].",
        "share_outside": 0.0,
        "support_lower": 0.05,
        "support_upper": 0.9,
        "share_off_support": 0.0,
        "ess_treated": 1500.0,
        "ess_control": 3100.0,
    }
    return {
        **BASE,
        "n": 5000,
        "treatment_col": "nurse_support",
        "covariates": ["age"],
        "treated": 1649,
        "untreated": 3351,
        "propensity_scores": summary,
        "histogram": [],
        "balance_statistics": [{"column": "comorbidities", "smd_before": 0.476, "smd_after": 0.017}],
        "largest_smd_before": 0.476,
        "largest_smd_after": 0.017,
        "overlap_assessment": verdict,
        "auc": 0.654,
        "brier": 0.2,
        "calibration": {"slope": 1.0, "intercept": 0.0, "largest_gap": 0.02, "bins": []},
        "learner": "logistic",
    } | changes


def risk_output(**changes: Any) -> Json:
    score = {"entity": "PT-000123", "risk": 0.734, "rows": 1, "percentile": 0.999, "drivers": ["age"]}
    performance = {
        "auc": 0.712,
        "auc_lower": 0.69,
        "auc_upper": 0.73,
        "brier": 0.153,
        "brier_reference": 0.17,
        "calibration_slope": 1.0,
        "calibration_intercept": 0.0,
        "calibration": [],
        "high_risk_events": 0.5,
        "high_risk_captured": 0.2,
        "lift": 2.0,
        "n": 5000,
        "events": 1100,
        "validation": "5 folds",
    }
    return {
        **BASE,
        "entity_type": "patient",
        "entity_column": "patient_id",
        "risk_type": "non_adherence",
        "time_horizon_days": 90,
        "label": "adherence_pdc < 0.8",
        "event_rate": 0.22,
        "entities": 5000,
        "scores": [score],
        "high_risk_entities": ["PT-000123"],
        "high_risk_count": 500,
        "risk_threshold": 0.481,
        "mean_risk": 0.223,
        "risk_factors": {"comorbidities": {"importance": 0.4, "direction": "raises", "odds_ratio_per_sd": 1.5}},
        "model_performance": performance,
        "predictors": ["age"],
        "excluded": {},
    } | changes


def cohort_output(**changes: Any) -> Json:
    def step(number: int, kind: str, text: str, after: int) -> Json:
        counts = ("rows_before", "rows_excluded", "rows_after", "rows_missing", "entities_before", "entities_excluded")
        return {
            "number": number,
            "kind": kind,
            "criterion": text,
            "reason": None,
            **dict.fromkeys(counts, 0),
            "entities_after": after,
            "entities_without": 434,
            "small_cell": False,
        }

    definition = {
        "name": None,
        "dataset": "patients",
        "dataset_id": "patients",
        "dataset_version": 1,
        "unit": "patient",
        "unit_col": None,
        "filters": [],
        "inclusion": [],
        "exclusion": [],
        "size": 312,
        "rows": 312,
        "hash": "x",
    }
    return {
        **BASE,
        "assessed_rows": 5000,
        "assessed_entities": 5000,
        "unit": "patient",
        "steps": [step(1, "inclusion", "brand = Kisqali", 1798), step(2, "exclusion", "copay card", 312)],
        "size": 312,
        "share": 0.0624,
        "empty": False,
        "emptied_by": None,
        "strictest": "brand = Kisqali",
        "strictest_adds": 122,
        "small_cells": [],
        "cohort": definition,
    } | changes


def explanation_output(**changes: Any) -> Json:
    parts = [
        {"kind": "definition", "title": "E-value", "text": "How strong hidden confounding must be.", "citations": []},
        {"kind": "reading", "title": "E-value", "text": "From 1 upwards.", "citations": []},
    ]
    return {
        **BASE,
        "subject": "term",
        "title": "E-value",
        "summary": parts[0]["text"],
        "parts": parts,
        "terms": ["e_value"],
        "kpis": [],
        "composition_id": None,
        "related": [],
    } | changes


def health_output(**changes: Any) -> Json:
    signal = {
        "kind": "completeness",
        "column": "samples_dropped",
        "feed": "region = West",
        "periods": ["2026-02"],
        "current": True,
        "severity": "severe",
        "observed": 1.0,
        "expected": 0.0,
        "rule": "share",
        "detail": "100% of samples_dropped is missing for region = West in 2026-02.",
    }
    return {
        **BASE,
        "status": "alarm",
        "signals": [signal],
        "alarms": 3,
        "kpi": None,
        "columns": [],
        "completeness": 0.9987,
        "freshness": {
            "last_date": "2026-09-30",
            "as_of": "2026-09-30",
            "lag_days": 0,
            "max_lag_days": 31,
            "late_feeds": [],
        },
        "feeds": 12,
        "periods": ["2026-09"],
        "watched": ["2026-09"],
        "false_alarm_rate": 0.05,
    } | changes


OUTPUTS = {
    "kpi_monitor": health_output,
    "change_attributor": change_output,
    "driver_ranker": driver_output,
    "counterfactual_simulator": simulation_output,
    "policy_optimizer": policy_output,
    "roi_estimator": roi_output,
    "psi_calculator": drift_output,
    "distribution_comparator": comparison_output,
    "forecaster": forecast_output,
    "propensity_estimator": propensity_output,
    "risk_scorer": risk_output,
    "cohort_builder": cohort_output,
    "result_explainer": explanation_output,
}
