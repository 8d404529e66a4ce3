from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders_classifier import MONTHLY, NHEFS
from e2i_shared.api.classification import ClassifyRequest
from e2i_shared.classifier.service import classify_and_store
from e2i_shared.errors import UnknownDatasetError
from e2i_shared.testing import FakeCatalogue, FakeClassifications, FixedClock

if TYPE_CHECKING:
    from e2i_shared.api.classification import Classification

QUESTION = "Why did Kisqali TRx drop in Q3?"


class World:
    """A tenant's memory and a clock."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.log = FakeClassifications(self.clock)
        self.catalogue = FakeCatalogue([MONTHLY, NHEFS], self.clock)

    def ask(self, query: str = QUESTION, **more: Any) -> Classification:
        request = ClassifyRequest(query=query, **more)
        return classify_and_store(request, self.log, self.catalogue, user_id="u1", clock=self.clock)


@pytest.fixture
def world() -> World:
    return World()


def test_the_first_answer_is_stored_and_can_be_read_back(world: World):
    found = world.ask()

    assert found.cached is False
    assert world.log.get(found.classification_id).classification == found


def test_the_same_question_is_answered_from_memory(world: World):
    first = world.ask()

    again = world.ask("  why did KISQALI trx drop in q3? ")

    assert (again.cached, again.classification_id) == (True, first.classification_id)
    assert set(again.latency_ms) == {"cache", "total"}


def test_memory_fades_after_a_day(world: World):
    world.ask()
    world.clock.advance(24 * 3600 + 1)

    assert world.ask().cached is False


def test_what_another_session_asked_is_still_remembered_as_this_sessions_own(world: World):
    world.ask("Did rep visits raise Kisqali TRx?", session_id="a")
    world.ask("Did rep visits raise Kisqali TRx?", session_id="b")

    followed = world.ask("and for Fabhalta?", session_id="b")

    assert followed.is_followup
    assert followed.features.inherited_query == "Did rep visits raise Kisqali TRx?"


def test_another_question_is_not_answered_from_memory(world: World):
    world.ask()

    assert world.ask("Why did Kisqali TRx drop in Q2?").cached is False


def test_a_new_version_of_the_data_makes_it_think_again(world: World):
    world.ask()
    world.catalogue.add(MONTHLY)

    assert world.ask().cached is False


def test_a_named_data_set_is_the_only_one_phrases_are_bound_to(world: World):
    found = world.ask("Did detailing change weight?", dataset="nhefs")

    assert {entity.dataset for entity in found.features.entities} <= {"nhefs", None}


def test_an_unknown_data_set_is_refused_with_the_nearest_names(world: World):
    with pytest.raises(UnknownDatasetError) as caught:
        world.ask(dataset="nhef")

    assert "nhefs" in caught.value.candidates


def test_what_a_bare_follow_up_means_depends_on_the_session(world: World):
    world.ask("Did rep visits raise Kisqali TRx?", session_id="s1")
    world.ask("Forecast Kisqali TRx for next quarter", session_id="s2")

    first, second, alone = (world.ask("and in the South?", session_id=s) for s in ("s1", "s2", None))

    assert [d.domain for d in first.domains] == ["CAUSAL"]
    assert [d.domain for d in second.domains] == ["PREDICTION"]
    assert alone.routing_pattern == "CLARIFICATION_NEEDED"
    assert not second.cached
    assert not alone.cached


def test_context_given_by_the_caller_is_part_of_the_question(world: World):
    plain = world.ask("and in the South?")

    told = world.ask("and in the South?", context=["Did rep visits raise Kisqali TRx?"])

    assert plain.cached is False
    assert told.cached is False
    assert told.is_followup
