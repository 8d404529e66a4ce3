"""Whatever is typed, there is an answer whose parts fit together."""

from __future__ import annotations

import pytest
from builders_classifier import MONTHLY, ask
from e2i_shared.classifier.train import CORPUS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SOME = [line.split('"query": "', 1)[1].split('", "', 1)[0] for line in CORPUS.read_text(encoding="utf-8").splitlines()][
    ::97
]
ODD = [
    "\ud800", "\udfff Did calls work \ud83d", "\u202eWhy did TRx drop\u202c", "\u200b\u200d\ufeff", "$1 million", "$1,000,000 ROI?",
    "<b>Why</b> did TRx drop?", "<script>alert(1)</script>", "Robert'); DROP TABLE hcp;--", "لماذا انخفضت المبيعات؟", "なぜ？",
    "Kisqali\x00TRx", "a\tb\rc\n\n\nd", "1. 2. 3. 4.", "?,?,?;;;", "((((((((", "and and and or if if then", "{" * 500,
    "if " * 1300, "Q3 " * 1300, "why, " * 800, "\n".join(["- TRx?"] * 500), "ﬁ" * 50, "İ" * 30, "ß" * 40, "½ of ⅓ in ²",
    "what if 🤷‍♀️ we 🚀 calls by 20%?", "१२३ कॉल", "-1e999", "%s %d {0} ${x}", "\\u0000", "NaN", "null",
]  # fmt: skip
TEXT = st.text(st.characters(), max_size=400)
MIXED = st.lists(st.one_of(st.sampled_from(SOME), st.sampled_from(ODD), TEXT), min_size=1, max_size=6).map(
    lambda pieces: " ".join(pieces)[:4000]
)


def check(query: str, *context: str) -> None:
    found = ask(query, *context, catalogue=[MONTHLY])

    ids = [part.id for part in found.sub_questions]
    assert ids == [f"Q{n}" for n in range(1, len(ids) + 1)]
    assert all(edge.from_ in ids and edge.to in ids and edge.from_ != edge.to for edge in found.dependencies)
    assert all(0 <= part.start < part.end <= len(query) for part in found.sub_questions)
    assert 0 <= found.confidence <= 1
    assert bool(found.clarification) == (not found.domains)
    assert {score.domain for score in found.domains} == {part.domain for part in found.sub_questions}


@pytest.mark.parametrize("query", ODD, ids=range(len(ODD)))
def test_odd_text_gets_an_answer(query: str):
    check(query[:4000])


@pytest.mark.parametrize("query", ODD, ids=range(len(ODD)))
def test_odd_text_after_and_before_a_question_gets_an_answer(query: str):
    check(f"Why did TRx drop? {query}"[:4000])
    check("and in the West?", query[:4000])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MIXED)
def test_any_text_gets_an_answer_whose_parts_fit_together(query: str):
    check(query or "x")
