from __future__ import annotations

from typing import Any

import pytest
from e2i_shared.api.composition import AnswerPart, Claim, MissingPart, ValueRef
from e2i_shared.composer.render import (
    literal,
    number_format,
    print_value,
    render_claim,
    render_part,
    render_text,
    value_of,
    with_citation,
)
from e2i_shared.errors import UngroundedAnswerError
from hypothesis import given
from hypothesis import strategies as st

OUTPUTS = {
    1: {"ate": 2.0531, "low": -0.4, "share": 0.2435, "big": 1794.3428, "p": 0.0000004, "p2": 0.0321, "p3": 0.44, "name": "Oncology", "zero": 0.0, "flag": True, "list": [1]},
    2: {"value": 59748, "previous": 64000.0},
}  # fmt: skip


def ref(pointer, step=1, **details: Any):
    return ValueRef(step=step, pointer=pointer, **details)


@pytest.mark.parametrize(
    ("one", "shown"),
    [
        (ref("/ate", format=".2f"), "2.05"),
        (ref("/ate", format=".2f", unit="TRx"), "2.05 TRx"),
        (ref("/ate", format=".1f", unit="%"), "2.1%"),
        (ref("/share", transform="percent", format=".1f"), "24.3%"),
        (ref("/low", transform="absolute", format=".2f"), "0.40"),
        (ref("/low", format=".2f"), "-0.40"),
        (ref("/big", format=",.0f", unit="USD"), "1,794 USD"),
        (ref("/value", 2, format=",.0f"), "59,748"),
        (ref("/value", 2, transform="percent_change", other_pointer="/previous", format=".1f"), "-6.6%"),
        (ref("/value", 2, transform="difference", other_pointer="/previous", format=",.0f"), "-4,252"),
        (ref("/value", 2, transform="ratio", other_pointer="/previous", format=".2f"), "0.93"),
        (ref("/p", format="p"), "p < 0.001"),
        (ref("/p2", format="p"), "p = 0.032"),
        (ref("/p3", format="p"), "p = 0.44"),
        (ref("/name", format="text"), "Oncology"),
        (ref("/zero", format=".2f"), "0.00"),
        (ref("/low", format=".0f"), "0"),
    ],
)
def test_values_are_printed_with_their_format_and_unit(one, shown):
    assert print_value(one, OUTPUTS) == shown


@pytest.mark.parametrize(
    "one",
    [
        ref("/missing"),
        ref("/ate", 9),
        ref("/flag"),
        ref("/list"),
        ref("/ate", transform="ratio"),
        ref("/ate", transform="ratio", other_pointer="/zero"),
        ref("/ate", transform="difference"),
        ref("/ate", transform="ratio", other_pointer="/missing"),
    ],
)
def test_what_is_no_value_cannot_be_printed(one):
    with pytest.raises(UngroundedAnswerError):
        value_of(one, OUTPUTS)


@pytest.mark.parametrize("spec", ["zz", "%", "x", "99999d", "{}", "c", ".999f"])
def test_a_format_that_is_none_for_numbers_is_refused(spec):
    with pytest.raises(UngroundedAnswerError, match="no format"):
        print_value(ref("/ate", format=spec), OUTPUTS)


def test_a_claim_is_printed_from_its_references():
    claim = Claim(text="{1} responds by {0}.", value_refs=[ref("/ate", format=".2f"), ref("/name", format="text")])
    assert render_claim(claim, OUTPUTS) == "Oncology responds by 2.05."


def test_a_slot_without_a_reference_is_refused():
    with pytest.raises(UngroundedAnswerError, match="asks for value 1"):
        render_claim(Claim(text="{0} and {1}", value_refs=[ref("/ate")]), OUTPUTS)


def test_braces_of_names_are_literal():
    claim = Claim(text=f"{literal('col {0} {x}')} is {{0}}", value_refs=[ref("/ate", format=".2f")])
    assert render_claim(claim, OUTPUTS) == "col {0} {x} is 2.05"


@given(st.text(max_size=60))
def test_any_literal_text_prints_as_it_is(text):
    assert render_claim(Claim(text=literal(text)), {}) == text


def test_values_are_not_read_as_slots_again():
    assert (
        render_claim(Claim(text="{0}", value_refs=[ref("/x", format="text")]), {1: {"x": "{1} {{0}}"}}) == "{1} {{0}}"
    )


@pytest.mark.parametrize(
    ("values", "spec"),
    [
        ((1794.3,), ",.0f"),
        ((228.4,), ".0f"),
        ((12.3, 0.1), ".1f"),
        ((2.05, -3.1), ".2f"),
        ((0.52,), ".3f"),
        ((0.002,), ".2g"),
        ((), ".2g"),
        ((None, 3.0), ".2f"),
    ],
)
def test_numbers_show_about_three_digits(values, spec):
    assert number_format(*values) == spec


def test_citations_stand_before_the_full_stop_once_each():
    assert with_citation("TRx rose.", [1, 1, 2]) == "TRx rose [1][2]."
    assert with_citation("TRx rose", [3]) == "TRx rose [3]"
    assert with_citation("TRx rose.", []) == "TRx rose."


def test_a_part_is_its_sentences():
    claims = [Claim(text="A is {0}.", value_refs=[ref("/ate", format=".1f")]), Claim(text="No number.")]
    assert render_part(claims, OUTPUTS) == "A is 2.1 [1]. No number."


def part(question, text):
    return AnswerPart(sub_question="Q1", question=question, text=text, citations=[1], confidence=0.8)


def test_the_text_of_a_single_part_is_not_headed_by_its_question():
    text = render_text("H.", [part("Did it?", "Yes [1].")], [], [], None)
    assert text == "**H.**\n\nYes [1]."


def test_the_text_holds_parts_missing_caveats_and_next_step():
    missing = [MissingPart(sub_question="Q2", question="And why?", reason="no tool")]
    text = render_text("H.", [part("Did it?", "Yes [1].")], missing, ["Mind the gap."], "Test it.")
    assert text.split("\n\n") == [
        "**H.**",
        "Did it?\nYes [1].",
        "Not answered:\n- And why?: no tool",
        "Keep in mind:\n- Mind the gap.",
        "Next step: Test it.",
    ]
