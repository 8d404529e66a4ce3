from __future__ import annotations

import pytest
from e2i_shared.composer.claims.told import Labels, Told, say
from e2i_shared.composer.grounding import Sources, _from_claims, check_text
from e2i_shared.composer.periods import span_text
from e2i_shared.composer.render import render_claim


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("2026-07-01", "2026-10-01", "Q3 2026"),
        ("2026-10-01", "2027-01-01", "Q4 2026"),
        ("2026-08-01", "2026-09-01", "2026-08"),
        ("2026-12-01", "2027-01-01", "2026-12"),
        ("2025-01-01", "2026-01-01", "2025"),
        ("2026-05-01", "2026-11-01", "2026-05 to 2026-10"),
        ("2025-11-01", "2026-11-01", "2025-11 to 2026-10"),
        ("2026-08-01", "2026-11-01", "2026-08 to 2026-10"),
        ("2026-07-03", "2026-07-10", "2026-07-03 to 2026-07-09"),
        ("2026-07-01", "2026-07-02", "2026-07-01 to 2026-07-01"),
        (3, 5, "3 up to 5"),
        (None, None, "None up to None"),
    ],
)
def test_a_span_is_said_as_people_say_it(start, end, text):
    assert span_text(start, end) == text


def test_a_span_is_a_reference_whose_change_is_caught():
    output = {"period": {"start": "2026-07-01", "end": "2026-10-01"}}
    one = Told(1, "x", output, {}, Labels())
    claim = say("It was so in {0}.", one.span("/period"))
    text = render_claim(claim, {1: output})
    sources = Sources().joined(_from_claims([claim], {1: output}))

    assert text == "It was so in Q3 2026."
    assert check_text(text, sources) == []
    assert check_text(text.replace("Q3", "Q2"), sources)
