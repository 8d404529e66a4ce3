from __future__ import annotations

import pytest
from builders_db import a_clarification, a_classification
from e2i_shared.api.classification import ClassificationFeedback, RoutingPattern
from e2i_shared.errors import MalformedRequestError, NotFoundError
from e2i_shared.ids import new_id


def test_a_classification_comes_back_exactly_as_it_was_saved(stores):
    saved = a_classification()

    stores.classifications.save(saved, "hash", "session", "user")

    stored = stores.classifications.get(saved.classification_id)
    assert stored.classification == saved
    assert stored.feedback is None
    assert stored.created_at.endswith("+00:00")


def test_a_clarification_comes_back_with_its_rephrasings(stores):
    saved = a_classification(
        routing_pattern=RoutingPattern.CLARIFICATION_NEEDED,
        clarification=a_clarification(),
        target_agents=[],
        domains=[],
        sub_questions=[],
        dependencies=[],
        is_followup=True,
        used_llm=True,
    )

    stores.classifications.save(saved, "hash", None, None)

    assert stores.classifications.get(saved.classification_id).classification == saved


def test_saving_the_same_id_again_changes_nothing(stores):
    saved = a_classification()
    stores.classifications.save(saved, "hash", None, None)

    stores.classifications.save(saved.model_copy(update={"query": "something else"}), "hash", None, None)

    assert stores.classifications.get(saved.classification_id).classification.query == saved.query


def test_the_newest_classification_of_a_hash_is_the_cached_one(stores):
    older, newer, other = a_classification("older"), a_classification("newer"), a_classification("other")
    stores.classifications.save(older, "same", None, None)
    stores.classifications.save(newer, "same", None, None)
    stores.classifications.save(other, "different", None, None)

    assert stores.classifications.cached("same") == newer
    assert stores.classifications.cached("unseen") is None


def test_a_classification_older_than_asked_for_is_not_cached(stores):
    stores.classifications.save(a_classification(), "same", None, None)

    assert stores.classifications.cached("same", max_age_hours=0) is None


@pytest.mark.parametrize("identity", ["00000000-0000-7000-8000-00000000abcd", "no-uuid", "", "\x00", "x" * 5000])
def test_an_unknown_classification_is_not_found(stores, identity):
    with pytest.raises(NotFoundError):
        stores.classifications.get(identity)
    with pytest.raises(NotFoundError):
        stores.classifications.save_feedback(identity, ClassificationFeedback(was_correct=True))


def test_a_classification_without_a_uuid_is_refused(stores):
    with pytest.raises(MalformedRequestError) as refused:
        stores.classifications.save(a_classification(classification_id="c-1"), "hash", None, None)

    assert refused.value.field == "classification_id"


def test_the_last_feedback_counts(stores):
    saved = a_classification()
    stores.classifications.save(saved, "hash", None, None)
    stores.classifications.save_feedback(saved.classification_id, ClassificationFeedback(was_correct=True))

    last = ClassificationFeedback(was_correct=False, correct_pattern=RoutingPattern.SINGLE_AGENT, notes="one domain")
    stores.classifications.save_feedback(saved.classification_id, last)

    assert stores.classifications.get(saved.classification_id).feedback == last


def test_judged_classifications_come_with_the_last_judged_first(stores):
    saved = [a_classification(f"question {number}") for number in range(4)]
    for one in saved:
        stores.classifications.save(one, new_id(), None, None)
    for one in (saved[2], saved[0], saved[3]):
        stores.classifications.save_feedback(one.classification_id, ClassificationFeedback(was_correct=True))
    stores.classifications.save_feedback(saved[2].classification_id, ClassificationFeedback(was_correct=False))

    found = stores.classifications.judged()

    assert [one.classification.query for one in found] == ["question 2", "question 3", "question 0"]
    assert [one.feedback.was_correct for one in found if one.feedback] == [False, True, True]
    assert len(stores.classifications.judged(limit=1)) == 1


def test_accuracy_counts_judged_routes_by_pattern(stores):
    judgements = [True, True, False, None]
    for was_correct in judgements:
        saved = a_classification(routing_pattern=RoutingPattern.SINGLE_AGENT)
        stores.classifications.save(saved, new_id(), None, None)
        if was_correct is not None:
            stores.classifications.save_feedback(
                saved.classification_id, ClassificationFeedback(was_correct=was_correct)
            )
    stores.classifications.save(a_classification(), new_id(), None, None)

    single, composer = stores.classifications.accuracy()

    assert (single.routing_pattern, single.classified, single.judged, single.correct) == ("SINGLE_AGENT", 4, 3, 2)
    assert single.accuracy == pytest.approx(2 / 3)
    assert (composer.routing_pattern, composer.judged, composer.accuracy) == ("TOOL_COMPOSER", 0, None)


def test_a_sessions_turns_come_newest_first_and_no_more_than_asked_for(stores):
    queries = [f"turn {number}" for number in range(4)]
    for query in queries:
        stores.classifications.save(a_classification(query), new_id(), "mine", None)
    stores.classifications.save(a_classification("elsewhere"), new_id(), "other", None)

    turns = stores.classifications.session_turns("mine", limit=3)

    assert [turn.query for turn in turns] == ["turn 3", "turn 2", "turn 1"]
    assert stores.classifications.session_turns("nobody's") == []
