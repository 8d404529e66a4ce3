"""Training from end to end: its steps, its figures, and every world's truth within three standard errors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from builders_twins import TwinWorld, confounded, expit, people, source_of, twin_spec
from e2i_shared.causal.estimators.choice import estimate
from e2i_shared.causal.modified_treatment_policy import Shift, shifted_outcome
from e2i_shared.causal.study import Settings
from e2i_shared.errors import ConflictError, NoOverlapError
from e2i_shared.twins.bundle import Dose
from e2i_shared.twins.check import gather
from e2i_shared.twins.simulate import simulate
from e2i_shared.twins.spec import SimulationSpec
from e2i_shared.twins.train import PHASES, Reporter, TrainingCancelledError, studies_of, train


def answer(bundle, kind, **more: Any):
    spec = SimulationSpec.model_validate({"intervention_type": kind, "twin_count": 2_000} | more)
    return simulate(bundle, spec, with_charts=False)


def within(found, truth, errors=3.0):
    return abs(found.simulated_ate - truth) <= errors * found.std_error


def test_progress_goes_through_every_phase_up_to_the_end(trained, reported):
    phases, percents = zip(*reported, strict=True)

    assert [p for p in dict.fromkeys(phases) if p != "done"] == list(PHASES)
    assert list(percents) == sorted(percents)
    assert percents[0] == 0
    assert percents[-1] == 100


@pytest.mark.parametrize("phase", ["propensity", "effects"])
def test_a_cancelled_training_stops_at_its_next_step(world, phase):
    seen = []
    report = Reporter(lambda at, _percent: seen.append(at), lambda: phase in seen)

    with pytest.raises(TrainingCancelledError) as caught:
        train(world.source, twin_spec(interventions=["email"], twins=200), report=report)
    assert issubclass(TrainingCancelledError, ConflictError)
    assert caught.value.field == "job_id"
    assert "bundle" not in seen


def test_metrics_are_finite_numbers_by_name(trained):
    assert all(np.isfinite(value) for value in trained.metrics.values())
    assert trained.metrics["rows"] == 3_000
    assert trained.metrics["email_auc"] == pytest.approx(0.64, abs=0.05)
    assert trained.metrics["population_rules_broken"] == 0
    assert trained.metrics["baseline_r2"] > 0.7


def test_figures_report_propensity_matching_effects_and_population(trained):
    figures = trained.figures

    assert figures["propensity"]["email"]["calibration_error"] < 0.06
    assert {b["feature"] for b in figures["matching"]["email"]["balance"]} >= {"decile", "digital"}
    assert figures["effects"]["visits"]["treatment_r2"] > 0.05
    assert figures["population"]["c2st_auc"] < 0.62


def test_pairs_that_stay_unlike_are_named(trained):
    matching = trained.figures["matching"]["email"]
    unlike = [b["feature"] for b in matching["balance"] if abs(b["after"]) >= 0.1]

    assert matching["unbalanced"] == unlike
    assert matching["valid"] == (not unlike)
    assert bool(unlike) == any("stay unlike" in warning for warning in trained.warnings)


def test_the_twins_predicted_effects_follow_the_true_ones(trained, world):
    found = trained.bundle.effects["email"].effect

    assert np.corrcoef(found, world.effects["email"])[0, 1] > 0.5


def test_a_confounded_effect_is_found_where_the_raw_difference_is_not(trained, world):
    found = answer(trained.bundle, "email")
    email, sales = world.frame.numbers("email"), world.frame.numbers("sales")
    raw = sales[email == 1].mean() - sales[email == 0].mean()

    assert within(found, world.truth("email"))
    assert raw > world.truth("email") + 6 * found.std_error


def test_the_effect_in_a_group_is_that_groups(trained, world):
    oncology = world.frame.columns["specialty"].codes == 2
    found = answer(trained.bundle, "email", population_filters=[{"column": "specialty", "value": "Oncology"}])

    assert within(found, world.truth("email", oncology))
    assert found.simulated_ate > world.truth("email") + 0.1


def test_one_more_visit_and_a_fifth_more_are_what_they_truly_do(trained, world):
    visits = world.frame.numbers("visits")

    assert within(answer(trained.bundle, "visits", config={"dose_change": 1}), world.truth("visits"))
    assert within(
        answer(trained.bundle, "visits", config={"dose_change_pct": 20}),
        float((0.2 * visits * world.effects["visits"]).mean()),
    )


def test_a_shift_agrees_with_the_estimator_that_weighs_by_density_ratios(trained, world):
    study = studies_of(gather(world.source, twin_spec()))["visits"]
    other = shifted_outcome(study, Shift("percent", 20.0), Settings(seed=3)).change
    found = answer(trained.bundle, "visits", config={"dose_change_pct": 20})

    assert abs(found.simulated_ate - other.estimate) <= 3 * np.hypot(found.std_error, other.std_error)


def test_an_average_effect_agrees_with_the_general_estimator(trained, world):
    study = studies_of(gather(world.source, twin_spec()))["email"]
    other = estimate(study, Settings(seed=4)).inference
    found = answer(trained.bundle, "email")

    assert found.simulated_ate == pytest.approx(other.estimate, abs=1.5 * other.std_error)
    assert found.std_error == pytest.approx(other.std_error, rel=0.35)


def test_a_curve_that_flattens_is_seen_to_flatten():
    world = confounded(21, 4_000, dose_effect=0.8, bend=0.8, spread=0.0)
    bundle = train(world.source, twin_spec(interventions=["visits"], twins=500)).bundle
    curve = bundle.effects["visits"]
    assert isinstance(curve, Dose)

    three, six = (answer(bundle, "visits", config={"dose": d}) for d in (3, 6))
    assert within(three, 2.4, 4)
    assert within(six, 2.4, 4)
    assert answer(bundle, "visits", config={"dose_change": 1}).simulated_ate < 0.65


def test_no_effect_is_skipped():
    world = confounded(22, 2_000, effect=0.0, spread=0.0, dose_effect=0.0)
    bundle = train(world.source, twin_spec(twins=500)).bundle

    for kind in ("email", "visits"):
        found = answer(bundle, kind)
        assert within(found, 0.0, 4)
        assert found.recommendation == "skip"


def test_a_harmful_intervention_is_skipped_and_deployed_where_less_is_wanted():
    world = confounded(23, 2_000, effect=-2.0, spread=0.0)
    for direction, expected in (("increase", "skip"), ("decrease", "deploy")):
        bundle = train(world.source, twin_spec(interventions=["email"], twins=500, direction=direction)).bundle
        found = answer(bundle, "email")

        assert within(found, -2.0, 4)
        assert found.recommendation == expected


def test_clustered_rows_widen_the_interval():
    world = confounded(24, 2_400, clusters=80)
    together = train(world.source, twin_spec(twins=500)).bundle
    assert together.header["cluster_name"] == "unit"
    assert together.header["icc"] > 0.1
    apart = type(together)(
        **{f: getattr(together, f) for f in together.__slots__ if f not in {"clusters", "digest"}}, clusters=None
    )

    assert answer(together, "email").std_error > 1.15 * answer(apart, "email").std_error
    assert answer(together, "email").advice.sample_unit == "unit"


def weak(seed, n=2_500):
    """Hardly anybody outside the middle could have had either."""
    rng = np.random.default_rng(seed)
    x = people(rng, n)
    a = (rng.random(n) < expit(14 * (x["digital"] - 0.4))).astype(float)
    y = 10 + a + 3 * x["digital"] + rng.normal(size=n)
    roles = dict.fromkeys(x, "covariate") | {"email": "treatment", "sales": "outcome"}
    return source_of({**x, "email": a, "sales": y}, roles)


def test_weak_overlap_is_warned_about_and_a_population_without_any_is_refused():
    source, _frame = weak(25)
    trained = train(source, twin_spec(interventions=["email"], twins=2_000))

    assert any("outside [0.05, 0.95]" in warning for warning in trained.warnings)
    with pytest.raises(NoOverlapError) as caught:
        answer(trained.bundle, "email", population_filters=[{"column": "digital", "op": "gt", "value": 0.65}])
    assert caught.value.field == "population_filters"
    found = answer(
        trained.bundle, "email", population_filters=[{"column": "digital", "op": "between", "value": [0.3, 0.5]}]
    )
    assert within(found, 1.0, 4)


def test_a_binary_outcome_stays_between_zero_and_one():
    rng = np.random.default_rng(26)
    x = people(rng, 2_000)
    a = (rng.random(2_000) < expit(x["digital"] - 0.4)).astype(float)
    y = (rng.random(2_000) < 0.3 + 0.2 * a + 0.2 * x["digital"]).astype(float)
    roles = dict.fromkeys(x, "covariate") | {"email": "treatment", "sales": "outcome"}
    source, _ = source_of({**x, "email": a, "sales": y}, roles)
    bundle = train(source, twin_spec(interventions=["email"], twins=500)).bundle
    found = answer(bundle, "email")

    assert within(found, 0.2, 4)
    assert bundle.baseline.min() >= 0
    assert bundle.baseline.max() <= 1
    assert found.recommended_sample_size is not None


def test_the_same_data_and_seed_make_the_same_twin(world: TwinWorld):
    one, other = (train(world.source, twin_spec(interventions=["visits"], twins=300)) for _ in range(2))

    assert one.metrics == other.metrics
    assert (one.bundle.effects["visits"].curve.theta == other.bundle.effects["visits"].curve.theta).all()


def test_searching_for_propensity_trees_keeps_the_truth():
    world = confounded(27, 1_500)
    bundle = train(world.source, twin_spec(interventions=["email"], twins=300, search_seconds=1.0)).bundle

    assert within(answer(bundle, "email"), world.truth("email"), 4)


def test_missing_features_and_levels_are_learned_around():
    world = confounded(28, 2_000)
    rng = np.random.default_rng(28_000)
    columns = {name: world.frame.columns[name] for name in world.frame.columns}
    made = {name: (c.codes, c.levels) if hasattr(c, "codes") else c.values.copy() for name, c in columns.items()}
    made["tenure"][rng.random(2_000) < 0.2] = np.nan
    made["region"] = (np.where(rng.random(2_000) < 0.1, -1, made["region"][0]), made["region"][1])
    roles = dict.fromkeys(("specialty", "region", "decile", "tenure", "digital"), "covariate")
    source, _ = source_of(made, roles | {"email": "treatment", "visits": "treatment", "sales": "outcome"})
    bundle = train(source, twin_spec(twins=1_000)).bundle

    assert within(answer(bundle, "email"), world.truth("email"))
    assert within(answer(bundle, "visits", config={"dose_change": 1}), world.truth("visits"))
    assert np.isnan(bundle.twins.numbers["tenure"]).mean() == pytest.approx(0.2, abs=0.06)
    assert [g.level for g in answer(bundle, "email").effect_heterogeneity["region"]] == [
        "East",
        "North",
        "South",
        "West",
    ]


def test_a_curve_asked_to_rise_never_falls():
    world = confounded(29, 1_200, dose_effect=0.0, spread=0.0)
    spec = twin_spec(interventions=["visits"], twins=300, monotone={"visits": "increasing"})
    curve = answer(train(world.source, spec).bundle, "visits").dose_response

    assert all(b.effect >= a.effect - 1e-12 for a, b in itertools.pairwise(curve))


def test_a_curve_of_what_has_no_dose_is_said_to_mean_nothing(world: TwinWorld):
    spec = twin_spec(interventions=["email"], twins=300, monotone={"email": "increasing"})

    assert [w for w in train(world.source, spec).warnings if w.startswith("monotone: 'email' is received or not")]
