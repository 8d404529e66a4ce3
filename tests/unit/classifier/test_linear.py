from __future__ import annotations

import json
import math

import pytest
from e2i_shared.classifier.linear import LinearModel
from hypothesis import given
from hypothesis import strategies as st

MODEL = LinearModel(("a", "b"), (0.5, -0.5), {"x": (1.0, -1.0), "y": (0.0, 2.0)})


def test_scores_add_the_weights_of_known_features_to_the_intercept():
    assert MODEL.logits({"x": 2.0, "y": 0.5}) == [2.5, -1.5]


def test_unknown_features_count_nothing():
    assert MODEL.logits({"never seen": 9.0}) == [0.5, -0.5]


@given(st.dictionaries(st.sampled_from(["x", "y", "z"]), st.floats(-500, 500)))
def test_probabilities_are_positive_and_add_up_to_one(features: dict[str, float]):
    found = MODEL.probabilities(features)

    assert math.isclose(sum(found.values()), 1.0)
    assert all(0.0 <= p <= 1.0 for p in found.values())


def test_a_higher_temperature_makes_it_less_sure_and_never_changes_the_winner():
    cool, warm = MODEL, LinearModel(MODEL.classes, MODEL.intercept, MODEL.weights, temperature=3.0)

    sure, unsure = cool.probabilities({"x": 1.0}), warm.probabilities({"x": 1.0})

    assert sure["a"] > unsure["a"] > 0.5


def test_weights_survive_json():
    again = LinearModel.from_json(json.loads(json.dumps(MODEL.to_json())))

    assert again == MODEL


def test_a_row_of_the_wrong_length_is_refused_when_scored():
    broken = LinearModel(("a", "b"), (0.0, 0.0), {"x": (1.0,)})

    with pytest.raises(ValueError, match="zip"):
        broken.logits({"x": 1.0})
