"""What cannot be answered is refused, with the column's name and what to do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dgps import straight, study_of
from e2i_shared.causal.design import Covariate, encode
from e2i_shared.causal.study import check
from e2i_shared.errors import EstimationError, InsufficientDataError, NoOverlapError, NoVariationError

RNG = np.random.default_rng(2)


@pytest.fixture
def study():
    return replace(straight(1, 200).study, treatment_name="visits", outcome_name="sales")


def test_a_sound_study_passes(study):
    check(study)
    assert study.kind == "binary"
    assert study.groups == study.n == 200


def test_twelve_rows_are_refused(study):
    few = replace(
        study, outcome=study.outcome[:12], treatment=study.treatment[:12], design=study.design.take(np.arange(12))
    )

    with pytest.raises(InsufficientDataError) as caught:
        check(few)

    assert caught.value.got == "12 rows"
    assert "visits" in caught.value.message
    assert caught.value.hint


def test_few_clusters_are_refused(study):
    with pytest.raises(InsufficientDataError) as caught:
        check(replace(study, clusters=np.arange(200, dtype=np.intp) % 4))

    assert caught.value.field == "cluster_col"


@pytest.mark.parametrize(("which", "name"), [("treatment", "visits"), ("outcome", "sales")])
def test_a_column_that_never_varies_is_named(study, which, name):
    with pytest.raises(NoVariationError) as caught:
        check(replace(study, **{which: np.ones(200)}))

    assert name in caught.value.message
    assert caught.value.field == f"{which}_col"


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_values_that_are_no_numbers_are_counted_and_named(study, bad):
    outcome = study.outcome.copy()
    outcome[3:6] = bad

    with pytest.raises(EstimationError, match="'sales' holds 3 values"):
        check(replace(study, outcome=outcome))


def test_an_arm_of_a_handful_is_refused(study):
    treatment = np.zeros(200)
    treatment[:4] = 1

    with pytest.raises(InsufficientDataError, match="Only 4 of 200"):
        check(replace(study, treatment=treatment))


def test_an_outcome_that_is_the_treatment_is_refused(study):
    with pytest.raises(EstimationError, match="same values"):
        check(replace(study, outcome=2 * study.treatment + 1))


def test_a_covariate_that_is_the_treatment_leaves_no_overlap(study):
    design = encode([Covariate("copy", 3 * study.treatment - 1), Covariate("x", RNG.normal(size=200))], 200)

    with pytest.raises(NoOverlapError) as caught:
        check(replace(study, design=design))

    assert caught.value.got == "copy"


def test_counts_and_amounts_are_doses():
    x = RNG.normal(size=(100, 1))

    assert study_of(x, RNG.poisson(2, 100).astype(float), RNG.normal(size=100)).kind == "dose"
    assert study_of(x, RNG.normal(size=100), RNG.normal(size=100)).kind == "dose"
