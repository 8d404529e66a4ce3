"""A refusal names what, where, what was expected and what to do."""

from __future__ import annotations

import pytest
from e2i_shared.datasets import refusals

ALL = {
    "ragged": refusals.ragged(3, 5, 4),
    "ragged, count unknown": refusals.ragged(3, 5),
    "too long": refusals.too_long(3, 100),
    "nul": refusals.nul(3),
    "end mark": refusals.end_mark(3),
    "unclosed quote": refusals.unclosed_quote(3),
    "bad cell": refusals.bad_cell("trx", "number", "many", 3),
    "infinite": refusals.infinite("trx", "inf", 3),
    "too wide": refusals.too_wide(1_500),
    "too large": refusals.too_large(),
}


@pytest.mark.parametrize("error", ALL.values(), ids=list(ALL))
def test_every_refusal_says_the_field_what_is_expected_and_what_to_do(error):
    assert error.field
    assert error.expected
    assert error.hint
    assert error.message.endswith(".")
    assert error.status == 422


@pytest.mark.parametrize("name", [name for name in ALL if not name.startswith("too") or name == "too long"])
def test_a_refusal_of_a_line_carries_it_as_data_and_in_words(name):
    error = ALL[name]

    assert error.line == 3
    assert error.details()["line"] == 3
    assert "ine 3" in error.message


def test_without_a_line_the_words_make_do():
    assert refusals.bad_cell("trx", "number", "many", None).message == "Column 'trx': 'many' is not a number."
    assert refusals.infinite("trx", "inf", None).message == "Column 'trx': 'inf' is not a finite number."
    assert refusals.unclosed_quote(None).message == "A quote is not closed."


def test_a_bad_cell_says_how_to_load_its_column_as_text():
    assert refusals.bad_cell("trx", "number", "many", 3).hint == (
        "Mend the cell, or declare column 'trx' as text (kind: text) when loading."
    )
