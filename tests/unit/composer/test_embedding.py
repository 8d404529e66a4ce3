from __future__ import annotations

import math

import pytest
from e2i_shared.composer.embedding import DIMENSIONS, MODEL, embed
from hypothesis import given
from hypothesis import strategies as st


def cosine(left, right):
    return sum(a * b for a, b in zip(embed(left), embed(right), strict=True))


def test_the_model_is_named():
    assert MODEL == "local-hash-1536-v1"
    assert DIMENSIONS == 1536


def test_a_vector_has_1536_dimensions_and_length_one():
    vector = embed("Did rep visits raise Kisqali TRx?")
    assert len(vector) == 1536
    assert math.hypot(*vector) == pytest.approx(1.0)


def test_the_same_text_has_the_same_vector_in_any_process():
    assert embed("Kisqali TRx") == embed("Kisqali TRx")
    assert sum(x != 0 for x in embed("Kisqali")) == 8
    assert [i for i, x in enumerate(embed("Kisqali")) if abs(x) > 0.5] == [FINGERPRINT]


FINGERPRINT = 1141


@given(st.text(max_size=300))
def test_any_text_has_a_finite_vector(text):
    vector = embed(text)
    assert len(vector) == DIMENSIONS
    assert all(math.isfinite(x) for x in vector)
    assert math.hypot(*vector) == pytest.approx(1.0) or not any(vector)


@pytest.mark.parametrize(
    ("question", "near", "far"),
    [
        (
            "Did rep visits raise Kisqali TRx?",
            "did more rep visits raise TRx for Kisqali",
            "which patients discontinue early",
        ),
        ("which territories trail the median", "Which territory is behind the median?", "forecast Fabhalta NRx"),
        ("copay cards and discontinuation", "do copay cards reduce discontinuation", "speaker programs and NRx"),
    ],
)
def test_a_paraphrase_is_nearer_than_another_question(question, near, far):
    assert cosine(question, near) > 0.5
    assert cosine(question, near) > cosine(question, far) + 0.3


def test_case_and_plurals_hardly_matter():
    assert cosine("rep visits", "Rep Visit") == pytest.approx(1.0)


def test_a_typing_error_stays_near():
    assert cosine("Kisqali TRx in the Northeast", "Kisqali TRx in the Nrotheast") > 0.6


def test_a_text_without_words_has_the_zero_vector():
    assert embed("?! …") == [0.0] * DIMENSIONS
