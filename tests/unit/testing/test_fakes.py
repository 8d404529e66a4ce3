"""What only the fakes can do: time that tests set, and looking inside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from builders_db import a_classification, a_composition, a_dataset, a_plan, an_answer
from e2i_shared.api.composition import CompositionStatus
from e2i_shared.classifier.repository import ClassificationRepository
from e2i_shared.composer.model import CompositionRepository
from e2i_shared.datasets.repository import CatalogueRepository
from e2i_shared.errors import ConflictError
from e2i_shared.testing import (
    FakeCatalogue,
    FakeClassifications,
    FakeCompositions,
    FakeIdempotency,
    FakeOutbox,
    FakeTools,
    FixedClock,
)

DAY = 24 * 3600.0


def methods(protocol: type) -> set[str]:
    return {name for name in vars(protocol) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("fake", "protocol"),
    [
        (FakeClassifications, ClassificationRepository),
        (FakeCompositions, CompositionRepository),
        (FakeCatalogue, CatalogueRepository),
    ],
)
def test_a_fake_has_every_method_of_its_protocol(fake, protocol):
    assert methods(protocol) - set(dir(fake)) == set()


def test_the_clock_moves_a_little_with_each_reading_and_as_far_as_told():
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC), step=1)

    first, second = clock(), clock()
    clock.advance(60)

    assert second - first == timedelta(seconds=1)
    assert clock() - second == timedelta(seconds=61)


@pytest.mark.parametrize(("hours", "found"), [(23.9, True), (24.1, False)])
def test_a_classification_is_cached_for_a_day(hours, found):
    clock = FixedClock()
    classifications = FakeClassifications(clock)
    classifications.save(a_classification(), "hash", None, None)

    clock.advance(hours * 3600)

    assert (classifications.cached("hash") is not None) is found


def test_a_lease_runs_out_with_time():
    clock = FixedClock()
    outbox = FakeOutbox(clock)
    outbox.append("topic", {})
    outbox.claim(lease_seconds=60)

    clock.advance(59)
    assert list(outbox.claim()) == []
    clock.advance(2)

    assert [event.attempts for event in outbox.claim()] == [2]


def test_an_idempotency_key_lives_a_day():
    clock = FixedClock()
    keys = FakeIdempotency(clock)
    keys.begin("key", "body")
    keys.finish("key", {"ok": True})

    clock.advance(DAY - 60)
    assert keys.begin("key", "body") == {"ok": True}
    clock.advance(120)

    assert keys.begin("key", "other body") is None


def test_a_request_that_died_holds_its_key_for_a_minute():
    clock = FixedClock()
    keys = FakeIdempotency(clock)
    keys.begin("key", "body")

    clock.advance(59)
    with pytest.raises(ConflictError):
        keys.begin("key", "body")
    clock.advance(2)

    assert keys.begin("key", "body") is None


def test_a_pending_composition_counts_as_lost_after_a_while():
    clock = FixedClock()
    compositions = FakeCompositions(clock=clock)
    new = a_composition()
    compositions.create(new)

    assert list(compositions.unstarted(60)) == []
    clock.advance(61)

    assert list(compositions.unstarted(60)) == [new.composition_id]


def test_all_topics_ever_written_can_be_read():
    outbox = FakeOutbox()
    compositions = FakeCompositions(outbox)
    new = a_composition()
    compositions.create(new)
    compositions.save_answer(new.composition_id, an_answer(), [], {})
    outbox.mark_published([event.outbox_id for event in outbox.claim()])

    assert outbox.topics() == ["composition.requested", "composition.completed"]


def test_steps_feed_the_tools_they_are_given():
    tools = FakeTools()
    compositions = FakeCompositions(tools=tools)
    new = a_composition()
    compositions.create(new)
    compositions.save_plan(new.composition_id, a_plan(), 1.0)

    compositions.finish_step(new.composition_id, 1, CompositionStatus.COMPLETED, output={}, latency_ms=5.0)

    assert [(r.tool, r.avg_latency_ms) for r in tools.reliability()] == [("estimate", 5.0)]


def test_a_catalogue_may_start_filled():
    catalogue = FakeCatalogue([a_dataset("one"), a_dataset("two"), a_dataset("ONE")])

    assert [(d.name, d.version) for d in catalogue.all()] == [("ONE", 2), ("two", 1)]
