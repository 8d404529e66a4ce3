"""Each data set that cannot carry a twin is refused with its reason; one that can is read whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_twins import confounded, expit, people, source_of, twin_spec
from e2i_shared.errors import (
    EstimationError,
    InsufficientDataError,
    NoOverlapError,
    NoVariationError,
    UnknownColumnError,
    UnknownDatasetError,
    UnknownValueError,
    UnprocessableError,
)
from e2i_shared.twins.check import gather


def small(seed=0, n=1_200, roles=None, **changes: Any):
    rng = np.random.default_rng(seed)
    x = people(rng, n)
    columns = x | {
        "email": (rng.random(n) < 0.5).astype(float),
        "visits": rng.poisson(2, n).astype(float),
        "sales": rng.normal(10, 1, n),
    }
    columns |= {name: make(rng, columns) for name, make in changes.items()}
    given = dict.fromkeys(x, "covariate") | {"email": "treatment", "visits": "treatment", "sales": "outcome"}
    return source_of(columns, given | (roles or {}))[0]


def test_a_good_data_set_is_read_with_its_features_interventions_and_outcome():
    material = gather(small(), twin_spec())

    assert material.n == 1_200
    assert set(material.frame.columns) == {"specialty", "region", "decile", "tenure", "digital"}
    assert [(i.name, i.kind) for i in material.interventions] == [("email", "binary"), ("visits", "dose")]
    assert material.clusters is None
    assert material.warnings == ()


def test_a_hundred_rows_are_refused():
    with pytest.raises(InsufficientDataError, match="100 rows are too few") as caught:
        gather(small(n=100), twin_spec())

    assert caught.value.expected == "at least 1,000 rows"
    assert caught.value.field == "dataset"


def test_a_thousand_rows_are_enough_and_one_less_is_not():
    assert gather(small(n=1_000), twin_spec()).n == 1_000
    with pytest.raises(InsufficientDataError):
        gather(small(n=999), twin_spec())


def test_rows_without_outcome_do_not_count():
    def holes(rng, columns) -> object:
        return np.where(rng.random(1_200) < 0.25, np.nan, columns["sales"])

    with pytest.raises(InsufficientDataError, match="rows with outcome and every intervention"):
        gather(small(sales=holes), twin_spec())


def test_rows_without_an_intervention_are_left_out_and_counted():
    def holes(rng, columns) -> object:
        return np.where(np.arange(1_200) < 60, np.nan, columns["email"])

    material = gather(small(email=holes), twin_spec())

    assert material.left_out == 60
    assert "60 of 1,200 rows lack" in material.warnings[0]


def test_one_class_only_is_refused():
    with pytest.raises(NoVariationError, match="'email' never varies") as caught:
        gather(small(email=lambda _rng, _c: np.ones(1_200)), twin_spec())

    assert caught.value.field == "email"


def test_an_outcome_that_never_varies_is_refused():
    with pytest.raises(NoVariationError, match="outcome 'sales'"):
        gather(small(sales=lambda _rng, _c: np.full(1_200, 3.0)), twin_spec())


@pytest.mark.parametrize("treated", [5, 29, 1_195])
def test_an_intervention_hardly_anybody_or_almost_everybody_received_is_refused(treated):
    with pytest.raises(InsufficientDataError, match="one side is too small") as caught:
        gather(small(email=lambda _rng, _c: (np.arange(1_200) < treated).astype(float)), twin_spec())

    assert caught.value.field == "interventions"
    assert "'email'" in str(caught.value)


def test_thirty_treated_rows_are_enough():
    material = gather(small(email=lambda _rng, _c: (np.arange(1_200) < 30).astype(float)), twin_spec())

    assert material.interventions[0].values.sum() == 30


def test_a_dose_that_is_nearly_always_the_same_is_refused():
    def rare(rng, columns) -> object:
        doses = np.zeros(1_200)
        doses[:9] = np.arange(1, 10)
        return doses

    with pytest.raises(InsufficientDataError, match="one and the same dose"):
        gather(small(visits=rare), twin_spec())


def test_a_feature_that_is_mostly_missing_is_named():
    def empty(rng, columns) -> object:
        return np.where(rng.random(1_200) < 0.6, np.nan, columns["tenure"])

    with pytest.raises(EstimationError, match="'tenure' is missing in") as caught:
        gather(small(tenure=empty), twin_spec())

    assert caught.value.field == "tenure"


def test_a_feature_with_some_missing_values_is_kept():
    def holes(rng, columns) -> object:
        return np.where(rng.random(1_200) < 0.2, np.nan, columns["tenure"])

    assert gather(small(tenure=holes), twin_spec()).n == 1_200


def test_infinite_values_are_named():
    source = small()
    frame = source.read("data", ["digital"])
    frame.numbers("digital")[7] = np.inf

    with pytest.raises(EstimationError, match="'digital' holds 1 infinite"):
        gather(source, twin_spec())


def test_a_feature_that_decides_an_intervention_is_named():
    source = small(copy=lambda _rng, c: 3 * c["email"] + 1, roles={"copy": "covariate"})

    with pytest.raises(NoOverlapError, match="'copy' decides intervention 'email'"):
        gather(source, twin_spec())


def test_two_named_levels_become_zero_and_one_in_their_order():
    def words(rng, columns) -> object:
        return (columns["email"], ("no", "yes"))

    material = gather(small(email=words), twin_spec())

    assert material.interventions[0].labels == ("no", "yes")
    assert set(material.interventions[0].values) == {0.0, 1.0}


def test_three_named_levels_are_refused_with_a_way_out():
    def words(rng, columns) -> object:
        return (rng.integers(0, 3, 1_200), ("a", "b", "c"))

    with pytest.raises(UnprocessableError, match="3 named levels") as caught:
        gather(small(email=words), twin_spec())

    assert "one 0/1 column per level" in (caught.value.hint or "")


@pytest.mark.parametrize("given", [{"outcome": "saless"}, {"interventions": ["emial"]}, {"features": ["decil"]}])
def test_a_misspelt_column_is_answered_with_the_nearest(given):
    with pytest.raises(UnknownColumnError) as caught:
        gather(small(), twin_spec(**given))

    assert caught.value.candidates[0] in {"sales", "email", "decile"}


def test_an_unknown_data_set_is_answered_with_the_known():
    with pytest.raises(UnknownDatasetError):
        gather(small(), twin_spec(dataset="dta"))


def test_a_word_cannot_be_the_outcome():
    with pytest.raises(UnprocessableError, match="cannot be the outcome"):
        gather(small(), twin_spec(outcome="region"))


def test_the_outcome_cannot_be_a_feature():
    with pytest.raises(UnprocessableError, match="cannot be a feature"):
        gather(small(), twin_spec(features=["sales"]))


def test_a_brand_selects_its_rows_and_an_unknown_one_is_refused():
    def brand(rng, columns) -> object:
        return (np.arange(2_400) % 2, ("Alpha", "Beta"))

    source = small(n=2_400, brand=brand, roles={"brand": "segment"})
    material = gather(source, twin_spec(brand="Beta"))

    assert material.n == 1_200
    assert "brand" not in material.frame.columns
    with pytest.raises(UnknownValueError):
        gather(source, twin_spec(brand="Gamma"))


def test_clusters_come_by_role_and_too_few_are_refused():
    world = confounded(3, 1_500, clusters=100)
    material = gather(world.source, twin_spec())

    assert material.cluster_name == "unit"
    assert material.clusters is not None
    assert material.clusters.max() == 99
    with pytest.raises(InsufficientDataError, match="clusters are too few"):
        gather(confounded(3, 1_500, clusters=12).source, twin_spec())


def test_a_later_outcome_named_as_feature_is_warned_about():
    source = small(refills=lambda _rng, c: expit(c["sales"]), roles={"refills": "outcome"})
    material = gather(source, twin_spec(features=["decile", "refills"]))

    assert "'refills' is an outcome" in material.warnings[0]
