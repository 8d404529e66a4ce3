"""Cross-fitting: folds, learners, and predictions that never saw their unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dgps import clustered, doses, straight, waves
from e2i_shared.causal.design import encode
from e2i_shared.causal.nuisance import choose_learner, cross_fit, draw_folds, fold_count
from e2i_shared.causal.study import Settings
from e2i_shared.errors import UnprocessableError

LINEAR = Settings(learner="linear")


def test_folds_are_of_like_size_and_treated_share():
    study = straight(1, 1000).study

    folds = draw_folds(study, 5, 7)

    assert np.bincount(folds).tolist() == [200] * 5
    shares = [study.treatment[folds == k].mean() for k in range(5)]
    assert max(shares) - min(shares) < 0.02


def test_clusters_stay_in_one_fold():
    study = clustered(1, 40, 5).study

    folds = draw_folds(study, 5, 7)

    for code in range(40):
        assert len(set(folds[study.clusters == code].tolist())) == 1


def test_the_seed_draws_the_folds():
    study = straight(1, 300).study

    assert (draw_folds(study, 5, 1) == draw_folds(study, 5, 1)).all()
    assert (draw_folds(study, 5, 1) != draw_folds(study, 5, 2)).any()


@pytest.mark.parametrize(("n", "folds"), [(400, 5), (6_000, 3), (40_000, 2)])
def test_large_samples_need_fewer_folds(n, folds):
    assert fold_count(straight(1, n).study, Settings()) == folds


def test_folds_can_be_asked_for():
    assert fold_count(straight(1, 400).study, Settings(folds=10)) == 10


def test_trees_are_for_enough_observational_units():
    assert choose_learner(straight(1, 400).study, Settings()) == "linear"
    assert choose_learner(straight(1, 2000).study, Settings()) == "boosted"
    assert choose_learner(replace(straight(1, 2000).study, randomised=True), Settings()) == "linear"
    assert choose_learner(straight(1, 400).study, Settings(learner="boosted")) == "boosted"


def test_an_unknown_learner_is_refused():
    with pytest.raises(UnprocessableError) as caught:
        choose_learner(straight(1, 400).study, Settings(learner="forest"))

    assert caught.value.candidates == ("auto", "linear", "boosted")


def test_a_units_own_outcome_does_not_move_its_prediction():
    study = straight(2, 400).study
    outcome = study.outcome.copy()
    outcome[17] += 1000

    before, after = cross_fit(study, LINEAR), cross_fit(replace(study, outcome=outcome), LINEAR)

    assert after.arms[17] == pytest.approx(before.arms[17])
    other = np.flatnonzero(before.folds != before.folds[17])
    assert np.abs(after.arms[other] - before.arms[other]).max() > 1


def test_threads_change_nothing_but_the_time():
    study = waves(3, 1200).study

    one, two = cross_fit(study, Settings(seed=5)), cross_fit(study, Settings(seed=5, threads=2))

    assert (one.arms == two.arms).all()
    assert (one.treatment == two.treatment).all()


def test_trees_see_what_lines_cannot():
    world = waves(4)

    boosted, linear = cross_fit(world.study, Settings()), cross_fit(world.study, LINEAR)

    def loss(fit) -> float:
        received = np.where(world.study.treatment == 1, fit.arms[:, 1], fit.arms[:, 0])
        return float(((world.study.outcome - received) ** 2).mean())

    assert loss(boosted) < 0.8 * loss(linear)
    assert boosted.learner == "boosted"
    assert min(boosted.trees) >= 40


def test_where_lines_suffice_few_trees_are_used():
    fit = cross_fit(straight(5).study, Settings())

    assert max(fit.trees) <= 80


def test_predictions_of_a_binary_outcome_are_probabilities():
    study = straight(6, 1200).study
    fit = cross_fit(replace(study, outcome=(study.outcome > 0).astype(float)), Settings())

    assert fit.arms.min() >= 0
    assert fit.arms.max() <= 1


def test_a_doses_expectation_is_learnt():
    study = doses(7).study

    fit = cross_fit(study, Settings())

    assert np.corrcoef(fit.treatment, study.treatment)[0, 1] > 0.2
    assert (fit.arms[:, 0] == fit.arms[:, 1]).all()


def test_without_covariates_there_is_nothing_to_grow_trees_on():
    study = straight(8, 1500).study
    bare = replace(study, design=encode([], 1500))

    assert choose_learner(bare, Settings(learner="boosted")) == "linear"
    assert np.ptp(cross_fit(bare, Settings()).treatment) < 0.02
