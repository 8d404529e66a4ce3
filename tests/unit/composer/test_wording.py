from __future__ import annotations

from typing import Any

import pytest
from builders_composer import cate_output, effect_output
from e2i_shared.api.composition import Claim, ValueRef
from e2i_shared.composer.wording import wording_problems


def check(text, *pointers: Any, output=None, step=1):
    claim = Claim(text=text, value_refs=[ValueRef(step=step, pointer=p) for p in pointers])
    return list(wording_problems(text, [claim], {1: output or effect_output()}))


UP = effect_output()
DOWN = effect_output(ate=-2.0, ci_lower=-2.5, ci_upper=-1.5)
UNCLEAR = effect_output(ate=0.2, ci_lower=-0.3, ci_upper=0.7)


@pytest.mark.parametrize(
    "word", ["raised", "increases", "improved", "boosts", "lifted", "grew", "rose", "gained", "positive"]
)
def test_words_of_rise_need_a_positive_value(word):
    assert check(f"TRx {word} by {{0}}", "/ate", output=UP) == []
    assert check(f"TRx {word} by {{0}}", "/ate", output=DOWN)


@pytest.mark.parametrize("word", ["reduced", "lowers", "decreased", "declined", "fell", "dropped", "hurt", "negative"])
def test_words_of_fall_need_a_negative_value(word):
    assert check(f"TRx {word} by {{0}}", "/ate", output=DOWN) == []
    assert check(f"TRx {word} by {{0}}", "/ate", output=UP)


@pytest.mark.parametrize(
    "text", ["a significant effect of {0}", "clearly {0}", "the interval excludes zero: {0}", "conclusive: {0}"]
)
def test_words_of_certainty_need_an_interval_without_zero(text):
    assert check(text, "/ate", output=UP) == []
    assert check(text, "/ate", output=UNCLEAR)


@pytest.mark.parametrize(
    "text",
    [
        "no significant effect: {0}",
        "not significant: {0}",
        "no clear effect: {0}",
        "the interval includes zero: {0}",
        "no evidence of an effect: {0}",
    ],
)
def test_words_of_doubt_need_an_interval_with_zero(text):
    assert check(text, "/ate", output=UNCLEAR) == []
    assert check(text, "/ate", output=UP)


def test_a_small_p_value_counts_like_an_interval():
    assert check("no more than chance ({0})", "/heterogeneity_p", output=cate_output(heterogeneity_p=0.001))
    assert check("no more than chance ({0})", "/heterogeneity_p", output=cate_output(heterogeneity_p=0.4)) == []
    assert check("more than chance would explain ({0})", "/heterogeneity_p", output=cate_output(heterogeneity_p=0.4))


def test_words_without_an_effect_are_not_judged():
    assert check("TRx rose in the data: {0}", "/outcome_mean") == []
    assert check("it rose") == []


def test_a_sentence_with_both_directions_is_not_judged():
    assert check("it raises some and lowers others: {0}", "/ate") == []


def test_a_reference_to_another_step_or_nothing_is_left_to_the_renderer():
    assert check("it fell by {0}", "/ate", step=7) == []
    assert check("it fell by {0}", "/nothing") == []


def test_one_positive_effect_is_enough_for_a_word_of_rise():
    output = {"segments": [{"effect": 1.0}, {"effect": -1.0}]}
    assert check("it raises {0}, less so {1}", "/segments/0/effect", "/segments/1/effect", output=output) == []


def test_the_name_of_a_lever_is_no_fall():
    output = {"drivers": [{"lever": "samples_dropped", "effect": 2.0}]}

    assert check("samples dropped: {0} per unit", "/drivers/0/effect", output=output) == []
    assert check("samples dropped fell by {0}", "/drivers/0/effect", output=output)
    assert check(
        "samples dropped: {0} per unit", "/drivers/0/effect", output={"drivers": [{"lever": "x", "effect": 2.0}]}
    )
