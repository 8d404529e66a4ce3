from __future__ import annotations

import pytest
from builders_db import a_dataset
from e2i_shared.api.cohorts import CohortDefinition, CohortQuery, CohortStep, Criterion
from e2i_shared.api.common import Filter
from e2i_shared.errors import MalformedRequestError, NotFoundError
from e2i_shared.ids import new_id

STEP = CohortStep(
    number=1,
    kind="inclusion",
    criterion="age ≥ 65",
    reason=None,
    rows_before=10,
    rows_excluded=6,
    rows_after=4,
    rows_missing=1,
    entities_before=10,
    entities_excluded=6,
    entities_after=4,
    entities_without=10,
    small_cell=True,
)


@pytest.fixture
def define(stores):
    """Return a maker of definitions on one stored data set."""
    dataset = stores.load(a_dataset())

    def made(hash_: str = "a", age: int = 65) -> CohortDefinition:
        filters = [Filter(column="age", op="ge", value=age)]
        return CohortDefinition(
            name="Seniors",
            dataset=dataset.name,
            dataset_id=dataset.dataset_id,
            dataset_version=dataset.version,
            unit="patient",
            unit_col=None,
            filters=filters,
            inclusion=[Criterion(filters=filters)],
            exclusion=[],
            size=4,
            rows=4,
            hash=hash_,
        )

    return made


def test_a_cohort_comes_back_exactly_as_it_was_saved(stores, define):
    saved = stores.cohorts.save("Seniors", define(), [STEP], "anna")

    assert (saved.name, saved.version, saved.created_by) == ("Seniors", 1, "anna")
    assert saved.definition == define()
    assert saved.steps == [STEP]
    assert saved.created_at.endswith("+00:00")
    assert stores.cohorts.get(saved.cohort_id) == saved
    assert stores.cohorts.get("seniors") == saved


def test_saving_the_same_again_changes_nothing(stores, define):
    first = stores.cohorts.save("Seniors", define(), [STEP], "anna")

    assert stores.cohorts.save("SENIORS", define(), [STEP], "ben") == first
    assert len(stores.cohorts.list(CohortQuery(name="Seniors")).items) == 1


def test_other_criteria_under_the_same_name_make_the_next_version(stores, define):
    first = stores.cohorts.save("Seniors", define("a"), [STEP], None)
    second = stores.cohorts.save("seniors", define("b", age=70), [STEP], None)

    assert second.version == 2
    assert stores.cohorts.get("Seniors") == second
    assert stores.cohorts.get(first.cohort_id) == first
    assert stores.cohorts.save("Seniors", define("a"), [STEP], None).version == 3, "back to the first is a change again"


def test_the_list_shows_the_newest_of_each_name_or_all_of_one(stores, define):
    for name, hash_ in (("A", "1"), ("B", "1"), ("A", "2"), ("C", "1")):
        stores.cohorts.save(name, define(hash_), [STEP], None)

    newest = stores.cohorts.list(CohortQuery()).items
    assert [(line.name, line.version) for line in newest] == [("C", 1), ("A", 2), ("B", 1)]
    assert [line.version for line in stores.cohorts.list(CohortQuery(name="a")).items] == [2, 1]
    assert (newest[0].dataset, newest[0].unit, newest[0].size) == (define().dataset, "patient", 4)
    assert stores.cohorts.list(CohortQuery(name="none")).items == []


def test_pages_follow_each_other_without_gap_or_repeat(stores, define):
    for number in range(5):
        stores.cohorts.save(f"C{number}", define(), [STEP], None)

    seen, cursor = [], None
    while True:
        page = stores.cohorts.list(CohortQuery(limit=2, cursor=cursor))
        seen += [line.name for line in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["C4", "C3", "C2", "C1", "C0"]


def test_an_unknown_cohort_names_the_nearest(stores, define):
    stores.cohorts.save("Seniors", define(), [STEP], None)

    with pytest.raises(NotFoundError) as caught:
        stores.cohorts.get("Senoirs")
    assert caught.value.candidates == ("Seniors",)
    with pytest.raises(NotFoundError):
        stores.cohorts.get(new_id())


def test_a_foreign_cursor_is_refused(stores):
    with pytest.raises(MalformedRequestError):
        stores.cohorts.list(CohortQuery(cursor="nonsense"))
