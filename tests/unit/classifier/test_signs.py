from __future__ import annotations

import pytest
from builders_classifier import TODAY
from e2i_shared.classifier.clauses import Clause
from e2i_shared.classifier.reading import Reading, is_code, is_english, read
from e2i_shared.classifier.signs import (
    Edge,
    Part,
    is_if_so,
    is_ranked,
    is_subset,
    leans,
    overt_edges,
    overt_kind,
    states_condition,
)
from e2i_shared.classifier.weights import weights


def cut(*texts: str, domains: tuple[str, ...] = ("SEGMENTATION", "EXPERIMENT", "GAP")) -> tuple[Reading, list[Part]]:
    """Return a reading of the pieces, separated as given, with a part for each."""
    query = "".join(texts)
    seen = read(query, TODAY, weights())
    parts, at = [], 0
    for text, domain in zip(texts, domains, strict=False):
        inside = [k for k, word in enumerate(seen.words) if at <= word.start < at + len(text)]
        body = next(k for k in inside if seen.texts[k] not in {"and", "then", "but", "so"})
        parts.append(Part(Clause(inside[0], body, inside[-1] + 1), domain))
        at += len(text)
    return seen, parts


def stated(*texts: str) -> set[tuple[int, int, str]]:
    return {(edge.source, edge.to, edge.kind) for edge in overt_edges(*cut(*texts))}


@pytest.mark.parametrize(
    ("texts", "edge"),
    [
        (("if samples worked, ", "design a test"), (0, 1, "CONDITIONAL")),
        (("design a test ", "if samples worked"), (1, 0, "CONDITIONAL")),
        (("design a test, ", "but only if samples worked"), (1, 0, "CONDITIONAL")),
        (("unless the feed broke, ", "tell me why"), (0, 1, "CONDITIONAL")),
        (("has it drifted? ", "if so, forecast again"), (0, 1, "CONDITIONAL")),
        (("check the data; ", "otherwise forecast"), (0, 1, "CONDITIONAL")),
        (("before we size the test, ", "did samples work"), (1, 0, "LOGICAL_SEQUENCE")),
        (("did samples work ", "before we size the test"), (0, 1, "LOGICAL_SEQUENCE")),
        (("after estimating the effect, ", "size the test"), (0, 1, "LOGICAL_SEQUENCE")),
        (("size the test ", "once we know the effect"), (1, 0, "LOGICAL_SEQUENCE")),
        (("forecast sales, ", "but check the data first"), (1, 0, "LOGICAL_SEQUENCE")),
        (("prior to forecasting sales, ", "check the data"), (1, 0, "LOGICAL_SEQUENCE")),
        (("only when the check is clean ", "score the accounts"), (0, 1, "CONDITIONAL")),
        (("should the check fail, ", "tell me which columns moved"), (0, 1, "CONDITIONAL")),
        (("before we size the test I want to know ", "if samples worked"), (1, 0, "LOGICAL_SEQUENCE")),
        (("estimate the effect ", "so that we can size the trial"), (0, 1, "LOGICAL_SEQUENCE")),
    ],
)
def test_a_conjunction_states_an_edge_and_its_direction(texts: tuple[str, ...], edge: tuple[int, int, str]):
    assert stated(*texts) == {edge}


@pytest.mark.parametrize(
    "texts",
    [
        ("did samples work, ", "and did emails work"),
        ("show sales; ", "when can I stop the trial"),
        ("what if we cut calls, ", "and what if we cut samples"),
        ("show sales. ", "tell me if the data are complete"),
    ],
)
def test_without_a_conjunction_nothing_is_stated(texts: tuple[str, ...]):
    assert stated(*texts) == set()


def test_if_not_hangs_on_the_question_and_not_on_if_so():
    found = stated("was it calls? ", "if so, simulate more; ", "if not, find the cause")

    assert found == {(0, 1, "CONDITIONAL"), (0, 2, "CONDITIONAL")}


def test_an_action_that_is_supposed_is_no_condition():
    seen, parts = cut("if we cut calls by half, ", "what happens", domains=("EXPERIMENT", "CAUSAL"))

    assert not states_condition(seen, parts[0])


def test_a_state_of_our_own_is_a_condition():
    seen, parts = cut("if we are below plan, ", "size a test", domains=("GAP", "EXPERIMENT"))

    assert states_condition(seen, parts[0])


def test_a_condition_on_the_answer_before_is_told_from_a_fact():
    for text, back in (("if so, go", True), ("only if it does, go", True), ("if samples worked, go", False)):
        seen, parts = cut(text)
        assert is_if_so(seen, parts[0]) is back


@pytest.mark.parametrize(
    ("text", "ranked"),
    [
        ("do it for the top 3 segments", True),
        ("what about the low responders", True),
        ("forecast the worst one", True),
        ("most of all", False),
    ],
)
def test_a_ranked_subset_is_noticed(text: str, ranked: bool):
    assert is_ranked(*[x[0] if isinstance(x, list) else x for x in cut(text)]) is ranked


@pytest.mark.parametrize(
    ("text", "subset"),
    [("why are those territories behind", True), ("which of them will churn", True), ("why did it fall", False)],
)
def test_a_set_found_before_is_noticed(text: str, subset: bool):
    seen, parts = cut(text)

    assert is_subset(seen, parts[0]) is subset


def test_the_type_that_takes_precedence_wins():
    seen, parts = cut("rank segments, ", "then simulate calls for the top three")

    assert overt_kind(seen, parts, Edge(0, 1, "REFERENCE_CHAIN", 0.9)) == "ENTITY_TRANSFORMATION"
    assert overt_kind(seen, parts, Edge(0, 1, "CONDITIONAL", 0.9)) == "CONDITIONAL"


def test_then_turns_a_mere_reference_into_a_sequence():
    seen, parts = cut("why did it fall, ", "then simulate it", domains=("CAUSAL", "EXPERIMENT"))

    assert overt_kind(seen, parts, Edge(0, 1, "REFERENCE_CHAIN", 0.9)) == "LOGICAL_SEQUENCE"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<script>alert(1)</script>", True),
        ("SELECT * FROM hcps", True),
        ("x'; DROP TABLE logs; --", True),
        ("select patients from the West", False),
        ("is 3 < 5 and PDC > 0.8", False),
        ("drop emails from the list", False),
    ],
)
def test_markup_and_sql_are_told_from_questions(text: str, code: bool):
    assert is_code(read(text, TODAY, weights())) is code


@pytest.mark.parametrize(
    ("text", "english"), [("Quelles sont les ventes du mois dernier ?", False), ("was the die cast in an hour", True)]
)
def test_languages_are_told_by_their_little_words(text: str, english: bool):
    assert is_english(read(text, TODAY, weights())) is english


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("forecast sales and ", "tell me if samples worked"), False),
        (("prior quarter sales, ", "check the data"), False),
        (("when did it fall, ", "check the data"), False),
        (("should the test be longer? ", "check the data"), False),
        (("only when it is clean ", "forecast sales"), True),
        (("for the review I need sales by region, ", "the drift report"), False),
        (("for the deck: sales by region, ", "the drift report"), False),
        (("for patients at risk of stopping, ", "design a test"), True),
    ],
)
def test_words_that_state_an_edge_elsewhere_need_their_construction(texts: tuple[str, ...], expected: bool):
    assert bool(stated(*texts)) == expected


@pytest.mark.parametrize("text", ["what will those docs write", "use the result to size it", "then forecast"])
def test_a_part_that_points_back_leans(text: str):
    seen, parts = cut("did samples work? ", text)

    assert leans(seen, parts[1])
    assert not leans(seen, parts[0])
