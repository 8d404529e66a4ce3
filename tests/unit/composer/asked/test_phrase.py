"""A writer may phrase findings; it prints no number, adds no finding and moves no place."""

from __future__ import annotations

from typing import Any

import pytest
from e2i_shared.api.composition import Claim, ValueRef
from e2i_shared.composer.asked.phrase import AskedWriter
from e2i_shared.errors import LanguageModelError, UngroundedAnswerError


def ref(pointer):
    return ValueRef(step=1, pointer=pointer)


CLAIMS = [
    Claim(text="Visits raised TRx by {0} (95% interval {1} to {2}).", value_refs=[ref("/a"), ref("/b"), ref("/c")]),
    Claim(text="The effect is distinguishable from zero."),
]


def writing(*findings: Any):
    def ask(_instructions, _data, schema) -> Any:
        return schema.model_validate({"findings": [{"id": i, "text": t} for i, t in findings]})

    return AskedWriter(ask)


def test_findings_come_back_in_the_writers_words_with_the_same_references():
    made = writing(("F2", "It is not chance."), ("F1", "Each visit added {0}; 95% sure: {1} to {2}."))("Q", CLAIMS, [])

    assert [c.text for c in made] == ["It is not chance.", "Each visit added {0}; 95% sure: {1} to {2}."]
    assert made[1].value_refs == CLAIMS[0].value_refs


@pytest.mark.parametrize(
    ("finding", "why"),
    [
        (("F1", "Each visit added {0}."), "places"),
        (("F1", "Added {0} to {1} to {2} to {2}."), "places"),
        (("F1", "Added 1.7, from {0} to {1} and {2}."), "numbers"),
        (("F1", "Doubled, by {0}, {1} and {2}."), "numbers"),
        (("F1", "Added {0}, {1}, {2} {x}."), "braces"),
        (("F7", "Sales rose."), "no finding"),
    ],
)
def test_what_a_writer_may_not_do_is_refused(finding, why):
    with pytest.raises(UngroundedAnswerError, match=why):
        writing(finding)("Q", CLAIMS, [])


def test_a_finding_is_told_once():
    with pytest.raises(UngroundedAnswerError):
        writing(("F2", "It is so."), ("F2", "It is so."))("Q", CLAIMS, [])


def test_without_a_model_the_template_stands():
    def ask(_instructions, _data, _schema) -> Any:
        raise LanguageModelError("no")

    assert AskedWriter(ask)("Q", CLAIMS, []) == CLAIMS
