from __future__ import annotations

import pytest
from e2i_shared.composer.slots import causal_slots, core_phrase
from hypothesis import given
from hypothesis import strategies as st


def slots(text):
    found = causal_slots(text)
    return tuple(core_phrase(text, span) if span else None for span in (found.cause, found.effect))


@pytest.mark.parametrize(
    ("text", "cause", "effect"),
    [
        ("Did more rep visits raise TRx in the Northeast?", "rep visits", "TRx"),
        ("Did discount raise basket_size in store_type premium?", "discount", "basket_size"),
        ("What is the effect of speaker programs on NRx for Fabhalta?", "speaker programs", "NRx"),
        ("the impact on NRx of speaker programs", "speaker programs", "NRx"),
        ("What effect did the emails have on adherence?", "emails", "adherence"),
        ("How much TRx does each rep visit generate?", "rep visit", "TRx"),
        ("How many scripts did the samples bring?", "samples", "scripts"),
        ("TRx was driven by rep visits", "rep visits", "TRx"),
        ("is there a link between peer influence and NRx", "peer influence", "NRx"),
        ("Did samples lead to more prescriptions?", "samples", "prescriptions"),
        ("Did copay cards reduce discontinuation for patients with Medicare?", "copay cards", "discontinuation"),
        ("Does nurse support improve adherence", "nurse support", "adherence"),
        ("whether emails changed TRx", "emails", "TRx"),
        ("is the TRx gain due to rep visits", "rep visits", "is the TRx gain"),
        ("Does quitting smoking affect weight?", "quitting smoking", "weight"),
        ("Did training increase earnings?", "training", "earnings"),
    ],
)
def test_cause_and_effect_are_told_apart(text, cause, effect):
    assert slots(text) == (cause, effect)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Did samples work for Kisqali?", "samples"),
        ("which specialties respond most to rep visits?", "rep visits"),
        ("Compare the impact of rep visits in the Northeast", "rep visits"),
        ("Did the emails pay off?", "emails"),
    ],
)
def test_a_cause_may_stand_alone(text, cause):
    assert slots(text)[0] == cause


def test_a_subject_that_changes_with_something_is_the_effect():
    assert slots("Did TRx change with rep visits?")[1] == "TRx"
    assert slots("did TRx grow after the emails")[1] == "TRx"


@pytest.mark.parametrize("text", ["How large a test is needed?", "TRx by region", "", "??", "which segments"])
def test_text_without_a_cause_has_no_slots(text):
    assert slots(text) == (None, None)


@given(st.text(max_size=400))
def test_any_text_has_slots_within_it(text):
    found = causal_slots(text)
    for span in (found.cause, found.effect):
        assert span is None or 0 <= span[0] <= span[1] <= len(text)


def test_a_long_text_without_structure_is_read_quickly():
    import time

    started = time.process_time()
    causal_slots("did " + "word " * 800)
    assert time.process_time() - started < 0.5
