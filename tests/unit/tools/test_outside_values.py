"""Numbers of whole tools beside those of scipy and scikit-learn on the same rows, and EconML's and DoWhy's stored ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders_asked import ask, columns, context
from dgps import _table, nhefs
from e2i_shared.causal.estimators.choice import choose, estimate
from e2i_shared.causal.refuters.base import Case, Claim
from e2i_shared.causal.refuters.gate import refute
from e2i_shared.causal.study import Settings
from e2i_shared.tools._registry import run_tool
from scipy import stats
from sklearn import metrics

STORED = Path(__file__).parents[2] / "reference" / "groups_outside.json"
SEEDS = [0, 1, 2]


def rows_of(seed: int) -> dict[str, Any]:
    return {name: np.array(values) for name, values in columns(seed).items()}


def answer(tool: str, seed: int, **changes: Any) -> dict[str, Any]:
    """Return a tool's answer on rows that are independent of each other: no column of clusters is there."""
    data = {name: values for name, values in columns(seed).items() if name != "site"}
    return run_tool(tool, ask(tool, **changes), context(data))


def late(data: dict[str, Any]):
    return np.char.startswith(data["month"].astype(str), "2025")


@pytest.mark.parametrize("seed", SEEDS)
def test_the_kolmogorov_smirnov_test_is_scipys(seed):
    data = rows_of(seed)
    outside = stats.ks_2samp(data["x"][~late(data)], data["x"][late(data)], method="asymp")

    (found,) = answer("distribution_comparator", seed, columns=["x"])["test_results"]

    assert found["statistic"] == pytest.approx(outside.statistic)
    assert found["p_value"] == pytest.approx(outside.pvalue, rel=0.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_chi_square_test_is_scipys(seed):
    data = rows_of(seed)
    table = [
        [int((side & (data["seg"] == s)).sum()) for s in ("east", "north", "south")]
        for side in (~late(data), late(data))
    ]
    outside = stats.chi2_contingency(table, correction=False)

    (found,) = answer("distribution_comparator", seed, columns=["seg"])["test_results"]

    assert found["statistic"] == pytest.approx(outside.statistic)
    assert found["df"] == outside.dof
    assert found["p_value"] == pytest.approx(outside.pvalue)
    assert found["effect_size"] == pytest.approx(np.sqrt(outside.statistic / 480))  # Cramér's V of two rows


@pytest.mark.parametrize("seed", SEEDS)
def test_two_tests_are_adjusted_as_scipys_benjamini_hochberg(seed):
    found = answer("distribution_comparator", seed, columns=["x", "seg", "dose"], adjust="bh")["test_results"]

    outside = stats.false_discovery_control([row["p_value"] for row in found])
    assert [row["p_adjusted"] for row in found] == pytest.approx(outside.tolist())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_stability_index_is_jeffreys_divergence_of_the_shares(seed):
    data = rows_of(seed)
    sides = [data["seg"][side] for side in (~late(data), late(data))]
    shares = [np.array([(side == s).sum() + 0.5 for s in ("east", "north", "south")]) / (240 + 1.5) for side in sides]

    found = answer("psi_calculator", seed, feature_name="seg")

    assert found["psi_value"] == pytest.approx(stats.entropy(*shares) + stats.entropy(*shares[::-1]))
    assert sum(row["contribution"] for row in found["bin_contributions"]) == pytest.approx(found["psi_value"])
    assert found["threshold"] == pytest.approx((1 / 240 + 1 / 240) * stats.chi2.ppf(0.95, 2))


@pytest.mark.parametrize("seed", SEEDS)
def test_risks_are_judged_as_scikit_learn_judges_them(seed):
    event = dict(zip(*(columns(seed)[name] for name in ("person", "event")), strict=True))

    found = answer("risk_scorer", seed, limit=1000)
    risk = {score["entity"]: score["risk"] for score in found["scores"]}
    happened, scored = [event[who] for who in risk], list(risk.values())
    performance = found["model_performance"]

    assert len(risk) == len(event)
    assert performance["auc"] == pytest.approx(metrics.roc_auc_score(happened, scored))
    assert performance["brier"] == pytest.approx(metrics.brier_score_loss(happened, scored))
    assert performance["brier_reference"] == pytest.approx(np.var(happened))
    assert performance["auc_lower"] < performance["auc"] < performance["auc_upper"]
    assert found["event_rate"] == pytest.approx(np.mean(happened))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_spread_of_the_auc_is_that_of_drawing_people_again(seed):
    found = answer("risk_scorer", seed, limit=1000)
    event = dict(zip(*(columns(seed)[name] for name in ("person", "event")), strict=True))
    happened, scored = np.array([(event[s["entity"]], s["risk"]) for s in found["scores"]]).T
    rng = np.random.default_rng(seed)

    draws = [rng.integers(0, 480, 480) for _ in range(200)]
    areas = [metrics.roc_auc_score(happened[d], scored[d]) for d in draws]

    half = (found["model_performance"]["auc_upper"] - found["model_performance"]["auc_lower"]) / 2
    assert half == pytest.approx(1.96 * np.std(areas), rel=0.2)


@pytest.mark.parametrize("seed", SEEDS)
def test_balance_before_weighting_is_the_difference_in_pooled_standard_deviations(seed):
    data = rows_of(seed)
    arms = [data["x"][data["treated"] == a] for a in (1.0, 0.0)]
    pooled = np.sqrt((arms[0].var(ddof=1) + arms[1].var(ddof=1)) / 2)

    found = answer("propensity_estimator", seed)["balance_statistics"]

    row = next(row for row in found if row["column"] == "x")
    assert abs(row["smd_before"]) == pytest.approx(abs(arms[0].mean() - arms[1].mean()) / pooled, rel=0.01)


@pytest.mark.parametrize("seed", SEEDS)
def test_gaps_are_differences_of_plain_means(seed):
    data = rows_of(seed)
    means = {s: data["outcome"][data["seg"] == s].mean() for s in ("east", "north", "south")}

    found = answer("gap_calculator", seed, group_by="seg", covariates=[])

    benchmark = np.mean(list(means.values()))
    assert {gap["entity"]: gap["gap"] for gap in found["gaps"]} == pytest.approx(
        {name: benchmark - mean for name, mean in means.items()}
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_power_is_that_of_the_noncentral_t(seed):
    outcome = rows_of(seed)["outcome"]
    shift = 0.5 / outcome.std(ddof=1) * np.sqrt(150 / 2)
    critical = stats.t.ppf(0.975, 298)

    found = answer("power_calculator", seed, sample_size=150)

    outside = stats.nct.sf(critical, 298, shift) + stats.nct.cdf(-critical, 298, shift)
    assert found["power"] == pytest.approx(outside, abs=1e-6)


@pytest.fixture(scope="module")
def stored():
    return {value["what"]: value for value in json.loads(STORED.read_text(encoding="utf-8"))["values"]}


def test_effects_by_group_agree_with_econmls_doubly_robust_learner(stored):
    study = nhefs()
    found = estimate(study, Settings(learner="linear", seed=1))
    sex = _table("nhefs_complete").sex.astype(int).to_numpy()
    means = [found.scores[sex == group].mean() for group in (0, 1)]
    errors = [found.scores[sex == group].std(ddof=1) / np.sqrt((sex == group).sum()) for group in (0, 1)]
    outside = [stored[f"NHEFS, sex {group}"] for group in (0, 1)]

    # Both tune their own nuisances: each may differ by what another split of the folds would do.
    for mean, error, theirs in zip(means, errors, outside, strict=True):
        assert abs(mean - theirs["estimate"]) < 0.4 * theirs["std_error"]
        assert error == pytest.approx(theirs["std_error"], rel=0.1)
    assert abs((means[1] - means[0]) - (outside[1]["estimate"] - outside[0]["estimate"])) < 0.3 * np.hypot(*errors)


@pytest.mark.parametrize(
    ("test", "theirs"), [("random_common_cause", "random_common_cause"), ("data_subset", "data_subset_refuter")]
)
def test_refuters_leave_a_sound_effect_where_dowhys_leave_it(test, theirs, stored):
    study, settings = nhefs(), Settings(learner="linear", seed=1)
    estimator = choose(study, "partially_linear")[0]
    effect = estimator.estimate(study, settings)
    claim = Claim(effect.inference.estimate, effect.inference.std_error)

    (checked,) = refute(Case(claim, study, effect, estimator, settings), [test])

    ours = checked.estimate - effect.inference.estimate
    outside = stored[f"NHEFS, {theirs}"]["estimate"] - stored["NHEFS, linear regression"]["estimate"]
    assert effect.inference.estimate == pytest.approx(stored["NHEFS, linear regression"]["estimate"], abs=0.1)
    assert checked.passed
    assert abs(ours - outside) < 0.2 * effect.inference.std_error
